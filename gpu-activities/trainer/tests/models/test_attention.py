"""The attention that a model is loaded with."""

import pytest
from transformers import Gemma2Config, GptOssConfig, LlamaConfig

from flamingo_trainer.models.attention import implementation_for


@pytest.mark.parametrize(
    ("config", "device", "expected"),
    [
        (LlamaConfig(), "cpu", "eager"),
        (LlamaConfig(), "cuda", "sdpa"),
        (Gemma2Config(), "cuda", "eager"),
        (Gemma2Config(attn_logit_softcapping=None), "cuda", "sdpa"),
        (GptOssConfig(), "cuda", "eager"),
    ],
)
def test_a_gpu_has_the_fused_one_where_it_does_all_that_the_model_does(config, device, expected):
    assert implementation_for(config, device) == expected

"""Fused layers: the model stays what it was, and one that can not be fused says why."""

import pytest
import torch

from flamingo_trainer.models.fused import fuse, why_not

from ..families import FUSED, family


@pytest.mark.parametrize("name", FUSED)
def test_fusing_leaves_the_model_as_it_was(name):
    loaded = family(name)
    ids = torch.arange(30)[None] % len(loaded.tokenizer)
    before = loaded.model(ids).logits
    size = sum(parameter.numel() for parameter in loaded.model.parameters())
    first = fuse(loaded.model)
    assert torch.equal(loaded.model(ids).logits, before)
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == size
    again = fuse(loaded.model)
    assert again.layers[0].qkv.data_ptr() == first.layers[0].qkv.data_ptr()  # not copied a second time
    assert why_not(loaded.model) is None


def test_models_that_are_not_fused_say_why():
    assert why_not(family("gemma2").model) == "its type is gemma2"
    sliding = family("mistral").model
    sliding.config.sliding_window = 64
    assert why_not(sliding) == "it has layers with a sliding window"
    dynamic = family("llama").model
    dynamic.config.rope_parameters = {"rope_type": "dynamic"}
    assert why_not(dynamic) == "its rotary embedding is dynamic"

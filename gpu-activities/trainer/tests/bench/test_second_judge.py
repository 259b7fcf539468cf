"""The judge that knows transformers and PEFT only: what it takes for a fault, and what it does where generate fails."""

import pytest
import torch

from bench.gpu import second_judge
from bench.gpu.second_judge import Judged, answer, draws_at_random, losses, plain_model, whole_passes
from bench.gpu.tiny_families import FAMILIES, made
from flamingo_trainer.data.render import IGNORED, EncodedRow

LOGITS = torch.tensor([[0.0, 3.0, 2.9], [1.0, 0.0, 5.0]])
IDS = [3, 7, 11, 30]
ROW = EncodedRow(1, IDS, [IGNORED, *IDS[1:]], truncated=False)


@pytest.mark.parametrize(
    ("tokens", "fault"),
    [
        ([1, 2], None),
        ([2, 0], None),  # the second best by rounding: what follows is another text
        ([0, 2], "token 1 of an answer lies 3 below the best"),
        ([1, 0], "token 2 of an answer lies 4 below the best"),
        ([1], "1 tokens for 2"),
        ([1, 2, 2], "3 tokens, where transformers stops after 2"),
    ],
)
def test_answers_are_compared_up_to_rounding(tokens, fault):
    assert Judged([1, 2], LOGITS).fault(tokens, 0.2) == fault


def test_generate_and_whole_passes_say_the_same(monkeypatch):
    model = plain_model(FAMILIES["llama"], "fp32").eval()
    judged, how = answer(model, IDS, stop=2, padding=0, limit=5)
    with torch.no_grad():
        passes = whole_passes(model, torch.tensor([IDS]), stop=2, limit=5)
    assert how == "generate" and judged.tokens == passes.tokens
    assert torch.allclose(judged.logits, passes.logits, atol=1e-4)
    monkeypatch.setattr(type(model), "generate", lambda *_, **__: 1 / 0)
    assert answer(model, IDS, stop=2, padding=0, limit=5)[1] == "whole passes"
    assert whole_passes(model, torch.tensor([IDS]), stop=passes.tokens[0], limit=5).tokens == passes.tokens[:1]


def test_the_plain_adapter_of_a_multimodal_model_lies_on_its_text_part():
    model = plain_model(FAMILIES["gemma3, multimodal"], "fp32")
    carriers = [name for name, module in model.named_modules() if hasattr(module, "lora_A")]
    assert len(carriers) == 3 * 7 and not any("vision" in name for name in carriers)


def test_a_family_that_draws_in_training_is_found(monkeypatch):
    assert not draws_at_random(FAMILIES["llama"], ROW)
    loaded = made(FAMILIES["llama"])
    block = loaded.model.model.layers[0].mlp
    block.act_fn = torch.nn.Sequential(block.act_fn, torch.nn.Dropout(0.5))
    monkeypatch.setattr(second_judge, "made", lambda family: loaded)
    assert draws_at_random(FAMILIES["llama"], ROW)


def test_plain_steps_learn():
    first, second = losses(FAMILIES["llama"], "fp32", [ROW], training=True)
    assert second < first


def test_a_tiny_model_is_as_it_is_loaded():
    loaded = made(FAMILIES["gpt2"], "bf16")  # whose configuration has dropout
    assert loaded.dtype == torch.bfloat16 and loaded.model.lm_head.weight.dtype == torch.bfloat16
    assert not any(isinstance(part, torch.nn.Dropout) and part.p > 0 for part in loaded.model.modules())

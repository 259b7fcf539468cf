"""Adapters: their first weights, and a base model that is as before when they are taken off."""

import pytest
import torch

from bench.gpu.workload import loaded_model
from flamingo_trainer.data.render import encode_prompt
from flamingo_trainer.models import adapters
from flamingo_trainer.models.fused import fuse

from ..families import adapter_on, family
from ..work import RECIPE

NO_DROPOUT = {**RECIPE["lora"], "dropout": 0.0}
OTHER = {
    "lora": {**NO_DROPOUT, "rank": 2, "targetModules": ["o_proj", "up_proj"]},
    "seeds": {"initialisation": 5, "dataOrder": 6},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_first_weights_are_drawn_once_and_the_same_as_drawn_anew(dtype, monkeypatch):
    loaded, first = loaded_model("small", dtype, torch.device("cpu")), adapters.FirstWeights()
    peft_draws, fills = torch.nn.init.kaiming_uniform_, []

    def counted(tensor, *arguments, **settings):
        fills.append(not tensor.is_meta)
        return peft_draws(tensor, *arguments, **settings)

    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", counted)

    def made(lora, seed, known):
        fills.clear()
        model = adapters.create(loaded.model, lora, seed, None, known)
        state, drawn = torch.get_rng_state(), any(fills)
        kinds = [(name, value.dtype, value.device) for name, value in adapters.trained(model).items()]
        values = [value.detach().clone() for value in adapters.trained(model).values()]
        loaded.model = adapters.take_off(model)
        return drawn, (kinds, state), values

    def same(left, right):
        return (
            left[1][0] == right[1][0]
            and torch.equal(left[1][1], right[1][1])
            and all(map(torch.equal, left[2], right[2]))
        )

    other = {**NO_DROPOUT, "alpha": 3, "dropout": 0.3}  # neither has a part in the first weights
    for lora, seed, drawn in [
        (NO_DROPOUT, 1, True),
        (NO_DROPOUT, 1, False),
        (other, 1, False),
        (NO_DROPOUT, 2, True),
        (NO_DROPOUT, 1, True),
    ]:
        found = made(lora, seed, first)
        assert found[0] == drawn
        assert same(found, made(lora, seed, None))
    assert made(OTHER["lora"], 1, first)[0]


def test_a_taken_off_adapter_leaves_the_fused_model_as_it_was():
    loaded = family("qwen3")
    prompt = encode_prompt(loaded.tokenizer, [{"role": "user", "content": "Why?"}], {"kind": "default"})
    before = loaded.model(torch.tensor([prompt])).logits
    model = adapter_on(loaded)
    fuse(model)
    assert torch.equal(adapters.take_off(model)(torch.tensor([prompt])).logits, before)

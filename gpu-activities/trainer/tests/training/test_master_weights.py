"""An adapter's fp32 masters beside its copies to compute with."""

import pytest
import torch

from flamingo_trainer.training.memory_plan import Plan
from flamingo_trainer.training.packed import packed_path

from ..families import LORA, adapter_on, encoded, family
from ..gradients import gradients_by_name, reference


def test_bf16_computes_with_copies_of_fp32_masters():
    loaded = family("qwen2", torch.bfloat16)
    model = adapter_on(loaded)
    rows = encoded(loaded)
    padded_loss, _, padded = reference(loaded, model, rows)
    path = packed_path(loaded, model, {"lora": LORA}, rows, [[0]], Plan(10_000, 0, 1000))
    loss, _ = path.gradients(rows)
    exact = family("qwen2")
    exact.model.load_state_dict({name: value.float() for name, value in loaded_state(loaded).items()})
    expected, _, gradients = reference(exact, adapter_on(exact), rows)
    assert loss.item() == pytest.approx(expected, rel=0.02) and padded_loss == pytest.approx(expected, rel=0.02)

    def error(found):
        return sum(((found[name] - value).norm() / value.norm()).item() for name, value in gradients.items())

    # as near to the exact gradients as transformers' own bf16 is
    assert error(gradients_by_name(path, model)) < 1.2 * error(padded)
    # an update too small for a bf16 weight is kept, and adds up
    parameter = next(iter(path.parameters.values()))
    before, flat = parameter.clone(), path.master.flat
    for _ in range(4):
        with torch.no_grad():
            flat += 1e-6
    assert parameter.dtype == torch.float32 and (parameter - before).mean().item() == pytest.approx(4e-6, rel=0.05)


def loaded_state(loaded):
    return {
        name.removeprefix("base_model.model.").replace(".base_layer", ""): value
        for name, value in loaded.model.state_dict().items()
        if "lora" not in name
    }

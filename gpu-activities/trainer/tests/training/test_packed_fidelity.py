"""Packed rows side by side: one knows nothing of the other, and steps made of them go the reference's way.

The same in bf16 at a 14B model's shape on a GPU: `python -m bench.gpu --only rowLogits,paddedReference`.
"""

import dataclasses

import pytest
import torch

from flamingo_trainer.data.packing import pack
from flamingo_trainer.data.render import IGNORED
from flamingo_trainer.serve import fields
from flamingo_trainer.training.memory_plan import Plan
from flamingo_trainer.training.packed import packed_path
from flamingo_trainer.training.train import finetune

from ..families import FUSED, LORA, adapter_on, encoded, family
from ..work import RECIPE, Listener, finetune_command, read_lines


def other_words(row, length=None):
    """A row of the same length, or of another, with nothing in common: every token is another one."""
    ids = [(token + 7) % 250 for token in row.ids][:length]
    labels = [IGNORED if label == IGNORED else token for token, label in zip(ids, row.labels, strict=False)]
    return dataclasses.replace(row, ids=ids, labels=labels)


def logits_by_row(path, rows):
    """Logits at the trained places of each row, all from one packed pass."""
    batch = pack(rows, 0, path.longest, torch.device("cpu"))
    with torch.no_grad():
        logits = torch.nn.functional.linear(path.hidden(batch), path.fused.head)
    return logits.split([row.trained for row in rows])


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("changed", [0, 3, 6])
def test_another_row_leaves_the_logits_of_the_rest_as_they_were(name, changed):
    loaded = family(name)
    rows = encoded(loaded)
    path = packed_path(loaded, adapter_on(loaded), {"lora": LORA}, rows, [[0]], Plan(10_000, 0, 1000))
    before = logits_by_row(path, rows)
    after = logits_by_row(path, [other_words(row) if i == changed else row for i, row in enumerate(rows)])
    for i, (first, second) in enumerate(zip(before, after, strict=True)):
        assert torch.equal(first, second) == (i != changed), i


@pytest.mark.parametrize("name", FUSED)
def test_a_row_of_another_length_moves_the_rest_and_changes_only_rounding(name):
    loaded = family(name)
    rows = encoded(loaded)
    path = packed_path(loaded, adapter_on(loaded), {"lora": LORA}, rows, [[0]], Plan(10_000, 0, 1000))
    before = logits_by_row(path, rows)
    after = logits_by_row(path, [other_words(rows[0], len(rows[0].ids) - 5), *rows[1:]])
    for first, second in zip(before[1:], after[1:], strict=True):
        assert (first - second).abs().max() <= 1e-5 * first.abs().max()


# relative, per step; at this rate the weights move a hundred times as fast as in the study
BOUND = 1e-4


def test_20_packed_steps_follow_the_padded_references_losses(models, tiny_model, tmp_path):
    changes = {"lora": LORA, "epochs": 4, "optimizer": {**RECIPE["optimizer"], "learningRate": 1e-3}}
    logs = []
    for packing in ("none", "always"):
        command = finetune_command(tmp_path / packing, tiny_model, packing=packing, **changes)
        logs.append(read_lines(finetune(models, Listener(), **fields(command))["log"]))
    padded, packed = logs
    assert len(padded) == len(packed) == 20
    for mine, theirs in zip(packed, padded, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=BOUND), mine["step"]
        assert mine["gradNorm"] == pytest.approx(theirs["gradNorm"], rel=10 * BOUND), mine["step"]
        assert (mine["learningRate"], mine["trainedTokens"]) == (theirs["learningRate"], theirs["trainedTokens"])
    # and they are steps that learn something
    assert padded[-1]["loss"] < 0.96 * padded[1]["loss"]

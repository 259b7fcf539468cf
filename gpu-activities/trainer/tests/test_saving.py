"""Checkpoints beside training: when they are made, and that a slow or failing disk costs nothing else."""

import errno
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from flamingo_trainer import checkpoint, saving
from flamingo_trainer.checkpoint import Identity, State, newest_verified
from flamingo_trainer.failures import classify
from flamingo_trainer.files import sha256_of, write_tensors
from flamingo_trainer.saving import Saver

from .work import Listener

IDENTITY = Identity("recipe", "rows", "cpu", {})


def state_at(step: int) -> State:
    weight = torch.nn.Parameter(torch.full((3, 5), float(step)))
    weight.grad = torch.ones_like(weight)
    optimizer = torch.optim.AdamW([weight], fused=True)
    optimizer.step()
    return State(step, {"weight": weight}, optimizer, [{"step": step}])


def after(saver: Saver, state: State, listener: Listener) -> None:
    saver.due(state.step)
    saver.after_step(state, 0.1, listener)


def test_a_checkpoint_is_of_the_step_that_it_says(tmp_path):
    """However slowly it is written: what training does meanwhile does not reach it."""
    saver, listener, state = Saver(tmp_path, IDENTITY, 2), Listener(), state_at(2)
    after(saver, state, listener)
    with torch.no_grad():
        state.parameters["weight"].fill_(-1)
    state.log.append({"step": 3})
    saver.finish(listener)
    assert listener.checkpoints == [2]
    found = newest_verified([tmp_path], IDENTITY)
    expected = state_at(2).parameters["weight"]
    assert torch.equal(load_file(found / "adapter.safetensors")["weight"], expected)
    fresh = state_at(9)
    restored = checkpoint.restore(found, fresh.parameters, fresh.optimizer)
    assert restored.step == 2 and restored.log == [{"step": 2}]
    assert torch.equal(
        fresh.optimizer.state_dict()["state"][0]["exp_avg"], state_at(2).optimizer.state_dict()["state"][0]["exp_avg"]
    )


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    gate, save = threading.Event(), checkpoint.save

    def slow(*arguments):
        assert gate.wait(20)
        return save(*arguments)

    monkeypatch.setattr(checkpoint, "save", slow)
    saver, listener = Saver(tmp_path, IDENTITY, 2), Listener()
    for step in (2, 3):
        after(saver, state_at(step), listener)
    assert listener.checkpoints == [] and saver.figures()["stallSeconds"] < 5
    gate.set()
    assert saver.save_now(state_at(5), listener).name == "step-000005"
    assert listener.checkpoints == [2, 5]
    saver.finish(listener)
    assert saver.figures()["count"] == 2


def test_without_a_declared_interval_time_decides(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    saver, listener = Saver(tmp_path, IDENTITY, None), Listener()
    made = []
    for step in range(1, 200):
        now[0] += 1
        after(saver, state_at(step), listener)
        if saver._writing is not None:
            saver._writing[1].result()
        made = listener.checkpoints
    assert made[0] == saving.FIRST
    # writing took no time by this clock, so they come as often as they may
    assert {later - earlier for earlier, later in pairwise(made)} == {saving.SHORTEST}
    saver.finish(listener)


def test_a_full_disk_is_reported(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_tensors", full)
    saver, listener = Saver(tmp_path, IDENTITY, 1), Listener()
    after(saver, state_at(1), listener)
    with pytest.raises(OSError) as caught:
        saver.finish(listener)
    failure = classify(caught.value)
    assert failure.kind == "internal" and "the disk is full" in str(failure)
    assert newest_verified([tmp_path], IDENTITY) is None


def test_tensor_files_are_those_of_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr("flamingo_trainer.files.PIECE", 7)
    tensors = {"a": torch.randn(5, 6), "b": torch.tensor(3.0), "c": torch.randn(4, 4).T, "d": torch.empty(0, 3)}
    assert write_tensors(Path(tmp_path / "x.safetensors"), tensors) == sha256_of(tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], value) for name, value in tensors.items())
    ordered = {name: torch.randn(5, 3 * size) for size, name in enumerate("abcd", 1)}
    write_tensors(tmp_path / "ours.safetensors", ordered)
    save_file(ordered, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()
    with pytest.raises(TypeError, match=r"a is torch\.bfloat16"):
        write_tensors(Path(tmp_path / "y.safetensors"), {"a": torch.zeros(2, dtype=torch.bfloat16)})

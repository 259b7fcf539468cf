"""Checkpoints beside training: when they are made, and that a slow or failing disk costs nothing else."""

import errno
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from flamingo_trainer.failures import classify
from flamingo_trainer.training import checkpoint, saving
from flamingo_trainer.training.checkpoint import Identity, State, newest_verified
from flamingo_trainer.training.saving import Saver

from ..work import Listener

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


class Disk:
    """In place of the saver's thread: by a made-up clock a checkpoint is whole `seconds(number)` after it was begun."""

    def __init__(self, seconds):
        self.now, self.seconds, self.begun = 100.0, seconds, []

    def submit(self, _function, _attempt, _kept, snapshot, *_):
        took = self.seconds(len(self.begun))
        self.begun.append((self.now, self.now + took))
        disk, whole = self, self.now + took

        class Future:
            def done(self):
                return disk.now >= whole

            def result(self):
                disk.now = max(disk.now, whole)
                return Path(f"step-{snapshot.step}"), "sha256", took

        return Future()

    def shutdown(self):
        pass


def trained(tmp_path, monkeypatch, disk, step, until, stall=0.0):
    """A run of steps of `step` seconds without a declared interval; what it would lose to a kill at worst, in seconds.

    `stall`: seconds that it stands still for each checkpoint.
    """
    monkeypatch.setattr(time, "monotonic", lambda: disk.now)
    saver, listener, state = Saver(tmp_path, IDENTITY, None), Listener(), state_at(1)
    saver._thread = disk
    copy = State.snapshot

    def snapshot(state):
        disk.now += stall
        return copy(state)

    monkeypatch.setattr(State, "snapshot", snapshot)
    start, lost = disk.now, 0.0
    while disk.now < start + until:
        disk.now += step
        whole = max((begun for begun, whole in disk.begun if whole <= disk.now), default=start)
        lost = max(lost, disk.now - whole)
        saver.due(state.step)
        saver.after_step(state, step, listener)
        state.step += 1
    saver.finish(listener)
    return lost, saver.figures()


@pytest.mark.parametrize(
    "seconds", [lambda _: 0.01, lambda _: 4.3, lambda number: 4 + 2 * (number % 2), lambda _: 9.5, lambda _: 14.0]
)
@pytest.mark.parametrize("step", [0.2, 1.0])
def test_a_kill_costs_an_interval_at_most(tmp_path, monkeypatch, step, seconds):
    disk = Disk(seconds)
    lost, figures = trained(tmp_path, monkeypatch, disk, step, 600)
    assert 10 < lost <= figures["intervalSeconds"]
    assert figures["count"] >= 600 / figures["intervalSeconds"] - 1
    # where there is time for it the interval is the one that is promised
    if seconds(0) <= 9.5 and seconds(1) <= 9.5 and step < 1:
        assert figures["intervalSeconds"] == saving.SHORTEST
    assert all(whole <= begun for (_, whole), (begun, _) in pairwise(disk.begun))


def test_a_slow_disk_and_a_long_standstill_make_the_interval_longer(tmp_path, monkeypatch):
    lost, slow = trained(tmp_path, monkeypatch, Disk(lambda _: 60.0), 1.0, 1800)
    assert lost <= slow["intervalSeconds"] == 2 * (saving.MARGIN * 60 + 1)
    _, still = trained(tmp_path, monkeypatch, Disk(lambda _: 1.0), 1.0, 1800, stall=0.5)
    assert saving.SHORTEST < still["intervalSeconds"] < saving.LONGEST
    assert still["stallSeconds"] / 1800 < 0.01


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

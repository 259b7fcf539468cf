"""The trainer as a process: its two pipes, and every way of being interrupted."""

import queue
import random
import time
from pathlib import Path

import pytest
import torch

from flamingo_trainer import environment
from flamingo_trainer import serve as serving
from flamingo_trainer.serve import POISONED, serve

from .driver import Trainer
from .work import (
    RECIPE,
    Listener,
    finetune_command,
    generate_command,
    items,
    measure_command,
    pairs,
    read_lines,
    write_lines,
)

# long enough to be interrupted anywhere
LONG = {"epochs": 12}
LONG_STEPS = 60


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory):
    trainer = Trainer(tmp_path_factory.mktemp("trainer") / "log", program=True)
    yield trainer
    trainer.close()


@pytest.fixture(scope="module")
def undisturbed(long_lived, tiny_model, tmp_path_factory):
    command = finetune_command(tmp_path_factory.mktemp("undisturbed"), tiny_model, every=3, **LONG)
    long_lived.send("finetune", id=1, **command)
    end = long_lived.finish()
    assert end["event"] == "committed", end
    return end


def test_ready_says_who_it_is(long_lived):
    ready = long_lived.ready
    assert ready["event"] == "ready" and ready["pid"] == long_lived.process.pid
    assert ready["device"] == "cpu" or ready["device"].startswith("cuda ")
    assert {"torch", "transformers", "peft", "python"} <= ready["versions"].keys()


def read_in(seen):
    """What was read; a probe reads nothing, and whether there is one depends on what ran before."""
    phases = [event["phase"] for event in seen if event["event"] == "loading"]
    return [phase for phase in phases if phase != "probe"]


def test_events_of_a_fine_tune_and_of_a_generation(long_lived, undisturbed, tiny_model, tmp_path):
    trainer = long_lived
    trainer.send("finetune", id=2, **finetune_command(tmp_path / "train", tiny_model))
    seen = trainer.until("committed", "failed")
    assert {event["id"] for event in seen} == {2}
    # the model is there from the operation before
    assert read_in(seen) == ["rows"]
    progress = [event for event in seen if event["event"] == "progress"]
    assert [event["step"] for event in progress] == list(range(1, 16)) and progress[0]["of"] == 15
    assert progress[0].keys() >= {"loss", "learningRate", "gradNorm", "tokensPerSecond", "memoryBytes"}
    assert [event["step"] for event in seen if event["event"] == "checkpoint"] == [2, 4, 6, 8, 10, 12, 14]
    committed = seen[-1]
    assert committed.keys() == {
        "event", "id", "adapter", "log", "steps", "resumedFrom", "rowsTruncated", "trainedTokens", "seconds",
        "plan", "saves", "speed", "heldOut", "kept", "matrices", "probe",
    }  # fmt: skip

    command = generate_command(tmp_path / "generate", tiny_model, items(5))
    trainer.send("generate", id=3, **{**command, "adapter": committed["adapter"]})
    seen = trainer.until("committed", "failed")
    # the adapter is still on the model from its fine-tune
    assert read_in(seen) == []
    assert [event for event in seen if event["event"] == "progress"][-1]["step"] == 5
    assert seen[-1].keys() == {"event", "id", "completions", "withSpecialTokens", "seconds", "engine", "slots", "probe"}
    assert seen[-1]["completions"] == 5 and (seen[-1]["engine"], seen[-1]["slots"]) == ("batches", None)
    assert len(read_lines(command["out"])) == 5


def test_a_failed_operation_does_not_end_the_process(long_lived, tiny_model, tmp_path):
    trainer = long_lived
    command = finetune_command(tmp_path / "bad", tiny_model)
    Path(command["rows"]).write_text("changed\n")
    trainer.send("finetune", id=4, **command)
    end = trainer.finish()
    assert (end["event"], end["id"], end["kind"]) == ("failed", 4, "data")
    trainer.send("generate", id=5, **{**generate_command(tmp_path / "x", tiny_model, items(1)), "adapter": 3})
    end = trainer.finish()
    assert (end["event"], end["kind"]) == ("failed", "internal")
    trainer.send("dance", id=6)
    assert trainer.finish()["kind"] == "config"
    trainer.send("generate", id=7, **generate_command(tmp_path / "good", tiny_model, items(1)))
    assert trainer.finish()["event"] == "committed"


def test_stop_and_go_on_in_the_same_process(long_lived, undisturbed, tiny_model, tmp_path):
    trainer = long_lived
    command = finetune_command(tmp_path, tiny_model, every=100, **LONG)
    trainer.send("finetune", id=8, **command)
    trainer.until("progress")
    trainer.send("stop")
    stopped = trainer.finish()
    assert stopped["event"] == "stopped"
    assert stopped["checkpoint"].endswith(f"/checkpoints/step-{stopped['step']:06d}")
    trainer.send("finetune", id=9, **command)
    end = trainer.finish()
    assert end["resumedFrom"] == stopped["step"]
    assert end["adapter"]["sha256"] == undisturbed["adapter"]["sha256"]


def test_a_late_stop_does_not_hit_the_next_operation(long_lived, tiny_model, tmp_path):
    long_lived.send("stop")
    long_lived.send("generate", id=10, **generate_command(tmp_path, tiny_model, items(2)))
    assert long_lived.finish()["event"] == "committed"


def test_a_generation_stops_at_once_and_leaves_nothing(long_lived, tiny_model, tmp_path):
    command = generate_command(tmp_path, tiny_model, items(20), maxNewTokens=900, batchSize=2, temperature=0)
    long_lived.send("generate", id=11, **command)
    long_lived.until("progress")
    long_lived.send("stop")
    stopped = long_lived.finish()
    assert (stopped["event"], stopped["checkpoint"]) == ("stopped", None)
    assert not Path(command["out"]).exists()


@pytest.mark.parametrize("way", ["SIGTERM", "SIGKILL", "hang up"])
def test_interrupted_at_any_time_the_adapter_is_the_same(long_lived, undisturbed, tiny_model, tmp_path, way):
    """The first attempt is interrupted at a random moment; the second, in another process, goes on."""
    command = finetune_command(tmp_path, tiny_model, every=3, **LONG)
    first = Trainer(tmp_path / "log")
    first.send("finetune", id=1, **command)
    for _ in range(random.randint(1, LONG_STEPS - 20)):
        first.until("progress")
    time.sleep(random.uniform(0, 0.03))  # anywhere in a step
    if way == "SIGTERM":
        first.terminate()
        end = first.finish()
        assert end["event"] == "stopped" and end["checkpoint"]
        assert first.wait() == 0
    elif way == "SIGKILL":
        first.process.kill()
        assert first.wait() == -9
    else:
        first.hang_up()
        assert first.wait() == 1
    long_lived.send("finetune", id=20, **command)
    end = long_lived.finish()
    assert end["event"] == "committed", end
    if way == "SIGTERM":
        assert end["resumedFrom"] > 0
    assert end["adapter"]["sha256"] == undisturbed["adapter"]["sha256"]
    assert Path(end["log"]).read_bytes() == Path(undisturbed["log"]).read_bytes()


@pytest.mark.parametrize("way", ["exit", "SIGTERM", "hang up"])
def test_an_idle_trainer_leaves(tmp_path, way):
    started = time.monotonic()
    trainer = Trainer(tmp_path / "log", program=True)
    if not environment.has_cuda_driver():
        assert time.monotonic() - started < 5  # `ready` does not wait for torch
    if way == "exit":
        trainer.send("exit")
    elif way == "SIGTERM":
        trainer.terminate()
    else:
        trainer.hang_up()
    assert trainer.wait() == (1 if way == "hang up" else 0)


def test_nan_is_a_failure_of_the_run(long_lived, tiny_model, tmp_path):
    optimizer = {**RECIPE["optimizer"], "learningRate": 1e30}
    long_lived.send("finetune", id=12, **finetune_command(tmp_path, tiny_model, optimizer=optimizer))
    end = long_lived.finish()
    assert end["kind"] == "nan" and "rows" in end["message"]


def test_events_of_a_measurement(long_lived, tiny_model, tmp_path):
    command = measure_command(tmp_path, tiny_model, pairs(3))
    long_lived.send("measure", id=30, **command)
    seen = long_lived.until("committed", "failed")
    assert [event for event in seen if event["event"] == "progress"][-1]["step"] == 3
    assert seen[-1].keys() == {"event", "id", "pairs", "tokens", "tokensPerForward", "seconds", "probe"}
    assert len(read_lines(command["out"])) == 3


def test_events_of_a_score(long_lived, tiny_model, tmp_path):
    asked = [{"id": item["id"], "messages": item["messages"]} for item in items(3)]
    files = {"items": str(write_lines(tmp_path / "items.jsonl", asked)), "out": str(tmp_path / "scored.jsonl")}
    long_lived.send("score", id=31, model={"path": str(tiny_model)}, name="tiny", precision="fp32", **files)
    seen = long_lived.until("committed", "failed")
    assert [event for event in seen if event["event"] == "progress"][-1]["step"] == 3
    assert seen[-1].keys() == {"event", "id", "scored", "tokens", "seconds", "probe"}
    assert len(read_lines(files["out"])) == 3


# --- a broken process ----


class Scripted:
    """Stands in for the pipes: gives these commands, keeps the events."""

    stop_requested = False

    def __init__(self, *commands):
        self.commands, self.events = queue.SimpleQueue(), []
        for command in [*commands, None]:
            self.commands.put(command)

    def open(self):
        pass

    def next(self):
        return self.commands.get()

    def send(self, event, **details):
        self.events.append((event, details.get("kind")))


def test_after_a_cuda_error_the_process_ends_and_takes_no_further_command(monkeypatch):
    channel = Scripted({"op": "finetune", "id": 1}, {"op": "generate", "id": 2})
    monkeypatch.setattr(serving, "Channel", lambda: channel)

    def broken(*_):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(serving, "perform", broken)
    assert serve() == POISONED
    assert channel.events == [("ready", None), ("failed", "cuda")]
    assert channel.next() == {"op": "generate", "id": 2}


def test_after_any_other_failure_the_model_is_loaded_anew(monkeypatch, tiny_model):
    channel = Scripted(*[{"op": "anything", "id": number} for number in range(3)])
    monkeypatch.setattr(serving, "Channel", lambda: channel)
    loads = []

    def perform(models, command, report):
        listener = Listener()
        models.base({"path": str(tiny_model)}, "fp32", listener)
        loads.append(listener.loaded)
        if command["id"] == 0:
            raise RuntimeError("who knows what state this left")
        return {}

    monkeypatch.setattr(serving, "perform", perform)
    assert serve() == 0
    assert loads == [["model"], ["model"], []]
    assert [event for event, _ in channel.events] == ["ready", "failed", "committed", "committed"]

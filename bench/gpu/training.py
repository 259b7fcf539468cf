"""Training: tokens/s, memory, checkpoints, a stop and a resume compared by hash, and the padded reference."""

import copy
import hashlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from flamingo_trainer.failures import Stopped
from flamingo_trainer.models import adapters
from flamingo_trainer.models.gpu_memory import empty_cache
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.training import checkpoint
from flamingo_trainer.training.held_out import Watched
from flamingo_trainer.training.padded import PaddedPath
from flamingo_trainer.training.saving import MARGIN, Saver
from flamingo_trainer.training.schedule import steps_of
from flamingo_trainer.training.train import deterministic, optimizer_of, path_of, train

from . import accelerator
from .workload import RECIPE, Clock, rows


def run(
    loaded: Loaded,
    steps: int,
    folder: Path,
    every: int | None,
    stop_at: int | None = None,
    seed: int = 0,
    into: Path | None = None,
    clock: Clock | None = None,
) -> tuple[dict[str, Any], Clock]:
    """A fine-tune through the real loop; the adapter is written to `into`. Returns what it came to, and the times."""
    recipe = {**copy.deepcopy(RECIPE), "seeds": {"initialisation": seed, "dataOrder": seed}}
    encoded = rows(steps * recipe["batchSize"], loaded.model.config.vocab_size)
    clock = clock or Clock(stop_at)
    adapter = adapters.create(loaded.model, recipe["lora"], seed, None)
    saver = Saver(folder, checkpoint.Identity.of(recipe), every)
    found: dict[str, Any] = {"stopped": None}
    begun = time.perf_counter()
    try:
        with deterministic(loaded.device):
            state, found["resumedFrom"] = train(loaded, adapter, encoded, Watched([]), recipe, saver, [folder], clock)
        if into is not None:
            found["adapter"] = adapters.save(adapter, into)
        else:
            weights = hashlib.sha256()
            for value in state.parameters.values():
                weights.update(value.detach().cpu().numpy().tobytes())
            found["sha256"] = weights.hexdigest()
        found |= {"losses": [entry["loss"] for entry in state.log], "plan": state.plan}
    except Stopped as stopped:
        found["stopped"] = {"step": stopped.step, "seconds": time.perf_counter() - clock.steps[-1][0]}
    finally:
        loaded.model = adapters.take_off(adapter)
    found |= {"begun": begun, "saves": saver.figures(), "batches": steps_of(len(encoded), recipe), "rows": encoded}
    return found, clock


def speed(found: dict[str, Any], clock: Clock, warm: int) -> float:
    tokens = sum(len(found["rows"][i].ids) for step in found["batches"][warm : len(clock.steps)] for i in step)
    return tokens / (clock.steps[-1][0] - clock.steps[warm - 1][0])


def median_speed(found: dict[str, Any], clock: Clock, warm: int) -> float:
    """Tokens/s of the median step after the first `warm`: the speed of a step that nothing disturbs."""
    ends = [end for end, _ in clock.steps]
    tokens = [sum(len(found["rows"][i].ids) for i in step) for step in found["batches"]]
    return statistics.median(tokens[i] / (ends[i] - ends[i - 1]) for i in range(warm, len(ends)))


def profile(loaded: Loaded, steps: int = 3) -> dict[str, Any]:
    """Where a packed step's time on the GPU goes: milliseconds a step by kernel, the largest first."""
    adapter = adapters.create(loaded.model, RECIPE["lora"], 0, None)
    encoded = rows((steps + 5) * 32, loaded.model.config.vocab_size)
    try:
        with deterministic(loaded.device):
            order = steps_of(len(encoded), RECIPE)
            path = path_of(loaded, adapter, RECIPE, encoded, order, None)
            optimizer = optimizer_of(path.optimized, RECIPE["optimizer"])

            def step(number: int) -> None:
                path.gradients([encoded[i] for i in order[number]])
                path.clip(1.0)
                optimizer.step()
                path.stepped()

            for number in range(4):
                step(number)
            torch.cuda.synchronize()
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as recorded:
                begun = time.perf_counter()
                for number in range(4, 4 + steps):
                    step(number)
                torch.cuda.synchronize()
                wall = time.perf_counter() - begun
    finally:
        loaded.model = adapters.take_off(adapter)
    return {"wallMilliseconds": round(wall / steps * 1e3, 1), **kernels(recorded, steps)}


def kernels(recorded: Any, steps: int, most: int = 28) -> dict[str, Any]:
    found = sorted(recorded.key_averages(), key=lambda event: -event.self_device_time_total)
    total = sum(event.self_device_time_total for event in found) / steps / 1e3
    return {
        "gpuMilliseconds": round(total, 1),
        "kernels": {
            event.key[:90]: [round(event.self_device_time_total / steps / 1e3, 2), event.count // steps]
            for event in found[:most]
        },
    }


def packed(loaded: Loaded, steps: int, warm: int) -> dict[str, Any]:
    accelerator.forget_peak()
    with tempfile.TemporaryDirectory() as folder:
        found, clock = run(loaded, steps, Path(folder), every=None)
    result = {
        "tokensPerSecond": round(speed(found, clock, warm)),
        "peakGB": accelerator.peak_gb(),
        "firstStepSeconds": round(clock.steps[0][0] - found["begun"], 1),
        "medianTokensPerSecond": round(median_speed(found, clock, warm)),
        "stepSeconds": round((clock.steps[-1][0] - clock.steps[warm - 1][0]) / (steps - warm), 3),
        "plan": found["plan"],
        "saves": found["saves"],
        "losses": [round(loss, 5) for loss in found["losses"][:3]],
    }
    empty_cache()
    result["memoryAfterGB"] = accelerator.used_gb()
    return result


def preemption(loaded: Loaded, steps: int = 26, every: int = 12, stop: int = 6) -> dict[str, Any]:
    """A run with checkpoints, and one that is stopped and resumed: times and hashes.

    A checkpoint is written before the next one is due, as with the interval that the trainer chooses by itself: else
    training would wait for the writer, and that would be counted as its own standing still.
    """
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        whole, clock = run(loaded, steps, Path(first), every=every)
        halted, halted_clock = run(loaded, steps, Path(second), every=None, stop_at=stop)
        again, again_clock = run(loaded, steps, Path(second), every=None)
    saves = whole["saves"]
    return {
        "identical": again["sha256"] == whole["sha256"] and again["losses"] == whole["losses"],
        "resumedFrom": again["resumedFrom"],
        "stopToExitSeconds": round(halted["stopped"]["seconds"], 2),
        # the interval that the trainer would choose by itself, which bounds what a SIGKILL costs
        "intervalSeconds": round(saves["intervalSeconds"], 1),
        "secondsBetweenSaves": round(saves["intervalSeconds"] - MARGIN * saves["writeSeconds"] / saves["count"], 1),
        "stallSecondsPerSave": round(saves["stallSeconds"] / saves["count"], 4),
        "writeSecondsPerSave": round(saves["writeSeconds"] / saves["count"], 2),
        "secondsFromResumeToStep": round(again_clock.steps[0][0] - again["begun"], 2),
        "secondsFromStartToStep": round(halted_clock.steps[0][0] - halted["begun"], 2),
        "tokensPerSecondWithSaves": round(speed(whole, clock, 2)),
    }


def padded(loaded: Loaded, micro: int, steps: int, recompute: bool) -> dict[str, Any]:
    """The padded path without compiling, as plain Trainer and PEFT would do it, and its losses."""
    accelerator.forget_peak()
    encoded = rows(steps * 32, loaded.model.config.vocab_size)
    adapter = adapters.create(loaded.model, RECIPE["lora"], 0, None)
    losses, started, tokens = [], time.perf_counter(), 0
    try:
        if recompute:
            adapter.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        path = PaddedPath(loaded, adapter, micro)
        optimizer = optimizer_of(path.optimized, RECIPE["optimizer"])
        for number, step in enumerate(steps_of(len(encoded), RECIPE)):
            if number == 1:
                accelerator.wait()
                started, tokens = time.perf_counter(), 0
            chosen = [encoded[i] for i in step]
            losses.append(path.gradients(chosen)[0])
            path.clip(1.0)
            for group in optimizer.param_groups:
                group["lr"] = RECIPE["optimizer"]["learningRate"] * min(1.0, number / 5)
            optimizer.step()
            path.stepped()
            tokens += sum(len(row.ids) for row in chosen)
        accelerator.wait()
        seconds = time.perf_counter() - started
    finally:
        if recompute:
            adapter.gradient_checkpointing_disable()
        loaded.model = adapters.take_off(adapter)
    peak = accelerator.peak_gb()
    empty_cache()
    return {"tokensPerSecond": round(tokens / seconds), "peakGB": peak, "losses": losses}

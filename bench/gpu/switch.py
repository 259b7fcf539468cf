"""Fine-tune, sample, fine-tune the next: what lies between them in one process, in seconds and memory."""

import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from flamingo_trainer.models import adapters
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.slots import slot_engine
from flamingo_trainer.training import checkpoint
from flamingo_trainer.training.held_out import Watched
from flamingo_trainer.training.saving import Saver
from flamingo_trainer.training.train import deterministic, train

from . import sampling
from .workload import RECIPE, SAMPLING, Clock, rows


def switch(loaded: Loaded, rounds: int = 3, steps: int = 5, answers: int = 300, **changes: Any) -> dict[str, Any]:
    """Seconds of each round; the first one compiles, which a process does once.

    `toSampling` is from a fine-tune's last step to the first tokens of answers: the adapter written and hashed, left on
    the model for sampling, prompts read, the sampler's cache and captured steps made. `toTraining` is from the last
    tokens to the end of the next fine-tune's first step, less the median time of a step. Memory is of the GPU, 0
    without one.
    """
    models, settings = Models.around(loaded), {**SAMPLING, **changes}
    models.make_room()
    result: dict[str, Any] = {"memoryBeforeGB": gigabytes(), "rounds": []}
    sampled: float | None = None
    for _ in range(rounds):
        found: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as folder:
            ends = fine_tune(models, loaded, Path(folder), steps)
            if sampled is not None:
                step = statistics.median(after - before for before, after in pairwise(ends))
                found["toTraining"] = round(ends[0] - sampled - step, 2)
        first, sampled = sample(loaded, models, settings, answers)
        found |= {"toSampling": round(first - ends[-1], 2), "whileSamplingGB": gigabytes()}
        models.take_off(loaded, loaded.model)
        models.make_room()
        result["rounds"].append({**found, "memoryAfterGB": gigabytes()})
    return result


def fine_tune(models: Models, loaded: Loaded, folder: Path, steps: int) -> list[float]:
    """When each step ended. The adapter is written to `folder`/adapter and stays on the model, as `finetune` has it."""
    clock, encoded = Clock(), rows(steps * RECIPE["batchSize"], loaded.model.config.vocab_size)
    adapter = models.new_adapter(loaded, RECIPE["lora"], 0, None)
    try:
        with deterministic(loaded.device):
            saver = Saver(folder, checkpoint.Identity.of(RECIPE), None)
            train(loaded, adapter, encoded, Watched([]), {**RECIPE, "epochs": 1}, saver, [], clock)
        sha256 = adapters.save(adapter, folder / "adapter")
    except BaseException:
        models.take_off(loaded, adapter)
        raise
    models.keep(loaded, adapter, sha256)
    return [end for end, _ in clock.steps]


def sample(loaded: Loaded, models: Models, settings: dict[str, Any], answers: int) -> tuple[float, float]:
    """When the first tokens of the answers were there, and the last."""
    told: list[float] = []
    jobs = sampling.jobs_for(answers, 16, loaded.model.config.vocab_size, [20] * answers)
    slot_engine(models, loaded, settings, 128).run(jobs, set(), lambda *_: told.append(time.perf_counter()))
    return told[0], told[-1]


def gigabytes() -> float:
    return round(torch.cuda.memory_allocated() / 1e9, 2) if torch.cuda.is_available() else 0.0

"""LoRA fine-tuning: the declared recipe, written out.

    loss        cross-entropy, mean over the trained tokens of the optimizer step (not of each micro-batch)
    optimizer   fused AdamW over the adapter's fp32 weights, gradient norm clipped; the same result every time
                (`adamw_8bit`: eight_bit.py)
    schedule    linear, cosine or constant after a warm-up, a function of the step alone (schedule.py)
    rows        a fresh order each epoch, a function of (data-order seed, epoch) alone (schedule.py)
    precision   fp32, or a bf16 base with fp32 adapters under autocast; the base in 4 bits where the recipe says so
    packing     none: padded micro-batches, the reference (padded.py); else packed sequences (packed.py), the same loss;
                where a model does not keep rows apart, one row at a time (probe.py)

A step that was interrupted is done again from the last checkpoint, and everything that decides its outcome is either
in the checkpoint or a function of the step: on one CPU or GPU type the adapter is bit-identical to that of an
undisturbed run.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import contextlib
import math
import random
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import environment
from ..data.render import EncodedRow
from ..data.rows import encode_recipe
from ..failures import Failure, Stopped
from ..files import sha256_of, write_rows
from ..models import adapters
from ..models.card import base_of, write_card
from ..models.loading import Loaded, check_known, positions_of
from ..models.resident import Models
from . import checkpoint, training_log
from .eight_bit import adamw_8bit
from .held_out import HeldOut, Watched, watched_rows
from .kept_adapters import Kept
from .memory_plan import Plan
from .packed import packed_path
from .padded import PaddedPath
from .probe import PACKED, PADDED, probe_training, way_of
from .saving import Saver
from .schedule import has_settled, schedule, steps_in_epoch, steps_of
from .unsloth_path import UnslothPath


def finetune(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    recipe: dict[str, Any],
    rows: str,
    held_out: str | None,
    attempt_folder: str,
    search_folders: list[str],
    checkpoint_every_steps: int | None,
    keep_steps: list[int],
    until: int | None,
    start: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Runs a `FinetuneCommand`, whose fields are its parameters; returns the fields of its `committed` event.

    `start`: stored adapters, `merged` into the base in this order, and `continued`, whose weights the new one begins
    with, or None.
    """
    attempt = Path(attempt_folder)
    start = start or {"merged": [], "continued": None}
    continued = start["continued"]
    if models.backend == "unsloth" and (start["merged"] or continued):
        raise Failure("config", "the backend 'unsloth' starts from the base model only")
    if recipe["backend"] != models.backend:
        raise Failure("config", f"this trainer is the backend {models.backend!r}, not {recipe['backend']!r}")
    if sha256_of(Path(rows)) != recipe["rows"]:
        raise Failure("data", f"the training rows in {rows} are not those of the recipe: their SHA-256 is another")
    quantization = recipe.get("quantization")
    if quantization is not None and recipe.get("packing", "none") != "none":
        raise Failure("config", f"`quantization: {quantization}` trains on padded rows: declare `packing: none`")
    models.make_room()
    loaded = models.base(model, recipe["precision"], report, start["merged"], quantization)
    report.loading("rows", rows)
    encoded = encode_recipe(loaded.tokenizer, loaded.stops, rows, recipe)
    if not encoded:
        raise Failure("data", f"{rows} has no rows")

    for row in encoded:
        check_known(loaded, row.ids, f"row {row.number}")
    limit = positions_of(loaded.model)
    longest = max(encoded, key=lambda row: len(row.ids))
    if limit is not None and len(longest.ids) > limit:
        raise Failure(
            "config",
            f"row {longest.number} has {len(longest.ids)} tokens and the model {limit} positions: lower maxLength",
        )

    watched = watched_rows(loaded, held_out, recipe, len(longest.ids))

    seed = recipe["seeds"]["initialisation"]
    random.seed(seed)
    np.random.seed(seed % 2**32)
    adapter = models.new_adapter(loaded, recipe["lora"], seed, base_of(recipe["model"]))
    matrices = adapters.matrices_of(adapter)
    try:
        if continued is not None:
            report.loading("adapter", f"{continued['path']}, to go on from")
            place, config = Path(continued["path"]), continued.get("configSha256")
            adapters.go_on_from(adapter, place, continued["sha256"], config)
        probe = probe_training(models, loaded, adapter, report, recipe)
        with deterministic(loaded.device, wanted=models.backend == "transformers"):
            identity, folders = (
                checkpoint.Identity.of(recipe, begun_with(start)),
                [Path(folder) for folder in search_folders],
            )
            kept = Kept(attempt, folders, identity, keep_steps, adapter)
            saver = Saver(attempt, identity, checkpoint_every_steps, kept)
            way = probe.paths["training"]
            state, resumed_from = train(loaded, adapter, encoded, watched, recipe, saver, folders, report, until, way)
        sha256 = None
        if until is None:
            sha256 = adapters.save(adapter, attempt / "adapter")
            write_card(attempt / "adapter", recipe, matrices)
    except BaseException:
        models.take_off(loaded, adapter)
        raise
    if sha256 is None:
        models.take_off(loaded, adapter)
    else:
        models.keep(loaded, adapter, sha256)
    log, speed = attempt / "training-log.jsonl", attempt / "training-speed.jsonl"
    write_rows(log, training_log.figures(state.log))
    write_rows(speed, training_log.speed(state.log))
    losses = None
    if watched.rows:
        losses, per_epoch = attempt / "held-out-loss.jsonl", steps_in_epoch(len(encoded), recipe)
        write_rows(losses, watched.losses(state.log, per_epoch, len(steps_of(len(encoded), recipe))))
    return {
        **({} if sha256 is None else {"adapter": {"path": str(attempt / "adapter"), "sha256": sha256}}),
        "matrices": matrices,
        "kept": kept.finish(recipe, matrices),
        "log": str(log),
        "speed": str(speed),
        "heldOut": None if losses is None else {"path": str(losses), "rows": len(watched.rows)},
        "steps": state.step,
        "resumedFrom": resumed_from,
        "rowsTruncated": sum(row.truncated for row in encoded),
        "trainedTokens": sum(entry["trainedTokens"] for entry in state.log),
        "plan": state.plan,
        "saves": saver.figures(),
        "probe": probe.fields(),
    }


def begun_with(start: dict[str, Any]) -> list[str]:
    """The SHA-256 of the weights of every adapter that a fine-tune starts from, in order; empty where it has none."""
    stored = [*start["merged"], *([] if start["continued"] is None else [start["continued"]])]
    return [adapter["sha256"] for adapter in stored]


def train(
    loaded: Loaded,
    adapter: Any,
    rows: list[EncodedRow],
    watched: Watched,
    recipe: dict[str, Any],
    saver: Saver,
    search_folders: list[Path],
    report: Any,
    until: int | None = None,
    way: str | None = None,
) -> tuple[checkpoint.State, int | None]:
    """From the newest verified checkpoint, but none behind an adapter that is still to be kept, or from the start.

    To the last step, or to the step `until`: such a run is only there for the adapters to keep. `watched` are rows
    held out; `way` is how probe.py chose to train, None as the recipe asks. Returns the final state and the step that
    it was resumed from. Raises `Stopped` with a checkpoint when asked to.
    """
    steps = steps_of(len(rows), recipe)
    total = len(steps)
    if total == 0:
        raise Failure("config", f"no optimizer step: {len(rows)} rows make no full batch of {recipe['batchSize']}")
    at_most = None
    if saver.kept is not None:
        saver.kept.check(total)
        at_most = saver.kept.resume_at_most
    last = total if until is None else min(until, total)
    if until is not None and at_most is None:
        last = at_most = 0  # all that this run is for is there
    saved = checkpoint.newest_verified(search_folders, saver.identity, at_most)
    path = path_of(loaded, adapter, recipe, rows, steps, checkpoint.plan_of(saved), way)
    state = checkpoint.State(0, path.parameters, optimizer_of(path.optimized, recipe["optimizer"]), log=[])
    resumed_from = None
    if saved is not None:
        report.loading("checkpoint", str(saved))
        state = checkpoint.restore(saved, path.parameters, state.optimizer)
        path.stepped()
        resumed_from = state.step
    held_out = HeldOut(watched, steps, steps_in_epoch(len(rows), recipe))
    held_out.follow(state, path, report)  # the attempt before may have been stopped in the middle of it
    if report.stop_requested:
        raise Stopped(state.step, None if saved is None else str(saved))

    saver.keep_now(state, report)

    early = recipe.get("stopBelow")
    waiting: Step | None = None  # a GPU may begin a step before the figures of the one before have been read
    told = time.monotonic()
    try:
        while state.step < last and not has_settled(state.log, early):
            started = time.monotonic()
            chosen = [rows[i] for i in steps[state.step]]
            learning_rate = recipe["optimizer"]["learningRate"] * schedule(recipe["schedule"], state.step, total)

            loss, trained_tokens = path.gradients(chosen)
            norm = path.clip(recipe["optimizer"]["maxGradNorm"])
            for group in state.optimizer.param_groups:
                group["lr"] = learning_rate
            state.optimizer.step()
            path.stepped()
            state.step += 1
            state.plan = path.plan.fields() if path.plan else None

            if waiting is not None:
                told = waiting.settle(state, total, report, told)
            waiting = Step(state.step, chosen, learning_rate, trained_tokens, Reading(loss, norm))
            due = saver.due(state.step, last=state.step == last)
            if not path.ahead or due or state.step == last or early is not None or held_out.ends_epoch(state.step):
                told, waiting = waiting.settle(state, total, report, told), None
            seconds = time.monotonic() - started
            if held_out.follow(state, path, report):
                told = time.monotonic()
            saver.after_step(state, seconds, report)
            if (state.step < last or held_out.lacks(state)) and report.stop_requested:
                if waiting is not None:
                    waiting.settle(state, total, report, told)
                raise Stopped(state.step, str(saver.save_now(state, report)))
    finally:
        saver.finish(report)
    return state, resumed_from


class Reading:
    """Numbers on their way from the device, asked for without waiting for what is launched after them."""

    def __init__(self, *values: Any):
        device = next((value.device for value in values if isinstance(value, torch.Tensor)), None)
        self._numbers = torch.stack([torch.as_tensor(value, dtype=torch.float32, device=device) for value in values])
        self._ready = None
        if self._numbers.is_cuda:
            here = torch.empty(len(values), pin_memory=True)
            self._numbers = here.copy_(self._numbers, non_blocking=True)
            self._ready = torch.cuda.Event()
            self._ready.record()

    def get(self) -> list[float]:
        if self._ready is not None:
            self._ready.synchronize()
        return self._numbers.tolist()


@dataclass
class Step:
    """An optimizer step that was launched: what the log and the report get to know of it once it is done."""

    number: int
    rows: list[EncodedRow]
    learning_rate: float
    trained_tokens: int
    figures: Reading

    def settle(self, state: checkpoint.State, total: int, report: Any, since: float) -> float:
        """Waits for the step and tells of it; `since` is when the one before was told of. Returns the time.

        Raises `Failure` `nan`, naming step and rows, if the step's numbers are none.
        """
        loss, norm = self.figures.get()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            numbers = ", ".join(str(row.number) for row in self.rows)
            raise Failure("nan", f"step {self.number}: loss {loss}, gradient norm {norm}; rows {numbers}")
        entry = {"step": self.number, "loss": loss, "learningRate": self.learning_rate, "gradNorm": norm}
        tokens, now = sum(len(row.ids) for row in self.rows), time.monotonic()
        speed = {"tokensPerSecond": round(tokens / max(1e-9, now - since), 1), "memoryBytes": memory_bytes()}
        state.log.append({**entry, "trainedTokens": self.trained_tokens, **speed})
        report.progress(self.number, total, loss=loss, learningRate=self.learning_rate, gradNorm=norm, **speed)
        return now


def path_of(
    loaded: Loaded,
    adapter: Any,
    recipe: dict[str, Any],
    rows: list[EncodedRow],
    steps: list[list[int]],
    plan: dict[str, int] | None,
    way: str | None = None,
) -> Any:
    """How the gradients are made: by `way`, one of probe.py's, or where that is None as the recipe asks."""
    if recipe.get("backend") == "unsloth":
        return UnslothPath(loaded, adapter, recipe)
    packing = recipe.get("packing", "none")
    if packing not in ("none", "auto", "always"):
        raise Failure("config", f"unknown packing {packing!r}")
    if packing != "none" and recipe["optimizer"]["name"] == "adamw_8bit":
        raise Failure("config", "the optimizer adamw_8bit works on the adapter's own tensors: declare `packing: none`")
    way = way or way_of(loaded, recipe)
    if way != PACKED:
        return PaddedPath(loaded, adapter, recipe["microBatchSize"] if way == PADDED else 1)
    return packed_path(loaded, adapter, recipe, rows, steps, None if plan is None else Plan(**plan))


def optimizer_of(parameters: list[torch.nn.Parameter], settings: dict[str, Any]) -> torch.optim.Optimizer:
    """Fused AdamW computes each weight from its own numbers only, so it is as exact as the plain one, and faster."""
    if settings["name"] == "adamw_8bit":
        return adamw_8bit(parameters, settings)
    if settings["name"] != "adamw":
        raise Failure("config", f"unknown optimizer {settings['name']!r}")
    return torch.optim.AdamW(
        parameters,
        lr=settings["learningRate"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
        weight_decay=settings["weightDecay"],
        fused=True,
    )


@contextlib.contextmanager
def deterministic(device: torch.device, wanted: bool = True) -> Any:
    """Deterministic CUDA kernels; on a CPU they are so anyway. Costs nothing measurable (see the reference).

    Not `wanted` where another program's kernels compute: some have no deterministic form and would be refused.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(wanted and device.type == "cuda")
    # nothing here reads what it has not written, and filling it costs memory traffic
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.utils.deterministic.fill_uninitialized_memory = before[1]


def memory_bytes() -> int:
    """The most memory used so far: of the GPU, or of the process."""
    if environment.torch_device() == "cuda":
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

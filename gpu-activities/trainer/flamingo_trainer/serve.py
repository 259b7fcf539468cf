"""The trainer process: one operation after the other, the base model kept loaded between them.

    python -m flamingo_trainer serve [unsloth]      with pipes on descriptors 3 and 4 (see protocol.py)

Says `ready` before it has imported torch. Every operation ends with exactly one `committed`, `stopped` or `failed`.
Exit codes: 0 asked to leave, 1 the parent died, 3 the GPU is unusable (after a CUDA error no result can be trusted).
Knows nothing about how the operations work.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from . import environment
from .failures import Failure, Stopped, classify
from .protocol import Channel

POISONED = 3


class Report:
    """What an operation may say while it runs: its events carry its id."""

    def __init__(self, channel: Channel, operation: int):
        self._channel = channel
        self._operation = operation

    def loading(self, phase: str, detail: str) -> None:
        self._channel.send("loading", id=self._operation, phase=phase, detail=detail)

    def progress(self, step: int, of: int, **figures: float) -> None:
        self._channel.send("progress", id=self._operation, step=step, of=of, **figures)

    def checkpoint(self, step: int, path: Path, sha256: str) -> None:
        self._channel.send("checkpoint", id=self._operation, step=step, path=str(path), sha256=sha256)

    @property
    def stop_requested(self) -> bool:
        return self._channel.stop_requested


def serve(backend: str = "transformers") -> int:
    """Runs until told to leave; returns the exit code. A process has one backend: Unsloth rewrites the others."""
    channel = Channel()
    channel.open()
    channel.send("ready", pid=os.getpid(), device=environment.device_name(), versions=environment.versions(backend))
    models = None
    while (command := channel.next()) is not None:
        if models is None:
            try:
                models = models_of(backend)
            except Failure as failure:
                channel.send("failed", id=command.get("id", -1), kind=failure.kind, message=str(failure))
                continue
        kind = run(channel, models, command)
        if kind == "cuda":
            return POISONED
        if kind is not None:
            models.drop()  # whatever state the operation left the model in
    return 0


def models_of(backend: str) -> Any:
    if backend == "unsloth":
        from .models.unsloth_model import UnslothModels

        return UnslothModels()
    from .models.resident import Models

    return Models()


def run(channel: Channel, models: Any, command: dict[str, Any]) -> str | None:
    """One operation to its end; returns the kind of its failure."""
    operation = command.get("id", -1)
    started = time.monotonic()
    try:
        facts = perform(models, command, Report(channel, operation))
        channel.send("committed", id=operation, seconds=round(time.monotonic() - started, 3), **facts)
    except Stopped as stopped:
        channel.send("stopped", id=operation, step=stopped.step, checkpoint=stopped.checkpoint)
    except Exception as error:
        failure = classify(error)
        print(f"operation {operation} failed ({failure.kind})", file=sys.stderr)
        traceback.print_exc()
        sys.stderr.flush()
        channel.send("failed", id=operation, kind=failure.kind, message=str(failure))
        return failure.kind
    return None


def perform(models: Any, command: dict[str, Any], report: Report) -> dict[str, Any]:
    """Calls the operation with the command's fields."""
    # the command file of protocol.ts is the authority; a field that is missing here is a fault of the sender
    match command["op"]:
        case "finetune":
            from .training.train import finetune

            return finetune(models, report, **fields(command))
        case "generate":
            from .sampling.generate import generate

            return generate(models, report, **fields(command))
        case "measure":
            from .measure import measure

            return measure(models, report, **fields(command))
        case "score":
            from .score import score

            return score(models, report, **fields(command))
        case "probabilities":
            from .probabilities import probabilities

            return probabilities(models, report, **fields(command))
        case "prepare":
            from .handover import prepare

            return prepare(models, report, **fields(command))
        case "accept":
            from .any_result import accept

            return accept(models, report, **fields(command))
        case "adopt":
            from .adopt import adopt

            return adopt(models, report, **fields(command))
        case "locate":
            from .handover import locate

            return locate(models, report, **fields(command))
        case other:
            raise Failure("config", f"unknown operation {json.dumps(other)}")


# Names of the contract -> names of Python.
RENAMED = {
    "adapterFolder": "adapter_folder",
    "heldOut": "held_out",
    "attemptFolder": "attempt_folder",
    "searchFolders": "search_folders",
    "checkpointEverySteps": "checkpoint_every_steps",
    "keepSteps": "keep_steps",
    "systemPrompt": "system_prompt",
}


def fields(command: dict[str, Any]) -> dict[str, Any]:
    return {RENAMED.get(name, name): value for name, value in command.items() if name not in ("op", "id")}

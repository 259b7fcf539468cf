"""Adapters kept along training, to be evaluated: whole and right, or not there.

    kept/step-000025/   in an attempt's folder, beside its checkpoints, whose rotation it has no part in
        adapter_model.safetensors, adapter_config.json   as the finished adapter's
        training-log.jsonl                               the training log up to this step
        manifest.json                                    as a checkpoint's, written last
        README.md                                        the card, which follows from recipe and step (`finish`)

An adapter counts as kept in whatever attempt made it, if its files agree with its manifest and it is of this very run
(checkpoint.Identity). What was not kept can only be had by training from before it: `resume_at_most`.

Knows nothing about the training loop.
"""

from pathlib import Path
from typing import Any

from ..failures import Failure
from ..files import sha256_of, write_rows, write_tensors
from ..models import adapters
from ..models.card import write_card
from . import training_log
from .checkpoint import Identity, Snapshot, fault_of, seal, steps_in, unsealed

FOLDER = "kept"
LOG = "training-log.jsonl"
FILES = (adapters.WEIGHTS, adapters.CONFIG, LOG)


class Kept:
    """The adapters of the optimizer steps `wanted`, as far as they are there already, and a place for the others."""

    def __init__(self, attempt: Path, search_folders: list[Path], identity: Identity, wanted: list[int], model: Any):
        self._attempt, self._identity, self._model = attempt, identity, model
        self._wanted = sorted(wanted)
        self._there: dict[int, Path] = {}
        for folder in search_folders:
            for step, path in steps_in(folder, FOLDER):
                if step in self._wanted and fault_of(path, step, identity, FILES) is None:
                    self._there[step] = path

    def check(self, total: int) -> None:
        """Raises `Failure` when a step is wanted that the run does not have."""
        outside = [step for step in self._wanted if not 1 <= step <= total]
        if outside:
            raise Failure("config", f"there is no step {outside[0]} to keep: the run has {total} optimizer steps")

    def lacks(self, step: int) -> bool:
        return step in self._wanted and step not in self._there

    @property
    def resume_at_most(self) -> int | None:
        """The first step that is wanted and not there; None = all are."""
        return next((step for step in self._wanted if self.lacks(step)), None)

    def write(self, snapshot: Snapshot) -> None:
        """Keeps the adapter of this step. Equal weights give equal bytes."""
        place = self._attempt / FOLDER / f"step-{snapshot.step:06d}"
        beside = unsealed(place)
        tensors = adapters.in_peft_format(self._model, snapshot.weights)
        sha256 = write_tensors(beside / adapters.WEIGHTS, dict(sorted(tensors.items())))
        adapters.write_config(self._model.peft_config["default"], beside)
        write_rows(beside / LOG, training_log.figures(snapshot.log))
        seal(beside, place, FILES, {"step": snapshot.step}, self._identity, {adapters.WEIGHTS: sha256})
        self._there[snapshot.step] = place

    def finish(self, recipe: dict[str, Any], matrices: dict[str, int]) -> list[dict[str, Any]]:
        """Writes each its card; returns what is there, in the order of the steps, for the `committed` event."""
        for step, path in self._there.items():
            write_card(path, recipe, matrices, step)
        return [
            {"step": step, "path": str(path), "sha256": sha256_of(path / adapters.WEIGHTS)}
            for step, path in sorted(self._there.items())
        ]

"""Checkpoints that are whole and right, or are not there.

A checkpoint is a folder `checkpoints/step-000025` in an attempt's folder. It is written beside, synced, and renamed
into place; its manifest, written last, names the size and SHA-256 of every file and everything that must be equal for a
resume to be exact. Only a folder whose files all agree with its manifest is ever resumed.

    adapter.safetensors   the adapter's weights, fp32
    optimizer.safetensors AdamW's moments and step counts (all else follows from the recipe and the step)
    random.pt             the states of all random generators
    log.jsonl             the training log up to this step
    manifest.json

Knows nothing about the training loop.
"""

import hashlib
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from .. import environment
from ..files import sha256_of, sync, to_json, write_rows, write_tensors, write_whole

FILES = ("adapter.safetensors", "optimizer.safetensors", "random.pt", "log.jsonl")
FOLDER = "checkpoints"
MANIFEST = "manifest.json"
KEEP = 2
NAME = re.compile(r"step-(\d{6,})")


@dataclass(frozen=True)
class Identity:
    """What must be equal between the run that wrote a checkpoint and the run that resumes it."""

    recipe: str
    rows: str
    device: str
    versions: dict[str, str]

    @staticmethod
    def of(recipe: dict[str, Any], begun_with: list[str] | None = None) -> "Identity":
        """`begun_with`: the SHA-256 of the adapters that it starts from, of which the recipe has the keys."""
        if begun_with:
            recipe = {**recipe, "begunWith": begun_with}
        backend = "unsloth" if recipe.get("backend") == "unsloth" else "transformers"
        return Identity(
            recipe=hashlib.sha256(to_json(recipe).encode()).hexdigest(),
            rows=recipe["rows"],
            device=environment.device_name(),
            versions={**environment.versions(backend), **environment.compiler()},
        )


@dataclass
class State:
    """A training run between two optimizer steps. `parameters` are the adapter's, by name."""

    step: int
    parameters: dict[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    log: list[dict[str, Any]]
    # how steps are cut to fit a GPU (memory_plan.py); a resume keeps it, because sums depend on it
    plan: dict[str, int] | None = None

    def snapshot(self) -> "Snapshot":
        """A copy that the next steps do not change; of what lies on a GPU, a copy there."""
        return Snapshot(
            self.step,
            {name: value.detach().clone() for name, value in self.parameters.items()},
            {name: value.detach().clone() for name, value in moments(self.optimizer).items()},
            random_states(),
            list(self.log),
            self.plan,
        )


@dataclass
class Snapshot:
    """A state that lies still and can be written while training goes on."""

    step: int
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    random: dict[str, Any]
    log: list[dict[str, Any]]
    plan: dict[str, int] | None


def moments(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What AdamW keeps for each of its parameters, which go by their number: `0/exp_avg`, `0/step`.

    8-bit states lie in a map of their own (`0/NAME/state1`), and count steps by a plain number, stored as int64.
    """
    states = optimizer.state_dict()["state"]
    return {
        f"{number}/{name}": value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=torch.int64)
        for number, state in sorted(states.items())
        for name, value in flat(state)
    }


def flat(state: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in state.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{inner}", each) for inner, each in flat(value))
        else:
            yield name, value


def save(attempt_folder: Path, state: Snapshot, identity: Identity) -> tuple[Path, str]:
    """Writes a checkpoint and drops those before it in this attempt, so that `KEEP` are left.

    Returns the folder and the SHA-256 of its manifest, which covers everything in it.
    """
    place = attempt_folder / FOLDER / f"step-{state.step:06d}"
    beside = unsealed(place)
    written = {"adapter.safetensors": state.weights, "optimizer.safetensors": state.optimizer}
    hashes = {file: write_tensors(beside / file, tensors) for file, tensors in written.items()}
    torch.save(state.random, beside / "random.pt")
    write_rows(beside / "log.jsonl", state.log)
    facts = {"step": state.step, **({} if state.plan is None else {"plan": state.plan})}
    seal(beside, place, FILES, facts, identity, hashes)
    # a run that went back for an adapter to keep has checkpoints ahead of it; they are of the same run, and stay
    passed = [(step, path) for step, path in steps_in(attempt_folder) if step <= state.step]
    for _, old in sorted(passed)[:-KEEP]:
        shutil.rmtree(old)
    return place, sha256_of(place / MANIFEST)


def unsealed(place: Path) -> Path:
    """An empty folder beside `place`, to be filled and sealed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for leftover in place.parent.glob(".step-*"):
        shutil.rmtree(leftover)
    beside = place.with_name(f".{place.name}")
    beside.mkdir()
    return beside


def seal(
    beside: Path,
    place: Path,
    files: tuple[str, ...],
    facts: dict[str, Any],
    identity: Identity,
    hashes: dict[str, str],
) -> None:
    """Syncs the files of a folder, describes them in its manifest, and puts the folder into its place.

    `hashes` has the SHA-256 of those files that were hashed while they were written.
    """
    for file in files:
        sync(beside / file)
    manifest = {
        **facts,
        "identity": asdict(identity),
        "cpu": environment.cpu_name(),
        "threads": torch.get_num_threads(),
        "files": {
            file: {"bytes": (beside / file).stat().st_size, "sha256": hashes.get(file) or sha256_of(beside / file)}
            for file in files
        },
    }
    write_whole(beside / MANIFEST, to_json(manifest) + "\n")
    if place.exists():
        shutil.rmtree(place)  # found damaged, or it would have been taken
    os.rename(beside, place)
    sync(place.parent)


def steps_in(attempt_folder: Path, name: str = FOLDER) -> list[tuple[int, Path]]:
    """The checkpoints of an attempt, good and bad, with the step that their name says."""
    folder = attempt_folder / name
    found = [(NAME.fullmatch(path.name), path) for path in folder.iterdir()] if folder.is_dir() else []
    return [(int(match[1]), path) for match, path in found if match]


def newest_verified(search_folders: list[Path], identity: Identity, at_most: int | None = None) -> Path | None:
    """The checkpoint with the highest step whose files are all as written and whose identity is this run's.

    Of those at step `at_most` or before, where that is given. Says on stderr which others it passed over, and why.
    """
    found = [candidate for folder in search_folders for candidate in steps_in(folder)]
    candidates = [(step, path) for step, path in found if at_most is None or step <= at_most]
    for step, path in sorted(candidates, key=lambda each: (each[0], str(each[1])), reverse=True):
        fault = fault_of(path, step, identity)
        if fault is None:
            return path
        print(f"checkpoint {path} is passed over: {fault}", file=sys.stderr, flush=True)
    return None


def fault_of(path: Path, step: int, identity: Identity, names: tuple[str, ...] = FILES) -> str | None:
    """Why a checkpoint, or another sealed folder of the files `names`, must not be used; or None."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        files, written = manifest["files"], manifest["identity"]
        if manifest["step"] != step:
            return f"its manifest says step {manifest['step']}"
        if sorted(files) != sorted(names):
            return f"its manifest names {', '.join(sorted(files))}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"no readable manifest ({type(error).__name__}: {error})"
    for name, value in asdict(identity).items():
        if written.get(name) != value:
            return f"it was written with another {name}: {written.get(name)}, here {value}"
    for name, record in files.items():
        file = path / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != record["bytes"]:
            return f"{name} has {file.stat().st_size} bytes, not {record['bytes']}"
        if sha256_of(file) != record["sha256"]:
            return f"{name} is damaged: its SHA-256 is another"
    return None


def restore(path: Path, parameters: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer) -> State:
    """Puts a verified checkpoint into a run that was built exactly as at its first start."""
    weights = load_file(path / "adapter.safetensors")
    if weights.keys() != parameters.keys():
        raise RuntimeError(f"{path} holds other parameters than this adapter has")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])
    states: dict[int, dict[str, Any]] = {}
    for key, value in load_file(path / "optimizer.safetensors").items():
        number, *groups, name = key.split("/")
        place = states.setdefault(int(number), {})
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = int(value) if value.dtype == torch.int64 else value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    lines = (path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    here = (environment.cpu_name(), torch.get_num_threads())
    if here[0] != manifest["cpu"] or here[1] != manifest["threads"]:
        print(
            f"{path} was written by {manifest['cpu']} with {manifest['threads']} threads, this is {here[0]} with "
            f"{here[1]}: the last digits may differ from an undisturbed run",
            file=sys.stderr,
            flush=True,
        )
    # This comes last, because everything before it may draw random numbers.
    set_random_states(torch.load(path / "random.pt", map_location="cpu", weights_only=True))
    return State(manifest["step"], parameters, optimizer, [json.loads(line) for line in lines], plan_of(path))


def plan_of(path: Path | None) -> dict[str, int] | None:
    """The plan that a verified checkpoint was made under."""
    if path is None:
        return None
    manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    return manifest.get("plan")


def random_states() -> dict[str, Any]:
    version, words, gauss = random.getstate()
    numpy_state: dict[str, Any] = np.random.get_state(legacy=False)
    return {
        "python": [version, list(words), gauss],
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": numpy_state["state"]["key"].tolist()}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_states(states: dict[str, Any]) -> None:
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    numpy_state = states["numpy"]
    key = np.array(numpy_state["state"]["key"], dtype=np.uint32)
    np.random.set_state({**numpy_state, "state": {**numpy_state["state"], "key": key}})
    torch.set_rng_state(states["torch"])
    if states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])

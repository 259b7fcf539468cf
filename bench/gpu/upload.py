"""What a fine-tune loses to its checkpoints while they go to object storage over a line of 1 Gbit/s.

The same fine-tune is run without checkpoints, with checkpoints that stay on this machine, and with checkpoints that a
process of Node uploads to a real S3 server as the GPU worker does it (bench/checkpoint-upload/uploader.ts). A step is
held against the same step of the runs without checkpoints, which has the same rows. What the GPU's clock does
differently from run to run is taken out by the steps that nothing disturbs.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from flamingo_trainer.training import checkpoint

from .setting import Setting
from .training import run
from .workload import Clock

UPLOADER = Path(__file__).parents[2] / "dist" / "bench" / "checkpoint-upload" / "uploader.js"
# Runs without checkpoints begin and end, so that what drifts meanwhile is not taken for a stall.
RUNS = ("plain", "uploaded", "saved", "uploaded", "plain")


@dataclass(frozen=True)
class Size:
    """Steps of a run, its first ones that do not count, and steps between two checkpoints."""

    steps: int
    warm: int
    every: int


# On an H200 60 steps take as long as the trainer lets pass by itself between the beginnings of two checkpoints. The
# steps after the second checkpoint suffice for its upload.
FULL = Size(170, 6, 60)
TINY = Size(60, 6, 20)


class Uploader:
    """The program that uploads, with a store of its own. `attempt` is where the trainer is to write."""

    def __init__(self, folder: Path):
        self._program = subprocess.Popen(
            ["node", str(UPLOADER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        first = self._program.stdout.readline()
        if not first:
            raise RuntimeError(f"the uploader ended with {self._program.wait()}")
        self.attempt = Path(json.loads(first)["attempt"])

    def __enter__(self) -> "Uploader":
        return self

    def __exit__(self, *_: Any) -> None:
        self._program.kill()
        self._program.communicate()

    def announce(self) -> None:
        """Says that there is a new checkpoint, and waits for nothing."""
        self._program.stdin.write("\n")
        self._program.stdin.flush()

    def finish(self) -> list[tuple[float, float]]:
        """Waits for what is still being uploaded. When each upload began and ended, by `time.perf_counter`."""
        said, _ = self._program.communicate()
        if self._program.returncode != 0:
            raise RuntimeError(f"the uploader ended with {self._program.returncode}")
        # on Linux both clocks are the machine's monotonic one, but nobody promises it
        offset = time.perf_counter() - time.monotonic()
        return [(line["began"] + offset, line["ended"] + offset) for line in map(json.loads, said.splitlines())]


class Announcing(Clock):
    """A clock that tells an uploader of each checkpoint, when the trainer tells its worker."""

    def __init__(self, uploader: Uploader):
        super().__init__()
        self._uploader = uploader

    def checkpoint(self, step: int, path: Path, sha256: str) -> None:
        self._uploader.announce()
        super().checkpoint(step, path, sha256)


@dataclass
class Run:
    """One fine-tune: when its steps ended, and when checkpoints and uploads began and ended. Nothing else is read.

    `ends` begins with step 1; `standstill` is what the trainer itself counts, in seconds over all checkpoints.
    """

    ends: list[float]
    saves: list[tuple[float, float]]
    uploads: list[tuple[float, float]]
    standstill: float
    bytes: int = 0

    def seconds(self, warm: int) -> dict[int, float]:
        """By step; the first `warm` ones are left out."""
        return {number: end - before for number, (before, end) in enumerate(pairwise(self.ends), 2) if number > warm}

    def during(self, windows: list[tuple[float, float]], warm: int) -> set[int]:
        """The steps that share time with one of the windows."""
        return {
            number
            for number in self.seconds(warm)
            if any(self.ends[number - 2] < end and begin < self.ends[number - 1] for begin, end in windows)
        }


def upload(setting: Setting) -> dict[str, Any]:
    """Runs all of `RUNS`; a process of this benchmark's that lacks Node or a built uploader says so."""
    if shutil.which("node") is None or not UPLOADER.exists():
        return {"skipped": f"it needs node on PATH and {UPLOADER} (npm run build)"}
    size = TINY if setting.shape == "tiny" else FULL
    runs: dict[str, list[Run]] = {kind: [] for kind in RUNS}
    for kind in RUNS:
        made = one(setting, size, kind)
        runs[kind].append(made)
        print(f"{kind}: {made}", file=sys.stderr, flush=True)
    return figures(runs, size)


def one(setting: Setting, size: Size, kind: str) -> Run:
    every = size.steps + 1 if kind == "plain" else size.every
    with tempfile.TemporaryDirectory(prefix="flamingo-bench-") as folder:
        if kind == "uploaded":
            with Uploader(Path(folder)) as uploader:
                attempt = uploader.attempt
                found, clock = run(setting.model(), size.steps, attempt, every, clock=Announcing(uploader))
                uploads = uploader.finish()
        else:
            attempt = Path(folder)
            found, clock = run(setting.model(), size.steps, attempt, every)
            uploads = []
        ends = [end for end, _ in clock.steps]
        # the checkpoint of a step begins when that step has ended
        saves = [(ends[step - 1], whole) for whole, step in clock.checkpoints]
        newest = max(checkpoint.steps_in(attempt), default=None)
        written = 0 if newest is None else sum(file.stat().st_size for file in newest[1].iterdir())
    return Run(ends, saves, uploads, found["saves"]["stallSeconds"], written)


def figures(runs: dict[str, list[Run]], size: Size) -> dict[str, Any]:
    """The step times, what a checkpoint costs, and the share of the time between two of them."""
    plain = [made.seconds(size.warm) for made in runs["plain"]]
    # the faster of the two: one of them may have compiled something in this step
    reference = {number: min(each[number] for each in plain) for number in plain[0]}
    uploaded = runs["uploaded"]
    if any(upload[1] > made.ends[-1] for made in uploaded for upload in made.uploads):
        return {"failed": "training ended before the last upload did, so there are too few steps beside it"}
    saving = [cost(made, made.saves, [], reference, size) for made in runs["saved"] + uploaded]
    uploading = [cost(made, made.uploads, made.saves, reference, size) for made in uploaded]
    apart = [after - before for made in uploaded for (before, _), (after, _) in pairwise(made.saves)]
    uploads = [end - begin for made in uploaded for begin, end in made.uploads]
    during = {number for made in uploaded for number in made.during(made.uploads, size.warm)}
    between, lost = statistics.mean(apart), statistics.mean(saving) + statistics.mean(uploading)
    return {
        "checkpointBytes": uploaded[0].bytes,
        "uploads": len(uploads),
        "uploadSeconds": [round(each, 2) for each in uploads],
        "uploadGbitPerSecond": round(uploaded[0].bytes * 8 / statistics.mean(uploads) / 1e9, 3),
        "writeSeconds": [round(end - begin, 2) for made in uploaded for begin, end in made.saves],
        "steps": {kind: step_times(made, size.warm) for kind, made in runs.items()},
        "sameStepsDuringUpload": {
            "uploaded": spread([made.seconds(size.warm)[number] for made in uploaded for number in during]),
            "plain": spread([each[number] for each in plain for number in during]),
        },
        "standstillSecondsPerSave": round(uploaded[0].standstill / len(uploaded[0].saves), 4),
        "savingSecondsPerSave": round(statistics.mean(saving), 3),
        "uploadingSecondsPerSave": round(statistics.mean(uploading), 3),
        "savingSecondsByRun": [round(each, 3) for each in saving],
        "uploadingSecondsByRun": [round(each, 3) for each in uploading],
        "secondsBetweenSaves": round(between, 2),
        "lostPercent": round(100 * lost / between, 3),
        "lostToUploadPercent": round(100 * statistics.mean(uploading) / between, 3),
    }


def cost(
    made: Run,
    windows: list[tuple[float, float]],
    others: list[tuple[float, float]],
    reference: dict[int, float],
    size: Size,
) -> float:
    """Seconds a window that steps during `windows`, and not during `others`, took longer than they do undisturbed.

    Undisturbed they take as long as in `reference`, times what the quiet steps of this run take of that.
    """
    seconds = made.seconds(size.warm)
    disturbed = made.during(made.saves + made.uploads, size.warm)
    pace = statistics.median(seconds[number] / reference[number] for number in seconds if number not in disturbed)
    counted = made.during(windows, size.warm) - made.during(others, size.warm)
    return sum(seconds[number] - pace * reference[number] for number in counted) / len(windows)


def step_times(runs: list[Run], warm: int) -> dict[str, float]:
    return spread([seconds for made in runs for seconds in made.seconds(warm).values()])


def spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 4), "mean": round(statistics.mean(seconds), 4)}

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
# When something began and ended, by `time.perf_counter`.
Windows = list[tuple[float, float]]
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
        # killed, it would leave its server and its line behind
        self._program.terminate()
        self._program.communicate()

    def announce(self) -> None:
        """Says that there is a new checkpoint, and waits for nothing."""
        self._program.stdin.write("\n")
        self._program.stdin.flush()

    def finish(self) -> Windows:
        """Waits for what is still being uploaded, and returns when each upload began and ended."""
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
    """One fine-tune: when its steps ended, the first one first, and when checkpoints and uploads began and ended.

    `standstill` is what the trainer itself counts, in seconds over all checkpoints; `bytes` are the newest one's.
    """

    ends: list[float]
    saves: Windows
    uploads: Windows
    standstill: float
    bytes: int

    @property
    def whole_uploads(self) -> Windows:
        """Without one that went on after the last step, which had too few steps beside it."""
        return [window for window in self.uploads if window[1] <= self.ends[-1]]

    def seconds(self, warm: int) -> dict[int, float]:
        """By step; the first `warm` ones are left out."""
        return {number: end - before for number, (before, end) in enumerate(pairwise(self.ends), 2) if number > warm}

    def during(self, windows: Windows, warm: int) -> set[int]:
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
    uploads = [end - begin for made in uploaded for begin, end in made.whole_uploads]
    if not uploads:
        return {"failed": "training ended before any upload did"}
    saved = [*runs["saved"], *uploaded]
    writes = [whole - begin for made in saved for begin, whole in made.saves]
    saving = [lost(made, made.saves, [], reference, size.warm) for made in saved]
    uploading = [lost(made, made.whole_uploads, made.saves, reference, size.warm) for made in uploaded]
    saving_each, uploading_each = sum(saving) / len(writes), sum(uploading) / len(uploads)
    between = statistics.mean(later - begin for made in saved for (begin, _), (later, _) in pairwise(made.saves))
    beside = [(made.seconds(size.warm), made.during(made.whole_uploads, size.warm)) for made in uploaded]
    return {
        "checkpointBytes": uploaded[0].bytes,
        "uploads": len(uploads),
        "uploadSeconds": [round(seconds, 2) for seconds in uploads],
        "uploadGbitPerSecond": round(uploaded[0].bytes * 8 / statistics.mean(uploads) / 1e9, 3),
        "writeSeconds": [round(seconds, 2) for seconds in writes],
        "stepSeconds": {
            kind: spread([seconds for each in made for seconds in each.seconds(size.warm).values()])
            for kind, made in runs.items()
        },
        "stepSecondsBesideUpload": spread([seconds[number] for seconds, numbers in beside for number in numbers]),
        "sameStepsWithoutCheckpoints": spread([reference[number] for _, numbers in beside for number in numbers]),
        "standstillSecondsPerSave": round(sum(made.standstill for made in saved) / len(writes), 4),
        "savingSecondsPerSave": round(saving_each, 3),
        "uploadingSecondsPerSave": round(uploading_each, 3),
        "savingSecondsByRun": [round(seconds, 3) for seconds in saving],
        "uploadingSecondsByRun": [round(seconds, 3) for seconds in uploading],
        "secondsBetweenSaves": round(between, 2),
        "lostToUploadPercent": round(100 * uploading_each / between, 3),
        "lostPercent": round(100 * (saving_each + uploading_each) / between, 3),
    }


def lost(made: Run, windows: Windows, others: Windows, reference: dict[int, float], warm: int) -> float:
    """Seconds that steps during `windows`, and not during `others`, took longer than they do undisturbed.

    Undisturbed they take as long as in `reference`, times what the quiet steps of this run take of that.
    """
    seconds = made.seconds(warm)
    disturbed = made.during(made.saves + made.uploads, warm)
    pace = statistics.median(seconds[number] / reference[number] for number in seconds if number not in disturbed)
    counted = made.during(windows, warm) - made.during(others, warm)
    return sum(seconds[number] - pace * reference[number] for number in counted)


def spread(seconds: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 4), "mean": round(statistics.mean(seconds), 4)}

"""Checkpoints beside training: when one is due, and the thread that writes it.

Training stands still only while its state is copied (on the GPU, where it is on one); hashing, writing and syncing
happen in a thread. At most one checkpoint is being written at a time, and it counts only once it is whole.

How often: every so many steps where that is declared; else so seldom that the standstill stays under `SHARE` of the
time and writing never overlaps, but at most `LONGEST` seconds apart, from the measured times of steps and saves.

Knows nothing about what a checkpoint holds.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from . import checkpoint

# Of training time, for standing still; half of what is promised.
SHARE = 0.005
# Seconds between checkpoints without a declared interval: before the first was measured, and at most.
FIRST = 30.0
SHORTEST = 15.0
LONGEST = 300.0


class Saver:
    def __init__(self, attempt: Path, identity: checkpoint.Identity, every_steps: int | None):
        self.identity = identity
        self._attempt, self._every = attempt, every_steps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: tuple[int, Future[tuple[Path, str, float]]] | None = None
        self._interval = FIRST
        self._since = time.monotonic()
        self._due = False
        self._count, self._stalls, self._writes, self._steps = 0, 0.0, 0.0, 0.0

    def due(self, step: int) -> bool:
        """Whether a checkpoint is to be made of this step. Asked once a step, since time goes on."""
        if self._every is None:
            free = self._writing is None or self._writing[1].done()
            self._due = free and time.monotonic() - self._since >= self._interval
        else:
            self._due = step % self._every == 0
        return self._due

    def after_step(self, state: checkpoint.State, seconds: float, report: Any) -> None:
        """Tells of a checkpoint that has become whole, and begins the one that is due."""
        self._steps += seconds
        self._settle(report, wait=False)
        if self._due:
            self._due = False
            self._begin(state, report)

    def save_now(self, state: checkpoint.State, report: Any) -> Path:
        """The checkpoint of this very step, whole."""
        if self._writing is None or self._writing[0] != state.step:
            self._begin(state, report)
        path = self._settle(report, wait=True)
        assert path is not None
        return path

    def finish(self, report: Any) -> None:
        """Waits for a checkpoint that is being written. Also after a failure: it is good all the same."""
        try:
            self._settle(report, wait=True)
        finally:
            self._thread.shutdown()

    def figures(self) -> dict[str, float]:
        """Checkpoints made, seconds that training stood still for them, and seconds that writing took."""
        return {
            "count": self._count,
            "stallSeconds": round(self._stalls, 4),
            "writeSeconds": round(self._writes, 3),
            "stepSeconds": round(self._steps, 3),
        }

    def _begin(self, state: checkpoint.State, report: Any) -> None:
        started = time.monotonic()
        self._settle(report, wait=True)
        snapshot = state.snapshot()
        # the copies must be made before the next step changes what they are copied from: same stream, so they are
        ready = torch.cuda.Event() if torch.cuda.is_available() else None
        if ready is not None:
            ready.record()
        self._writing = state.step, self._thread.submit(write, self._attempt, snapshot, self.identity, ready)
        self._since = time.monotonic()
        stall = self._since - started
        self._stalls += stall
        self._interval = min(LONGEST, max(SHORTEST, self._interval, stall / SHARE))

    def _settle(self, report: Any, wait: bool) -> Path | None:
        if self._writing is None or not (wait or self._writing[1].done()):
            return None
        step, future = self._writing
        self._writing = None
        path, sha256, seconds = future.result()
        self._count += 1
        self._writes += seconds
        self._interval = min(LONGEST, max(SHORTEST, 2 * seconds, self._stalls / self._count / SHARE))
        report.checkpoint(step, path, sha256)
        return path


def write(
    attempt: Path, snapshot: checkpoint.Snapshot, identity: checkpoint.Identity, ready: Any
) -> tuple[Path, str, float]:
    """In the thread: the checkpoint's folder, its manifest's SHA-256 and the seconds it took."""
    started = time.monotonic()
    if ready is None:
        path, sha256 = checkpoint.save(attempt, snapshot, identity)
    else:
        with torch.cuda.stream(torch.cuda.Stream()):
            torch.cuda.current_stream().wait_event(ready)
            path, sha256 = checkpoint.save(attempt, snapshot, identity)
    return path, sha256, time.monotonic() - started

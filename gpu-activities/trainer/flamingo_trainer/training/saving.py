"""Checkpoints beside training: when one is due, and the thread that writes it.

Training stands still only while its state is copied (on the GPU, where it is on one); hashing, writing and syncing
happen in a thread. At most one checkpoint is being written at a time, and it counts only once it is whole.

How often: every so many steps where that is declared. Else there is an interval in seconds, and at no moment of the
training is the newest whole checkpoint older than it: that is what a kill costs at most. A checkpoint therefore begins
before the interval is over, by the time that the slowest so far took to become whole and a margin. The interval is
`SHORTEST`, or what is needed for writing never to overlap and for the standstill to stay under `SHARE` of the time.

The same thread writes the adapters that are kept along training (kept_adapters.py), at exactly their steps.

Knows nothing about what a checkpoint holds.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from . import checkpoint
from .kept_adapters import Kept

# Share of training time that may be lost to standing still: half of what is promised.
SHARE = 0.005
# Seconds of work that a kill costs at most, where writing and standing still allow it.
SHORTEST = 30.0
# Seconds up to which that grows for the sake of standing still.
LONGEST = 300.0
# The next checkpoint may take this many times as long as the slowest so far.
MARGIN = 1.5


class Saver:
    def __init__(self, attempt: Path, identity: checkpoint.Identity, every_steps: int | None, kept: Kept | None = None):
        self.identity, self.kept = identity, kept
        self._attempt, self._every = attempt, every_steps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: tuple[int, Future[Written]] | None = None
        # Until one has been measured, the first may take as long to become whole as it took to become due.
        self._reserve = SHORTEST / 2
        self._slowest = self._longest_step = 0.0
        self._since = time.monotonic()
        self._due = self._keep = False
        self._begun, self._count, self._stalls, self._writes, self._steps = 0, 0, 0.0, 0.0, 0.0

    def due(self, step: int, last: bool = False) -> bool:
        """Whether this step is to be written down. Asked once a step, since time goes on.

        The last has no checkpoint, but may be kept.
        """
        if last:
            self._due = False
        elif self._every is None:
            free = self._writing is None or self._writing[1].done()
            self._due = free and time.monotonic() - self._since >= self._interval - self._reserve
        else:
            self._due = step % self._every == 0
        self._keep = self.kept is not None and self.kept.lacks(step)
        return self._due or self._keep

    def after_step(self, state: checkpoint.State, seconds: float, report: Any) -> None:
        """Tells of a checkpoint that has become whole, and begins what is due."""
        self._steps += seconds
        self._longest_step = max(self._longest_step, seconds)
        self._settle(report, wait=False)
        if self._due or self._keep:
            self._begin(state, report, self._due, self._keep)
        self._due = self._keep = False

    def save_now(self, state: checkpoint.State, report: Any) -> Path:
        """The checkpoint of this very step, whole."""
        step = None if self._writing is None else self._writing[0]
        path = self._settle(report, wait=True)
        if step != state.step or path is None:
            self._begin(state, report, due=True, keep=False)
            path = self._settle(report, wait=True)
        assert path is not None
        return path

    def keep_now(self, state: checkpoint.State, report: Any) -> None:
        """For a run that goes on from the very step that is to be kept."""
        if self.kept is not None and self.kept.lacks(state.step):
            self._begin(state, report, due=False, keep=True)
            self._settle(report, wait=True)

    def finish(self, report: Any) -> None:
        """Waits for a checkpoint that is being written. Also after a failure: it is good all the same."""
        try:
            self._settle(report, wait=True)
        finally:
            self._thread.shutdown()

    def figures(self) -> dict[str, float]:
        """Checkpoints made; seconds that training stood still for them, that writing and that steps took; the interval.

        The interval is the one of a run that declares none.
        """
        return {
            "count": self._count,
            "stallSeconds": round(self._stalls, 4),
            "writeSeconds": round(self._writes, 3),
            "stepSeconds": round(self._steps, 3),
            "intervalSeconds": round(self._interval, 3),
        }

    @property
    def _interval(self) -> float:
        still = self._stalls / max(1, self._begun) / SHARE
        return max(SHORTEST, 2 * self._reserve, min(LONGEST, self._reserve + still))

    def _begin(self, state: checkpoint.State, report: Any, due: bool, keep: bool) -> None:
        started = time.monotonic()
        self._settle(report, wait=True)
        snapshot = state.snapshot()
        # The copies are made before the next step changes what they are copied from, because the stream is the same.
        ready = torch.cuda.Event() if torch.cuda.is_available() else None
        if ready is not None:
            ready.record()
        kept = self.kept if keep else None
        attempt = self._attempt if due else None
        self._writing = state.step, self._thread.submit(write, attempt, kept, snapshot, self.identity, ready)
        stall = time.monotonic() - started
        self._begun += 1
        self._stalls += stall
        if due:
            self._since = started
            self._longest_step = 0.0  # only steps from now on count: the first of a process may have compiled

    def _settle(self, report: Any, wait: bool) -> Path | None:
        if self._writing is None or not (wait or self._writing[1].done()):
            return None
        step, future = self._writing
        self._writing = None
        path, sha256, seconds = future.result()
        self._writes += seconds
        if path is None:
            return None
        self._slowest = max(self._slowest, seconds)
        # whether one is due is asked once a step
        self._reserve = MARGIN * self._slowest + self._longest_step
        self._count += 1
        report.checkpoint(step, path, sha256)
        return path


# A checkpoint's folder and its manifest's SHA-256, or None and nothing where none was due; and the seconds it took.
Written = tuple[Path | None, str, float]


def write(
    attempt: Path | None, kept: Kept | None, snapshot: checkpoint.Snapshot, identity: checkpoint.Identity, ready: Any
) -> Written:
    """In the thread: the adapter of this step to `kept`, a checkpoint into `attempt`, as far as they are given."""
    if ready is None:
        return write_both(attempt, kept, snapshot, identity)
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.cuda.current_stream().wait_event(ready)
        return write_both(attempt, kept, snapshot, identity)


def write_both(
    attempt: Path | None, kept: Kept | None, snapshot: checkpoint.Snapshot, identity: checkpoint.Identity
) -> Written:
    started = time.monotonic()
    # The adapter comes first, so that no checkpoint of this step or a later one stands where it is lacking.
    if kept is not None:
        kept.write(snapshot)
    path, sha256 = (None, "") if attempt is None else checkpoint.save(attempt, snapshot, identity)
    return path, sha256, time.monotonic() - started

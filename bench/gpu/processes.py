"""Runs sections in child processes, each within its limit: what hangs or dies costs its own section, not the others."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from .sections import SECTIONS

POLL = 0.2

Arguments = list[str]


def run_sections(
    names: list[str], arguments: Arguments, scratch: Path, deadline: float, told: Callable[[str, dict[str, Any]], None]
) -> None:
    """`told(name, result)` hears of every section once, also of one that was cut off or did not run, and why.

    `deadline`: by `time.monotonic()`; sections that would begin after it do not run.
    """
    missing = unsloth_missing() if any(name.startswith("unsloth") for name in names) else None
    for _, members in groupby(names, key=lambda name: SECTIONS[name].group):
        left = list(members)
        if missing and (left[0].startswith("unsloth") or left == ["modelFolder"]):
            for name in left:
                told(name, {"skipped": missing})
            continue
        while left:
            if time.monotonic() >= deadline:
                for name in left:
                    told(name, {"skipped": "no time was left for it (--seconds)"})
                break
            for name, result in run_child(list(left), arguments, scratch, deadline):
                told(name, result)
                left.remove(name)


def run_child(
    names: list[str], arguments: Arguments, scratch: Path, deadline: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """At least one section's result, and those after it up to one that had to be cut off or took the process along."""
    results = scratch / f"{names[0]}.jsonl"
    results.write_text("")
    asked = ["--child", ",".join(names), "--results", str(results), "--scratch", str(scratch), *arguments]
    child = started(interpreter(names[0]), asked)
    running, began, heard = names[0], time.monotonic(), 0
    try:
        while True:
            over = child.poll() is not None  # asked before reading, so that nothing it wrote last is missed
            lines = [json.loads(line) for line in results.read_text().split("\n")[:-1]]
            for line in lines[heard:]:
                if "ended" in line:
                    yield line["ended"], line["result"]
                    later = names[names.index(line["ended"]) + 1 :]
                    running, began = (later[0] if later else ""), time.monotonic()
            heard = len(lines)
            if not running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=30)
                return
            if over:
                yield running, {"failed": f"its process ended with {child.returncode}"}
                return
            limit = min(began + SECTIONS[running].limit, deadline)
            if time.monotonic() > limit:
                yield running, {"failed": f"cut off after {time.monotonic() - began:.0f} s"}
                return
            time.sleep(POLL)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def started(python: str, arguments: Arguments) -> subprocess.Popen[bytes]:
    """A benchmark's child in a process group of its own, its output on stderr."""
    command = [python, "-m", "bench.gpu", *arguments]
    return subprocess.Popen(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, start_new_session=True)


def interpreter(section: str) -> str:
    """Unsloth's environment is its own where `FLAMINGO_UNSLOTH_PYTHON` names one."""
    named = os.environ.get("FLAMINGO_UNSLOTH_PYTHON")
    return named if named and section.startswith("unsloth") else sys.executable


def unsloth_missing() -> str | None:
    """Why Unsloth can not run here, without importing it."""
    python = interpreter("unsloth")
    look = "import importlib.util, sys; sys.exit(3 if importlib.util.find_spec('unsloth') is None else 0)"
    try:
        code = subprocess.run([python, "-c", look], stdin=subprocess.DEVNULL, timeout=60, check=False).returncode
    except OSError as error:
        return f"FLAMINGO_UNSLOTH_PYTHON={python} does not start: {error}"
    return None if code == 0 else f"Unsloth is not installed for {python}; FLAMINGO_UNSLOTH_PYTHON names another"

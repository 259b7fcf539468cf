"""Sections in child processes, each within its limit."""

import sys
import time
from typing import Any

from bench.gpu import processes
from bench.gpu.sections import SECTIONS, Section

CHILD = """
import json, os, sys, time
results = sys.argv[sys.argv.index("--results") + 1]
for name in sys.argv[sys.argv.index("--child") + 1].split(","):
    if name == "sampling":
        os._exit(7)
    if name == "preemption":
        time.sleep(600)
    open(results, "a").write(json.dumps({"ended": name, "result": {"by": os.getpid()}}) + "\\n")
"""


def test_what_hangs_or_dies_is_cut_off_and_the_rest_goes_on(tmp_path, monkeypatch):
    program = tmp_path / "child"
    program.write_text(f"#!{sys.executable}\n{CHILD}")
    program.chmod(0o755)
    monkeypatch.setattr(processes, "interpreter", lambda section: str(program))
    monkeypatch.setitem(SECTIONS, "preemption", Section("flamingo", 1, SECTIONS["preemption"].run))
    told: dict[str, Any] = {}
    names = ["training", "preemption", "sampling", "switch", "study"]
    processes.run_sections(names, [], tmp_path, time.monotonic() + 60, told.__setitem__)
    assert list(told) == names
    assert "cut off after" in told["preemption"]["failed"]
    assert told["sampling"]["failed"] == "its process ended with 7"
    assert told["switch"]["by"] == told["study"]["by"] != told["training"]["by"]


def test_after_the_deadline_nothing_begins(tmp_path):
    told: dict[str, Any] = {}
    processes.run_sections(["rates", "training"], [], tmp_path, time.monotonic() - 1, told.__setitem__)
    assert all("no time was left" in result["skipped"] for result in told.values())
    assert list(told) == ["rates", "training"]

"""The GPU benchmark's code on a CPU: every section at a tiny size, its limits, its bars. The figures mean nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.gpu import bars, processes
from bench.gpu import restart as restarting
from bench.gpu.__main__ import main, merged
from bench.gpu.sections import SECTIONS, Section, chosen, run_here
from bench.gpu.setting import TINY, Setting

from ..driver import HOME
from ..forked import Forked

STAND_INS = Path(__file__).parent / "stand_ins"


@pytest.fixture
def bench(monkeypatch, capfd, tmp_path):
    """The benchmark in this process: what it returned and printed. Its children are forked, Unsloth's are programs."""
    start, log = processes.started, tmp_path / "children.log"

    def started(python: str, arguments: list[str]) -> Any:
        if "unsloth" in arguments[1]:
            return start(python, arguments)
        return Forked(main, arguments, log=log)

    def run(*arguments: str) -> tuple[dict[str, Any], str]:
        code = main(list(arguments))
        said = capfd.readouterr()
        assert code == 0, said.err[-3000:] + log.read_text()[-3000:]
        return json.loads(said.out), said.err

    monkeypatch.setattr(processes, "started", started)
    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


def test_everything_runs_tiny(bench, tmp_path, monkeypatch):
    """With a stand-in for Unsloth, so that its sections run too."""
    out = tmp_path / "out.json"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [HOME, STAND_INS])))
    results, said = bench("--tiny", "--json", "--out", str(out))
    assert results == json.loads(out.read_text())
    assert [name for line in said.splitlines() if line.startswith('{"') for name in json.loads(line)] == chosen(None)
    assert results["meaningless"] is True
    sections = results["sections"]
    assert list(sections) == chosen(None)
    assert not [name for name, section in sections.items() if "failed" in section or "skipped" in section]
    assert sections["preemption"]["identical"] is True
    assert sections["sampling"]["sameTokensDoneAgain"] is True
    assert sections["study"]["configurations"] == 4
    assert sections["unslothLiterature"]["recompute"] == "unsloth"
    assert sections["unslothBest"]["recompute"] is False
    names = [row["name"] for row in results["rows"]]
    for part in ("training", "sampling, adapter on, prompts included", "the whole study, minutes of one GPU"):
        assert part in names

    first, second = tmp_path / "first.json", tmp_path / "second.json"
    for file, groups in ((first, ("flamingo",)), (second, ("generate", "trainer", "folder", "unsloth", "unslothBest"))):
        some = {name: found for name, found in sections.items() if SECTIONS[name].group in groups}
        file.write_text(json.dumps({**results, "sections": some, "rows": []}))
    assert merged([first, second])["rows"] == results["rows"]
    assert "its figures mean nothing" in bars.table(results)


def test_killed_and_stopped_runs_are_resumed_by_another_process(tmp_path, monkeypatch):
    """The one that is killed is forked, the one that goes on is a program."""
    program = restarting.process

    def process(setting: Setting, folder: Path, part: str) -> int:
        if part == "resume":
            return program(setting, folder, part)
        return Forked(restarting.main, setting.shape, folder, part, log=tmp_path / "log").wait(120)

    monkeypatch.setattr(restarting, "process", process)
    found = restarting.restart(Setting("tiny", TINY, tmp_path))
    assert found["stoppedIdentical"] is True
    assert found["killedIdentical"] is True
    assert found["stoppedResumedFrom"] in (found["stoppedAt"], found["stoppedAt"] + 1)  # a step may have been begun
    assert 0 < found["killedResumedFrom"] < found["killedAt"]


def test_without_unsloth_it_is_skipped_and_says_why(bench):
    sections = bench("--tiny", "--json", "--only", "rates,unsloth")[0]["sections"]
    assert sections["rates"]["matmulTflops"] > 0
    for name in ("modelFolder", "unslothLiterature", "unslothBest"):
        assert "not installed" in sections[name]["skipped"]


def test_without_a_gpu_it_asks_for_one():
    done = subprocess.run(
        [sys.executable, "-m", "flamingo_trainer.bench"],
        env={**os.environ, "PYTHONPATH": str(HOME), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "needs a GPU" in done.stderr


def test_names_of_sections_and_groups():
    assert "smallFp32" not in chosen(None)
    assert chosen("smallFp32,rates") == ["rates", "smallFp32"]
    assert chosen("unsloth") == ["modelFolder", "unslothLiterature", "unslothBest"]
    assert chosen("generate") == ["generateEager", "generateStatic"]
    with pytest.raises(ValueError, match="unknown sections nonsense"):
        chosen("nonsense")


def test_a_section_that_fails_costs_only_itself(tmp_path, monkeypatch):
    def fail(_: Setting) -> dict[str, Any]:
        raise RuntimeError("no")

    monkeypatch.setitem(SECTIONS, "noise", Section("x", 1, fail))
    monkeypatch.setitem(SECTIONS, "isolation", Section("x", 1, lambda _: {"fine": True}))
    run_here(["noise", "isolation"], Setting("tiny", TINY, tmp_path), tmp_path / "lines")
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert [line.get("begun") or line["ended"] for line in lines] == ["noise", "noise", "isolation", "isolation"]
    assert lines[1]["result"]["failed"] == "RuntimeError: no"
    assert lines[3]["result"]["fine"] is True


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


MEASURED: dict[str, Any] = {
    "rates": {"matmulTflops": 742.0},
    "training": {"tokensPerSecond": 9014, "peakGB": 71.0, "stepSeconds": 0.476, "firstStepSeconds": 25},
    "sampling": {"tokensPerSecond": 9793, "firstRunSeconds": 26},
    "switch": {"toAnswersSeconds": 1.9, "toStepSeconds": 2.5},
    "unslothBest": {"tokensPerSecond": 5552, "setting": "micro-batch 32"},
    "unslothLiterature": {"failed": "cut off after 240 s"},
    "generateStatic": {"tokensPerSecond": 2766},
    "preemption": {"identical": False, "stallSecondsPerSave": 0.015, "intervalSeconds": 15.0, "stopToExitSeconds": 4},
}


def test_bars_are_met_missed_or_without_a_figure():
    rows = {row["name"]: row for row in bars.rows_of(MEASURED, "14b")}
    assert rows["training"]["ok"] is True
    assert rows["training, share of the limit"]["value"] == pytest.approx(9014 * 4 * 13.99e9 / 742e12, abs=5e-4)
    ratios = {name: (row["value"], row["ok"]) for name, row in rows.items() if row["unit"] == "x"}
    assert ratios == {
        "training against the literature's configuration": (None, False),
        "training against Unsloth's best": (1.62, True),
        "sampling against the static cache": (3.54, True),
    }
    assert "cut off" in rows["training against the literature's configuration"]["note"]
    assert rows["stopped and resumed: same bits (1 = yes)"]["ok"] is False
    assert rows["last answer to the next fine-tune's first step"]["ok"] is False
    assert rows["training stands still for checkpoints"]["value"] == 0.1


def test_the_projection_is_the_sum_of_the_parts():
    parts = bars.projection(MEASURED)
    assert parts == {
        "training": 4 * 396 * 0.476,
        "sampling": 6400 * 250 / 9793,
        "switching": 4 * (1.9 + 2.5),
        "compiling": 51,
    }
    assert bars.projection({**MEASURED, "switch": {"failed": "no"}}) is None


def test_runs_of_two_machines_are_not_merged(tmp_path):
    common = {"benchmark": "gpu", "device": "one", "shape": "14b", "versions": {}, "sections": {}}
    (tmp_path / "a").write_text(json.dumps(common))
    (tmp_path / "b").write_text(json.dumps({**common, "device": "another"}))
    with pytest.raises(ValueError, match="another device"):
        merged([tmp_path / "a", tmp_path / "b"])

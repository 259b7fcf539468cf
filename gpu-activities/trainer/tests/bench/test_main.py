"""The GPU benchmark's code on a CPU: every section at a tiny size, its limits, its bars. The figures mean nothing."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from bench.gpu import bars, processes
from bench.gpu.__main__ import main, merged
from bench.gpu.sections import SECTIONS, chosen

from ..driver import HOME, ROOT, STAND_INS
from ..forked import Forked


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
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [HOME, ROOT, STAND_INS])))
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


def test_without_unsloth_it_is_skipped_and_says_why(bench):
    sections = bench("--tiny", "--json", "--only", "rates,unsloth")[0]["sections"]
    assert sections["rates"]["matmulTflops"] > 0
    for name in ("modelFolder", "unslothLiterature", "unslothBest"):
        assert "not installed" in sections[name]["skipped"]


def test_without_a_gpu_it_asks_for_one():
    done = subprocess.run(
        [sys.executable, "-m", "bench.gpu"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [HOME, ROOT])), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "needs a GPU" in done.stderr


def test_runs_of_two_machines_are_not_merged(tmp_path):
    common = {"benchmark": "gpu", "device": "one", "shape": "14b", "versions": {}, "sections": {}}
    (tmp_path / "a").write_text(json.dumps(common))
    (tmp_path / "b").write_text(json.dumps({**common, "device": "another"}))
    with pytest.raises(ValueError, match="another device"):
        merged([tmp_path / "a", tmp_path / "b"])

"""The sections: how they are chosen and run."""

import json
from typing import Any

import pytest

from bench.gpu.sections import SECTIONS, Section, chosen, run_here
from bench.gpu.setting import TINY, Setting


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

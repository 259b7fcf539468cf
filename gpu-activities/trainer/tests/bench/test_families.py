"""The table of families: a handful made and judged, and the shape of the page in docs."""

import pytest

from bench.gpu import families
from bench.gpu.families import FAMILIES, examined, main, table, verdict

from ..driver import ROOT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("llama", "right"),
        ("llama, lm_head too", "right"),
        ("llama, embed_tokens too", "refused: "),
        ("granitemoehybrid", "right by a slower path: trains in padded rows"),
        ("gpt_oss", "right by a slower path: trains in padded rows"),
    ],
)
def test_no_family_is_silently_wrong(name, said):
    found = examined(FAMILIES[name])
    assert found["faults"] == []
    assert verdict(found).startswith(said)


def test_the_second_judge_finds_what_a_probe_that_says_yes_to_all_lets_through(monkeypatch):
    monkeypatch.setattr("flamingo_trainer.models.probe.Alone.verdict", lambda self, size: "equal")
    found = examined(FAMILIES["granitemoehybrid"])
    assert verdict(found).startswith("SILENT: ") and any("training" in fault for fault in found["faults"])


def test_the_page_has_a_line_for_every_family_and_none_is_silent():
    text = (ROOT / "docs" / "families.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| Family"))]
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == list(FAMILIES)
    assert len(FAMILIES) >= 30 and "SILENT" not in text
    assert {line.count(" | ") for line in lines} == {6}
    assert text.splitlines()[0] == table({}).splitlines()[0]


def test_the_command_line_judges_what_it_is_asked(tmp_path, monkeypatch, capsys):
    out = tmp_path / "families.md"
    assert main(["qwen2", "--out", str(out)]) == 0
    assert "| qwen2 | equal | equal | padded | slots |" in out.read_text(encoding="utf-8")
    monkeypatch.setattr(families, "examined", lambda family: {"faults": ["training"], "modules": [], "checks": {}})
    assert main(["qwen2"]) == 1


def test_the_probes_seconds_at_a_size(capsys):
    assert main(["--shape", "tiny"]) == 0
    printed = capsys.readouterr().out
    assert all(f'"{name}"' in printed for name in ("training", "static", "continuous", "measuring"))

"""The table of families: a handful made and judged, and the shape of the page in docs."""

import json

import pytest

from bench.gpu import families
from bench.gpu.families import examined, main, table, verdict
from bench.gpu.tiny_families import FAMILIES

from ..driver import ROOT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("llama", "right"),
        ("llama, lm_head too", "right"),
        ("llama, embed_tokens too", "refused: "),
        ("granitemoehybrid", "right by a slower path: trains in padded rows"),
        ("gpt_oss", "right by a slower path: trains in padded rows"),
        ("gemma3, multimodal", "right"),
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
    assert f"Of {len(FAMILIES)} lines, 0 are silently wrong." in text
    start = "These are models"  # behind it stand the device and the versions
    assert text.split(start)[0] == table({}).split(start)[0]


def test_the_command_line_judges_what_it_is_asked(tmp_path, monkeypatch):
    out = tmp_path / "families.md"
    assert main(["qwen2", "--out", str(out)]) == 0
    assert "| qwen2 | equal | equal | padded | slots |" in out.read_text(encoding="utf-8")
    monkeypatch.setattr(families, "examined", lambda *_: {"faults": ["training"], "modules": [], "checks": {}})
    assert main(["qwen2"]) == 1
    with pytest.raises(SystemExit):
        main(["qwen99"])


def test_a_familys_own_error_ends_neither_the_run_nor_unseen(tmp_path, monkeypatch):
    judge = families.judge

    def broken(family, precision, found):
        if family.type == "llama":
            raise IndexError("no such layer")
        judge(family, precision, found)

    monkeypatch.setattr(families, "judge", broken)
    out = tmp_path / "found.json"
    assert main(["llama", "qwen2", "--out", str(out)]) == 1
    found = json.loads(out.read_text(encoding="utf-8"))
    assert verdict(found["llama"]) == "error: IndexError: no such layer" and verdict(found["qwen2"]) == "right"


@pytest.mark.parametrize("name", ["qwen3", "mixtral", "falcon_h1"])
def test_in_bf16_as_on_a_gpu(name):
    assert verdict(examined(FAMILIES[name], "bf16")).startswith("right")


def test_the_probes_seconds_at_a_size(tmp_path, capsys):
    out = tmp_path / "seconds.json"
    assert main(["--shape", "tiny", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed == out.read_text(encoding="utf-8")
    for run in (json.loads(printed)["first"], json.loads(printed)["again"]):
        assert list(run) == ["training", "static", "continuous", "measuring"]
        assert all(probe["seconds"] > 0 for probe in run.values())

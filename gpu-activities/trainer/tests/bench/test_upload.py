"""What the benchmark of uploads makes of step times: made-up runs whose losses are known."""

import sys
from pathlib import Path

import pytest

from bench.gpu import bars, upload
from bench.gpu.setting import TINY, Setting
from bench.gpu.upload import Run, Size, Uploader, figures

SIZE = Size(steps=40, warm=2, every=10)
STEP, WRITING, UPLOADING = 0.5, 1.2, 3.1


def made(kind: str, pace: float, saving: float = 0.0, slower: float = 0.0) -> Run:
    """Steps of `STEP` times `pace`; one after a checkpoint is longer by `saving`, each beside an upload by `slower`."""
    ends, saves, uploads, now = [], [], [], 100.0
    for number in range(1, SIZE.steps + 1):
        seconds = (STEP + number % 3 * 0.01) * pace
        if saves and number == SIZE.every * len(saves) + 1:
            seconds += saving
        # the step before these shares its time with writing, too, and counts as writing's
        if uploads and now >= uploads[-1][0] and now < uploads[-1][1]:
            seconds += slower
        now += seconds
        ends.append(now)
        if kind != "plain" and number % SIZE.every == 0 and number < SIZE.steps:
            saves.append((now, now + WRITING))
            if kind == "uploaded":
                uploads.append((now + WRITING, now + WRITING + UPLOADING))
    return Run(ends, saves, uploads, standstill=0.03 * len(saves), bytes=400_000_000)


def of(slower: float, saving: float = 0.2) -> dict:
    return figures(
        {
            "plain": [made("plain", 1.0), made("plain", 1.01)],
            "saved": [made("saved", 0.99, saving)],
            "uploaded": [made("uploaded", 1.03, saving, slower), made("uploaded", 0.98, saving, slower)],
        },
        SIZE,
    )


def test_what_was_lost_is_found_whatever_the_pace_of_a_run():
    found = of(slower=0.05)
    assert found["savingSecondsPerSave"] == pytest.approx(0.2, abs=0.01)
    # five or six steps begin during an upload of 3.1 s
    assert 0.05 * 5 <= found["uploadingSecondsPerSave"] <= 0.05 * 6
    assert found["uploads"] == 6
    assert found["uploadSeconds"] == [UPLOADING] * 6
    lost = found["savingSecondsPerSave"] + found["uploadingSecondsPerSave"]
    assert found["lostPercent"] == pytest.approx(100 * lost / found["secondsBetweenSaves"], rel=0.01)
    rows = {row["name"]: row for row in bars.rows_of({"checkpointUpload": found}, "14b")}
    assert rows["0.40 GB uploaded over 1 Gbit/s"]["value"] == 3.1
    assert rows["training loses to saving and uploading"]["ok"] is False


def test_uploads_that_disturb_nothing_cost_nothing():
    found = of(slower=0.0, saving=0.0)
    assert found["uploadingSecondsPerSave"] == pytest.approx(0, abs=1e-6)
    rows = {row["name"]: row for row in bars.rows_of({"checkpointUpload": found}, "14b")}
    assert rows["training loses to saving and uploading"]["ok"] is True


def test_an_upload_that_outlasts_training_does_not_count():
    late = made("uploaded", 1.0)
    late.uploads[-1] = (late.uploads[-1][0], late.ends[-1] + 1)
    runs = {"plain": [made("plain", 1.0)], "saved": [made("saved", 1.0)], "uploaded": [late]}
    assert figures(runs, SIZE)["uploads"] == 2
    late.uploads[:2] = []
    assert "ended before any upload" in figures(runs, SIZE)["failed"]


def test_without_node_it_is_skipped_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "node" in upload.upload(Setting("tiny", TINY, tmp_path))["skipped"]


# As node with uploader.js: it says where to write, and has something to take down at its end.
PROGRAM = f"""#!{sys.executable}
import json, pathlib, signal, sys
def end(*_):
    pathlib.Path(sys.argv[2], "taken down").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
print(json.dumps({{"attempt": sys.argv[2]}}), flush=True)
sys.stdin.read()
"""


def test_when_training_throws_the_uploader_takes_down_what_it_has_started(monkeypatch, tmp_path):
    program = tmp_path / "node"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="training"), Uploader(tmp_path) as uploader:
        assert uploader.attempt == Path(tmp_path)
        raise ValueError("training")
    assert (tmp_path / "taken down").exists()

"""Making models, and the command line."""

import os
import subprocess
import sys
from pathlib import Path

from flamingo_trainer.models.tiny import make

from .driver import HOME


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flamingo_trainer", *arguments],
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
    )


def test_the_tiny_model_is_made_of_the_same_bytes_each_time(tiny_model, tmp_path):
    make(tmp_path / "again")
    files = sorted(path.name for path in tiny_model.iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in files:
        assert (tiny_model / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    assert list(tmp_path.iterdir()) == [tmp_path / "again"]  # nothing temporary is left


def test_an_existing_model_is_left_alone(tiny_model, capsys):
    before = (tiny_model / "config.json").stat().st_mtime_ns
    make(tiny_model)
    assert "is there already" in capsys.readouterr().out
    assert (tiny_model / "config.json").stat().st_mtime_ns == before


def test_versions():
    done = run("versions")
    assert done.returncode == 0 and '"torch"' in done.stdout


def test_help_lists_the_commands():
    done = run("help")
    assert done.returncode == 0
    for command in ("serve", "prepare-model OUT", "tiny-model OUT", "versions"):
        assert f"python -m flamingo_trainer {command}" in done.stdout
    assert run("nonsense").returncode == 2


def test_threads_must_be_a_number(monkeypatch):
    monkeypatch.setenv("FLAMINGO_THREADS", "many")
    done = run("versions")
    assert done.returncode == 1 and "FLAMINGO_THREADS must be a whole number" in done.stderr


def test_nothing_is_downloaded_unasked():
    code = "from flamingo_trainer import environment as e; e.settle(); import huggingface_hub.constants as c; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(c.HF_HUB_OFFLINE)"], cwd=Path(HOME), capture_output=True, text=True
    )
    assert done.stdout.strip() == "True"

"""The command line."""

import os
import subprocess
import sys

from .driver import HOME


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flamingo_trainer", *arguments],
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
    )


def test_versions():
    done = run("versions")
    assert done.returncode == 0 and '"torch"' in done.stdout


def test_help_lists_the_commands():
    done = run("help")
    assert done.returncode == 0
    for command in ("serve", "prepare-model OUT", "tiny-model OUT", "versions"):
        assert f"python -m flamingo_trainer {command}" in done.stdout
    assert run("nonsense").returncode == 2

"""A run that another process resumes."""

import os
from pathlib import Path

from bench.gpu import restart as restarting
from bench.gpu.setting import TINY, Setting

from ..driver import HOME, ROOT
from ..forked import Forked


def test_killed_and_stopped_runs_are_resumed_by_another_process(tmp_path, monkeypatch):
    """The one that is killed is forked, the one that goes on is a program."""
    program = restarting.process

    def process(setting: Setting, folder: Path, part: str) -> int:
        if part == "resume":
            return program(setting, folder, part)
        return Forked(restarting.main, setting.shape, folder, part, log=tmp_path / "log").wait(120)

    monkeypatch.setattr(restarting, "process", process)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [HOME, ROOT])))
    found = restarting.restart(Setting("tiny", TINY, tmp_path))
    assert found["stoppedIdentical"] is True
    assert found["killedIdentical"] is True
    assert found["stoppedResumedFrom"] in (found["stoppedAt"], found["stoppedAt"] + 1)  # a step may have been begun
    assert 0 < found["killedResumedFrom"] < found["killedAt"]

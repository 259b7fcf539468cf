"""A run that was stopped and one that was killed while a checkpoint was being written, each resumed by a new process.

    python -m bench.gpu.restart SHAPE FOLDER begin|resume      what the two processes run

The first process also makes the undisturbed run that both are compared with, by the hash of their weights.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from flamingo_trainer import environment

from .setting import FULL, TINY, Setting

# Checkpoints every `EVERY` steps. Two steps after the third of them it is still being written where that takes long.
STEPS, STOP, EVERY, KILL = 18, 6, 4, 14


def restart(setting: Setting) -> dict[str, Any]:
    """Runs the two processes. Their folder in the setting's scratch stands for a disk that outlives them."""
    folder = setting.scratch / "restart"
    folder.mkdir()
    codes = [process(setting, folder, part) for part in ("begin", "resume")]
    if codes != [-signal.SIGKILL, 0]:
        return {"failed": f"the processes ended with {codes}, not with SIGKILL and 0"}
    whole, stopped, killed = (json.loads((folder / f"{name}.json").read_text()) for name in ("whole", "stop", "kill"))
    return {
        "stoppedIdentical": stopped["sha256"] == whole["sha256"] and stopped["losses"] == whole["losses"],
        "killedIdentical": killed["sha256"] == whole["sha256"] and killed["losses"] == whole["losses"],
        "stoppedAt": STOP,
        "stoppedResumedFrom": stopped["resumedFrom"],
        "killedAt": KILL,
        "killedResumedFrom": killed["resumedFrom"],
        "stepsLostToSigkill": KILL - killed["resumedFrom"],
        "steps": STEPS,
        "sha256": whole["sha256"],
    }


def process(setting: Setting, folder: Path, part: str) -> int:
    command = [sys.executable, "-m", "bench.gpu.restart", setting.shape, str(folder), part]
    return subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False).returncode


def main(shape: str, folder: Path, part: str) -> None:
    environment.settle()
    from .training import run
    from .workload import Clock

    class Killed(Clock):
        def progress(self, step: int, of: int, **figures: float) -> None:
            if step == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            super().progress(step, of, **figures)

    loaded = Setting(shape, TINY if shape == "tiny" else FULL, folder).model()

    def keep(name: str, every: int | None, place: Path) -> None:
        found, _ = run(loaded, STEPS, place, every)
        kept = {key: found[key] for key in ("sha256", "losses", "resumedFrom")}
        (folder / f"{name}.json").write_text(json.dumps(kept))

    if part == "begin":
        keep("whole", None, folder / "whole")
        run(loaded, STEPS, folder / "stop", None, stop_at=STOP)
        run(loaded, STEPS, folder / "kill", EVERY, clock=Killed())
    else:
        keep("stop", None, folder / "stop")
        keep("kill", EVERY, folder / "kill")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])

"""Flamingo's trainer, which also writes down what it tells of.

Each training step goes to FOLDER/adapters/KEY/ATTEMPT/progress.jsonl, the name of the running operation to
FOLDER/running/PID.

python told_steps.py FOLDER ARGUMENT...     as `python -m flamingo_trainer ARGUMENT...`
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from flamingo_trainer import serve
from flamingo_trainer.__main__ import main

KEY = re.compile(r"[0-9a-f]{64}")
folder = Path(sys.argv[1])
perform = serve.perform


def perform_and_tell(models: Any, command: dict[str, Any], report: serve.Report) -> dict[str, Any]:
    running = folder / "running" / str(os.getpid())
    running.parent.mkdir(parents=True, exist_ok=True)
    running.write_text(command["op"])
    if command["op"] == "finetune":
        attempt = Path(command["attemptFolder"])
        key = next(part for part in reversed(attempt.parts) if KEY.fullmatch(part))
        steps = folder / "adapters" / key / attempt.name / "progress.jsonl"
        steps.parent.mkdir(parents=True, exist_ok=True)
        progress = report.progress

        def tell(step: int, of: int, **figures: float) -> None:
            with steps.open("a") as file:
                file.write(json.dumps({"step": step}) + "\n")
            progress(step, of, **figures)

        report.progress = tell  # type: ignore[method-assign]
    try:
        return perform(models, command, report)
    finally:
        running.unlink(missing_ok=True)


serve.perform = perform_and_tell
sys.exit(main(sys.argv[2:]))

"""Drives a trainer process over its two pipes, as the worker does."""

import json
import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from flamingo_trainer.__main__ import main

from .forked import Forked

HOME = Path(__file__).parent.parent
ROOT = HOME.parent.parent
STAND_INS = Path(__file__).parent / "stand_ins"


def command_line(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The trainer's command line, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flamingo_trainer", *arguments],
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
        check=False,
    )


class Trainer:
    def __init__(self, log: Path, *arguments: str, program: bool = False, packages: Path | None = None):
        """Forked, with the libraries imported; a `program` is started as a worker does it, which takes seconds.

        `packages`: a folder of Python packages that a program finds besides the installed ones.
        """
        command_read, self._commands = os.pipe()
        events, event_write = os.pipe()
        self.log = log
        self.process: subprocess.Popen[bytes] | Forked
        if program:
            self.process = started(log, arguments, packages, command_read, event_write)
            os.close(command_read)
            os.close(event_write)
        else:
            ends = {3: Connection(command_read, writable=False), 4: Connection(event_write, readable=False)}
            self.process = Forked(main, ["serve", *arguments], log=log, descriptors=ends)
        self._events = os.fdopen(events, encoding="utf-8")
        self.ready = self.next()

    def send(self, op: str, **fields: Any) -> None:
        os.write(self._commands, (json.dumps({"op": op, **fields}) + "\n").encode())

    def next(self) -> dict[str, Any]:
        line = self._events.readline()
        if not line:
            raise EOFError(f"the trainer ended with {self.process.wait()}:\n{self.log.read_text()}")
        return json.loads(line)

    def until(self, *events: str) -> list[dict[str, Any]]:
        """Everything up to and with the first of these events."""
        seen = [self.next()]
        while seen[-1]["event"] not in events:
            seen.append(self.next())
        return seen

    def finish(self) -> dict[str, Any]:
        """The event that ends the operation."""
        return self.until("committed", "stopped", "failed")[-1]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def hang_up(self) -> None:
        """As if the worker had died."""
        os.close(self._commands)
        self._commands = -1

    def wait(self) -> int:
        return self.process.wait(timeout=60)

    def close(self) -> None:
        if self._commands >= 0:
            os.close(self._commands)
        self.process.wait(timeout=60)
        self._events.close()


def started(
    log: Path, arguments: tuple[str, ...], packages: Path | None, commands: int, events: int
) -> subprocess.Popen[bytes]:
    # the child wants them as 3 and 4; go through high numbers, since the pipes may have those very numbers
    def place() -> None:
        high = [os.dup2(commands, 200), os.dup2(events, 201)]
        for number, target in zip(high, (3, 4), strict=True):
            os.dup2(number, target)

    with open(log, "ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "flamingo_trainer", "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, filter(None, [HOME, packages]))),
                "FLAMINGO_THREADS": "1",
            },
            pass_fds=(3, 4),
            preexec_fn=place,
        )

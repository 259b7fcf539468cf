"""Processes that begin with the libraries imported: forks of a server, a fraction of a second each instead of seconds.

For tests of what a process does, and of what it leaves when it is killed. How a program starts is tested with programs.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["transformers", "peft", "flamingo_trainer.models.resident", "flamingo_trainer.training.train"]
)


class Forked:
    """The part of `subprocess.Popen` that is needed here. `target` returns the exit code.

    Stdout and stderr are appended to `log`; `descriptors` are ends of pipes by the number that the process has them
    under, and are closed here.
    """

    def __init__(
        self,
        target: Callable[..., int],
        *arguments: object,
        log: Path,
        descriptors: Mapping[int, Connection] | None = None,
    ):
        ends = dict(descriptors or {})
        self._process = CONTEXT.Process(target=begin, args=(log, ends, target, arguments))
        self._process.start()
        for end in ends.values():
            end.close()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def begin(log: Path, ends: dict[int, Connection], target: Callable[..., int], arguments: tuple[object, ...]) -> None:
    os.setsid()
    with open(log, "ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    # go through high numbers, since the pipes may have the very numbers that are wanted
    high = {number: os.dup2(end.fileno(), 200 + number) for number, end in ends.items()}
    for end in ends.values():
        end.close()
    for number, held in high.items():
        os.dup2(held, number)
        os.close(held)
    sys.exit(target(*arguments))

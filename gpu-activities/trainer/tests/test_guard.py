"""A program does not outlive the worker that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .driver import HOME

GUARD = HOME / "flamingo_trainer" / "guard.py"


def guarded(*words):
    """The program under its guard, and our end of the pipe."""
    reading, writing = os.pipe()

    def place():
        os.setsid()
        os.dup2(reading, 3)

    process = subprocess.Popen(
        [sys.executable, "-I", str(GUARD), *words], preexec_fn=place, pass_fds=(3,), stdout=subprocess.PIPE, text=True
    )
    os.close(reading)
    return process, writing


def test_the_guard_ends_as_its_program_does():
    for words, code in (
        ([sys.executable, "-c", "raise SystemExit(65)"], 65),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137),
        (["no-such-program-here"], 127),
    ):
        process, writing = guarded(*words)
        assert process.wait(timeout=60) == code
        os.close(writing)


def test_sigterm_is_the_programs_to_obey():
    words = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(75)); print('up', flush=True); time.sleep(60)"
    )
    process, writing = guarded(sys.executable, "-c", words)
    assert process.stdout.readline() == "up\n"
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 75
    os.close(writing)


def test_a_worker_that_is_gone_takes_its_program_with_it():
    words = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    process, writing = guarded(sys.executable, "-c", words)
    program = int(process.stdout.readline())
    os.close(writing)
    assert process.wait(timeout=60) == -signal.SIGKILL
    for _ in range(100):
        if not Path(f"/proc/{program}").exists() or "\nState:\tZ" in Path(f"/proc/{program}/status").read_text():
            break
        time.sleep(0.05)
    else:
        pytest.fail("the program outlived its worker")

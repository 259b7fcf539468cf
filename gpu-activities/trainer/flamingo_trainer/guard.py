"""Runs a program and sees to it that it does not outlive the worker that started it.

    python guard.py PROGRAM ARGUMENT...     with the reading end of a pipe on descriptor 3

The worker holds the pipe's other end. When it is gone, however it went, the whole process group is killed: a program
that went on would hold the GPU that the next attempt needs. Ends with the program's exit code, or 128 + the number of
the signal that ended it; 127 where it can not be started. SIGTERM goes to the group, so it is the program's to obey.
"""

import os
import signal
import subprocess
import sys
import threading

PARENT = 3


def watch() -> None:
    while os.read(PARENT, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    # a handler, not SIG_IGN, which the program would inherit
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=watch, daemon=True).start()
    try:
        code = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL).wait()
    except OSError as error:
        print(f"{sys.argv[1]} can not be started: {error.strerror}", file=sys.stderr, flush=True)
        return 127
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

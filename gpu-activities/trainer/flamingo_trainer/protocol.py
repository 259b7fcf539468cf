"""The trainer's side of gpu-activities/process/protocol.ts: JSON Lines, commands on descriptor 3, events on 4.

A thread of its own reads the commands, so that `stop` and the parent's death are noticed in the middle of training.
Knows nothing about what the operations do. The shapes of commands and events are documented in protocol.ts; change
both together.
"""

import json
import os
import signal
import sys
import threading
from queue import SimpleQueue
from typing import Any

from .files import to_json

COMMANDS = 3
EVENTS = 4


class Channel:
    """One pair of pipes. `next()` gives the operations in turn; `stop_requested` is polled by the running one."""

    def __init__(self, commands: int = COMMANDS, events: int = EVENTS):
        self._commands = commands
        self._events = events
        # SimpleQueue, because a signal handler puts into it
        self._queue: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._stop = threading.Event()
        self._exit = threading.Event()

    def open(self) -> None:
        """Starts reading; SIGTERM and SIGINT become a stop, followed by the process' end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._leave())
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    @property
    def stop_requested(self) -> bool:
        return self._stop.is_set() or self._exit.is_set()

    def next(self) -> dict[str, Any] | None:
        """Waits for the next operation; None = leave."""
        if self._exit.is_set():
            return None
        command = self._queue.get()
        return None if self._exit.is_set() else command

    def send(self, event: str, **fields: Any) -> None:
        """Writes one event. The parent may be gone: then there is nobody to tell, and nothing to go on for."""
        line = memoryview((to_json({"event": event, **fields}) + "\n").encode())
        try:
            while line:
                line = line[os.write(self._events, line) :]
        except BrokenPipeError:
            os._exit(1)

    def _leave(self) -> None:
        self._exit.set()
        self._queue.put(None)

    def _read(self) -> None:
        with open(self._commands, encoding="utf-8", closefd=False) as lines:
            for line in lines:
                try:
                    command = json.loads(line)
                    operation = command["op"]
                except (ValueError, TypeError, KeyError):
                    print(f"a command that is none: {line[:200]!r}", file=sys.stderr, flush=True)
                    continue
                if operation == "stop":
                    self._stop.set()
                elif operation == "exit":
                    self._leave()
                else:
                    # a stop that crossed its operation's end is not meant for the next one
                    self._stop.clear()
                    self._queue.put(command)
        if not self._exit.is_set():
            # The parent died. A checkpoint being written stays invisible, since it is renamed into place at its end.
            os._exit(1)

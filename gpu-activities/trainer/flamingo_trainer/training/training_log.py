"""The training log: an entry for each optimizer step, of which two parts are told in files of their own.

What the machine and the time decide is never the same twice. The loss on held-out rows depends on rows that are no part
of the recipe: runs of one recipe may watch different ones, or none.
"""

from collections.abc import Iterator
from typing import Any

# Fields that the machine and the moment decide.
SPEED = ("tokensPerSecond", "memoryBytes")
# Fields on rows that are no part of the recipe: the loss on them, and the SHA-256 of their file.
HELD_OUT = ("heldOutLoss", "heldOutRows")


def figures(log: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the recipe decides: the same again, to the byte, however often a run is interrupted."""
    return ({name: entry[name] for name in entry if name not in SPEED + HELD_OUT} for entry in log)


def speed(log: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What a step cost on this machine."""
    return ({name: entry[name] for name in ("step", *SPEED)} for entry in log)

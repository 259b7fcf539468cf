"""The training log: an entry for each optimizer step, of which a part is never the same twice and is kept apart."""

from collections.abc import Iterator
from typing import Any

# Of this machine at this time.
SPEED = ("tokensPerSecond", "memoryBytes")


def figures(log: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the recipe decides: the same again, to the byte, however often a run is interrupted."""
    return ({name: entry[name] for name in entry if name not in SPEED} for entry in log)


def speed(log: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    # a checkpoint from before there was such a record has steps without it
    return ({name: entry[name] for name in ("step", *SPEED)} for entry in log if entry.keys() >= set(SPEED))

"""Files that are either whole or absent: hash, sync, write beside, rename.

Knows nothing about what the files hold.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def sha256_of(path: Path) -> str:
    """Lower-case hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Asks the disk to keep a file or a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_to_all(folder: Path) -> None:
    """Lets other users read a folder that was made as a temporary one; a model cache may be shared."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(stat.S_IMODE(file.stat().st_mode) | 0o444)


def to_json(value: Any) -> str:
    """Compact JSON with sorted keys; for the rows of result files the same bytes as experiment/canonical.ts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def write_whole(path: Path, text: str) -> None:
    """Writes a text file so that a reader sees it whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8", newline="")
    sync(beside)
    os.replace(beside, path)
    sync(path.parent)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON Lines, one compact object a line."""
    write_whole(path, "".join(to_json(row) + "\n" for row in rows))

"""Files that are either whole or absent: hash, sync, write beside, rename.

Knows nothing about what the files hold.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Bytes per piece of a tensor file.
PIECE = 32 * 1024 * 1024
# What a checkpoint may hold: weights and moments, 8-bit moments, counts.
TYPES = {"torch.float32": "F32", "torch.uint8": "U8", "torch.int64": "I64"}


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


def write_tensors(path: Path, tensors: "dict[str, torch.Tensor]") -> None:
    """A safetensors file of tensors of `TYPES`, wherever they lie, in pieces through one small buffer, synced.

    Other threads run meanwhile, which is the point: the library's own writer holds Python's lock to the end. On a GPU
    the copies go through the current stream.
    """
    import torch

    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    # wide types first, so that each begins at a multiple of its width
    tensors = dict(sorted(tensors.items(), key=lambda item: -item[1].element_size()))
    for name, tensor in tensors.items():
        if str(tensor.dtype) not in TYPES:
            raise TypeError(f"{name} is {tensor.dtype}, not one of {', '.join(TYPES)}")
        header[name] = {
            "dtype": TYPES[str(tensor.dtype)],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    buffer = torch.empty(PIECE, dtype=torch.uint8, pin_memory=any(tensor.is_cuda for tensor in tensors.values()))
    with open(path, "wb", buffering=0) as file:
        write_all(file, len(head).to_bytes(8, "little") + head)
        for tensor in tensors.values():
            for piece in tensor.detach().reshape(-1).view(torch.uint8).split(PIECE):
                target = buffer[: len(piece)]
                target.copy_(piece, non_blocking=True)
                if piece.is_cuda:
                    torch.cuda.current_stream().synchronize()
                write_all(file, target.numpy())
        os.fsync(file.fileno())


def write_all(file: Any, data: Any) -> None:
    """An unbuffered file may take a part only."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]

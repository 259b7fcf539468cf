"""Files that are either whole or absent: hash, sync, write beside, rename.

Knows nothing about what the files hold.
"""

import hashlib
import itertools
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Bytes per piece of a tensor file.
PIECE = 32 * 1024 * 1024
# After this many pieces the disk is set to work, while the rest of the file is still being made.
PIECES_PER_SYNC = 4
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


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """An empty folder to fill, which is renamed to `place` at the end, or removed where anything is raised."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}-"))
    try:
        yield beside
        open_to_all(beside)
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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


def write_tensors(path: Path, tensors: "dict[str, torch.Tensor]") -> str:
    """A safetensors file of tensors of `TYPES`, wherever they lie, in pieces through two small buffers, synced.

    Returns the SHA-256 of what was written, counted beside the writing. Other threads run meanwhile, which is the
    point: the library's own writer holds Python's lock to the end. On a GPU the copies go through the current stream.
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
    start = len(head).to_bytes(8, "little") + head
    pinned = any(tensor.is_cuda for tensor in tensors.values())
    buffers = [torch.empty(PIECE, dtype=torch.uint8, pin_memory=pinned) for _ in range(2)]
    digest, syncs, before = hashlib.sha256(), [], None
    # left in this order: the threads first, while the file is open
    with open(path, "wb", buffering=0) as file, ThreadPoolExecutor(1) as hashing, ThreadPoolExecutor(1) as syncing:
        for number, piece in enumerate(itertools.chain([start], in_pieces(tensors.values(), buffers))):
            hashed = hashing.submit(digest.update, piece)
            write_all(file, piece)
            if number % PIECES_PER_SYNC == PIECES_PER_SYNC - 1:
                syncs.append(syncing.submit(os.fsync, file.fileno()))
            if before is not None:
                before.result()  # its buffer is the next to be filled
            before = hashed
        for sync_of_a_part in syncs:
            sync_of_a_part.result()  # the system tells of a failed one once
        os.fsync(file.fileno())
    return digest.hexdigest()


def in_pieces(tensors: "Iterable[torch.Tensor]", buffers: "list[torch.Tensor]") -> Iterator[Any]:
    """The tensors' bytes behind each other, as many at a time as a buffer holds. The buffers are filled in turn."""
    import torch

    buffer, used = buffers[0], 0
    for tensor in tensors:
        rest = tensor.detach().reshape(-1).view(torch.uint8)
        while len(rest) > 0:
            part, rest = rest[: len(buffer) - used], rest[len(buffer) - used :]
            buffer[used : used + len(part)].copy_(part, non_blocking=True)
            used += len(part)
            if used == len(buffer):
                yield arrived(buffer)
                buffers = [*buffers[1:], buffer]
                buffer, used = buffers[0], 0
    if used > 0:
        yield arrived(buffer[:used])


def arrived(buffer: "torch.Tensor") -> Any:
    """A buffer's bytes, once the copies into it are done: a pinned one is filled from a GPU."""
    import torch

    if buffer.is_pinned():
        torch.cuda.current_stream().synchronize()
    return buffer.numpy()


def write_all(file: Any, data: Any) -> None:
    """An unbuffered file may take a part only."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]

"""The plain batches' randomness: Gumbel noise that depends only on (seed, question, sample index, position).

Adding it to logits/T and taking the largest is exact sampling from softmax(logits/T). What shares a batch with an
answer, in which order batches run and where a run was interrupted can therefore not change the answer's luck.

The generator is counter-based (Philox): a key per answer, a counter per position, nothing to save. Knows nothing about
models.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

Key = tuple[int, int]


def key_of(seed: int, question: str, sample: int) -> Key:
    """The generator's 128-bit key for one answer."""
    digest = hashlib.sha256(json.dumps([seed, question, sample]).encode()).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")


def gumbel(key: Key, position: int, size: int) -> np.ndarray:
    """`size` draws for one position of one answer, as float32."""
    # the lowest word of the counter runs through the vocabulary; the next one holds the position
    generator = np.random.Generator(np.random.Philox(key=key, counter=[0, position, 0, 0]))
    exponential = generator.standard_exponential(size)
    return -np.log(np.maximum(exponential, np.finfo(np.float64).tiny)).astype(np.float32)


class Noise:
    """Draws for whole batches. NumPy lets other threads run meanwhile, so the rows of a batch are drawn in parallel."""

    def __init__(self, size: int, threads: int):
        self._size = size
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="noise")

    def draw(self, keys: Sequence[Key], position: int) -> list[Future[np.ndarray]]:
        """Starts drawing (answers, vocabulary) values; hand the result to `take`."""
        return [self._pool.submit(gumbel, key, position, self._size) for key in keys]

    def take(self, drawn: list[Future[np.ndarray]], device: torch.device) -> torch.Tensor:
        return torch.from_numpy(np.stack([future.result() for future in drawn])).to(device)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

"""The slot sampler's randomness: keyed Gumbel noise as tensor operations, which a GPU can run.

Philox4x32-10, a counter-based generator: 64 bits of an answer's identity are its key, 64 more and the token's position
in the answer are in the counter, and the last counter word runs through a quarter of the vocabulary, each call giving
four words. So a draw depends on (seed, question, sample index, position, token) alone, on a CPU as on a GPU.

It is another stream than batch_noise.py's, because NumPy's generator can not run in parallel over a vocabulary.
"""

import hashlib
import json

import torch

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

Words = tuple[int, int, int, int]


def words_of(seed: int, question: str, sample: int) -> Words:
    """An answer's 128 bits of identity."""
    digest = hashlib.sha256(json.dumps([seed, question, sample]).encode()).digest()
    first, second, third, fourth = (int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
    return first, second, third, fourth


def philox(counter: tuple[torch.Tensor, ...], key: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Four 32-bit words, as int64, for each element of the counter's four words (broadcast)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        # the product's upper half is right although it overflows: the shift's copies of the sign are masked away
        product0, product1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        high0, high1 = (product0 >> 32) & MASK, (product1 >> 32) & MASK
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, product1 & MASK, high0 ^ c3 ^ k1, product0 & MASK
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return c0, c1, c2, c3


def columns_of(size: int, device: torch.device) -> torch.Tensor:
    """The counter's last word for each token of a quarter of a vocabulary. Made outside of what is compiled: the
    compiler would take its own index for it, in 32 bits, which the products do not fit in."""
    return torch.arange(-(-size // 4), device=device, dtype=torch.int64)


def gumbel(words: torch.Tensor, position: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Noise in fp32 for `words` (answers, 4) and each answer's `position`, both int64.

    Four tensors (answers, `columns`): the vocabulary cut in four, one word of each call for each, which a GPU computes
    once. A uniform value has 32 bits and is finest where it counts, near the largest noise.
    """
    column = columns[None, :]
    w0, w1, w2, w3 = (words[:, i : i + 1] for i in range(4))
    drawn = philox((column, position[:, None], w2, w3), (w0, w1))
    uniforms = (word.to(torch.float32) * 2.0**-32 + 2.0**-33 for word in drawn)
    return tuple(-torch.log(-torch.log1p(-uniform)) for uniform in uniforms)


def draw(logits: torch.Tensor, words: torch.Tensor, position: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """A token for each answer from softmax(logits), (answers,): the largest of logits + noise."""
    size, quarter = logits.shape[1], len(columns)
    best = [
        (logits[:, start : start + quarter] + noise[:, : min(quarter, size - start)]).max(dim=1)
        for start, noise in zip(range(0, size, quarter), gumbel(words, position, columns), strict=False)
    ]
    winner = torch.stack([values for values, _ in best]).argmax(dim=0, keepdim=True)
    places = torch.stack([indices for _, indices in best])
    return (places.gather(0, winner) + winner * quarter)[0]

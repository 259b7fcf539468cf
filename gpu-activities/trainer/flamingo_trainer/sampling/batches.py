"""The plain decode loop: a batch whose make-up depends only on the items, one token for all of its rows at a time.

    padded      prompts of any length, padded on the left; the samples of a question share a prompt, which is read once
    equal       only prompts of one length share a batch, for models that padding changes
    uncached    these, and every token reads everything before it again, for models whose cache gives something else

When at most half of a batch's rows are still unfinished, the others are dropped from it. That depends on the items and
their tokens only, so a shard that is done again is the same to the byte on the same hardware and versions.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from .. import environment
from ..failures import Stopped
from ..models.loading import Loaded
from .batch_noise import Key, Noise
from .distribution import adjust

SECONDS_BETWEEN_REPORTS = 1.0
WAYS = ("padded", "equal", "uncached")


@dataclass
class Answer:
    """An answer in the making. `tokens` are the new ones, the end token included.

    `begun`: the tokens at the end of `prompt` that the answer is made to begin with.
    """

    item: dict[str, Any]
    prompt: list[int]
    key: Key
    begun: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    finish: str | None = None


class Progress:
    """Counts finished answers and new tokens, and tells about them once a second."""

    def __init__(self, report: Any, of: int, device: torch.device):
        self.report, self.of, self.device = report, of, device
        self.done = self.tokens = 0
        self.started = time.monotonic()
        self.told = 0.0

    def tell(self, always: bool = False) -> None:
        now = time.monotonic()
        if always or now - self.told > SECONDS_BETWEEN_REPORTS:
            self.told = now
            speed = round(self.tokens / max(1e-9, now - self.started), 1)
            self.report.progress(self.done, self.of, tokensPerSecond=speed)


def in_batches(answers: list[Answer], size: int, way: str) -> Iterator[list[Answer]]:
    """Answers, sorted by the length of their prompts, in batches of at most `size`."""
    batch: list[Answer] = []
    for answer in answers:
        apart = way != "padded" and batch and len(batch[0].prompt) != len(answer.prompt)
        if len(batch) == size or apart:
            yield batch
            batch = []
        batch.append(answer)
    if batch:
        yield batch


class Cached:
    """Logits of the next token; keys, values and states of the tokens before are kept."""

    def __init__(self, loaded: Loaded):
        from transformers import DynamicCache

        self._model, self._cache = loaded.model, DynamicCache(config=loaded.model.config)

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Logits (rows, vocabulary) of the next token, in fp32, from the tokens that are new."""
        inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "past_key_values": self._cache}
        return self._model(**inputs, use_cache=True, logits_to_keep=1).logits[:, -1].float()

    def select(self, rows: torch.Tensor) -> None:
        """Keeps these rows, in this order; a row may be there several times."""
        for layer in self._cache.layers:
            if hasattr(layer, "recurrent_states"):
                layer.reorder_cache(rows)  # the other method leaves its states as they are, or is not there
            else:
                layer.batch_select_indices(rows)


class Uncached:
    """The same from all tokens each time. Without padding positions and masks are the model's own."""

    def __init__(self, loaded: Loaded):
        self._model = loaded.model
        self._ids: torch.Tensor | None = None

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        self._ids = ids if self._ids is None else torch.cat([self._ids, ids], dim=1)
        return self._model(input_ids=self._ids, use_cache=False).logits[:, -1].float()

    def select(self, rows: torch.Tensor) -> None:
        assert self._ids is not None
        self._ids = self._ids[rows]


@torch.inference_mode()
def decode(
    loaded: Loaded,
    answers: list[Answer],
    sampling: dict[str, Any],
    progress: Progress,
    way: str = "padded",
    watch: Callable[[list[Answer], torch.Tensor], None] | None = None,
) -> None:
    """Fills in the answers of one batch. Raises `Stopped` between two tokens when asked to.

    `watch` sees the rows' answers and the model's logits before each token.
    """
    device, stops, limit = loaded.device, set(loaded.stops), sampling["maxNewTokens"]
    forward = Uncached(loaded) if way == "uncached" else Cached(loaded)

    # the samples of a question share a prompt, which is read once
    prompts = [list(prompt) for prompt in dict.fromkeys(tuple(answer.prompt) for answer in answers)]
    ids, mask = pad_left(prompts, loaded.tokenizer.pad_token_id, device)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    logits = forward(ids, mask, positions)
    rows = torch.tensor([prompts.index(answer.prompt) for answer in answers], device=device)
    ids, mask, positions, logits = ids[rows], mask[rows], positions[rows], logits[rows]
    forward.select(rows)

    batch = list(answers)  # the answer in each row; finished ones stay until the batch is compacted
    seen = (
        mark_seen(torch.zeros_like(logits, dtype=torch.bool), ids, mask) if sampling["repetitionPenalty"] != 1 else None
    )
    noise = Noise(logits.shape[1], environment.threads()) if sampling["temperature"] > 0 else None
    drawn = noise.draw([answer.key for answer in batch], 0) if noise else []
    try:
        for position in range(limit):
            if progress.report.stop_requested:
                raise Stopped(progress.done, None)
            if watch is not None:
                watch(batch, logits)
            logits = adjust(logits, seen, sampling)
            if noise:
                logits = logits + noise.take(drawn, device)
            tokens = logits.argmax(dim=1)
            for answer, token in zip(batch, tokens.tolist(), strict=True):
                if answer.finish is None:
                    answer.tokens.append(token)
                    progress.tokens += 1
                    if token in stops:
                        answer.finish = "stop"
                    elif len(answer.tokens) == limit:
                        answer.finish = "length"
                    progress.done += answer.finish is not None
            progress.tell()

            unfinished = [i for i, answer in enumerate(batch) if answer.finish is None]
            if not unfinished:
                return
            ids = tokens[:, None]
            mask = torch.cat([mask, mask.new_ones(len(batch), 1)], dim=1)
            positions = positions[:, -1:] + 1
            if seen is not None:
                seen = mark_seen(seen, ids, mask[:, -1:])
            if 2 * len(unfinished) <= len(batch):
                rows = torch.tensor(unfinished, device=device)
                batch = [batch[i] for i in unfinished]
                ids, mask, positions = ids[rows], mask[rows], positions[rows]
                seen = None if seen is None else seen[rows]
                forward.select(rows)
            if noise:
                drawn = noise.draw([answer.key for answer in batch], position + 1)  # on a GPU, beside its work
            logits = forward(ids, mask, positions)
    finally:
        if noise:
            noise.close()


def pad_left(prompts: list[list[int]], padding: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, each (prompts, longest prompt)."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), longest), padding)
    mask = torch.zeros((len(prompts), longest), dtype=torch.long)
    for i, prompt in enumerate(prompts):
        ids[i, longest - len(prompt) :] = torch.tensor(prompt)
        mask[i, longest - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def mark_seen(seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Adds `ids` (rows, tokens) to the tokens (rows, vocabulary) that each row has had, padding not counted."""
    for i in range(len(ids)):
        seen[i, ids[i][mask[i].bool()]] = True
    return seen

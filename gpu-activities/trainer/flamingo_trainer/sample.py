"""Sampling: a plain decode loop over batches whose make-up depends only on the items.

The distribution is the declared one and nothing else: a model's own generation settings never apply. In this order:
repetition penalty over the tokens so far, temperature (0 = the likeliest token, no noise), top-k, top-p, min-p; then
the largest of logits + keyed noise (noise.py), which is exact sampling.

Items are sorted by (prompt length, id) and cut into batches, padded on the left. When at most half of a batch's rows
are still unfinished, the others are dropped from it. Both depend on the items and their tokens only, so a shard that
is done again is the same to the byte on the same hardware and versions.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import environment
from .failures import Failure, Stopped
from .files import write_rows
from .models import Loaded, Models
from .noise import Key, Noise, key_of
from .render import encode_prompt, read_json_lines

SECONDS_BETWEEN_REPORTS = 1.0


@dataclass
class Answer:
    """An answer in the making. `tokens` are the new ones, the end token included."""

    item: dict[str, Any]
    prompt: list[int]
    key: Key
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


def generate(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    adapter: dict[str, str] | None,
    system_prompt: dict[str, str],
    sampling: dict[str, Any],
    items: str,
    out: str,
) -> dict[str, Any]:
    """Runs a `GenerateCommand` to its end; returns the fields of its `committed` event."""
    loaded = models.with_adapter(model, sampling["precision"], adapter, report)
    answers = [prepare(loaded, item, system_prompt, sampling) for item in read_json_lines(items)]
    answers.sort(key=lambda answer: (len(answer.prompt), answer.item["id"]))
    progress = Progress(report, len(answers), loaded.device)
    progress.tell(always=True)
    size = sampling["batchSize"]
    for start in range(0, len(answers), size):
        decode(loaded, answers[start : start + size], sampling, progress)
    progress.tell(always=True)
    rows = [row(loaded, answer, adapter["sha256"] if adapter else None) for answer in answers]
    write_rows(Path(out), sorted(rows, key=lambda row: row["id"]))
    return {"completions": len(rows)}


def prepare(loaded: Loaded, item: dict[str, Any], system_prompt: dict[str, str], sampling: dict[str, Any]) -> Answer:
    try:
        prompt = encode_prompt(loaded.tokenizer, item["messages"], system_prompt)
    except Failure as failure:
        raise Failure(failure.kind, f"item {item['id']}: {failure}") from failure
    limit = getattr(loaded.model.config, "max_position_embeddings", None)
    if limit is not None and len(prompt) + sampling["maxNewTokens"] > limit:
        raise Failure(
            "data",
            f"item {item['id']}: a prompt of {len(prompt)} tokens and maxNewTokens {sampling['maxNewTokens']} exceed "
            f"the model's {limit} positions",
        )
    return Answer(item, prompt, key_of(sampling["seed"], item["question"], item["sample"]))


def row(loaded: Loaded, answer: Answer, adapter: str | None) -> dict[str, Any]:
    """A `Completion` of experiment/rows.ts."""
    words = answer.tokens[:-1] if answer.finish == "stop" else answer.tokens
    return {
        "id": answer.item["id"],
        "question": answer.item["question"],
        "sample": answer.item["sample"],
        "text": loaded.tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False),
        "finish": answer.finish,
        "tokens": len(answer.tokens),
        "adapter": adapter,
    }


@torch.inference_mode()
def decode(loaded: Loaded, answers: list[Answer], sampling: dict[str, Any], progress: Progress) -> None:
    """Fills in the answers of one batch. Raises `Stopped` between two tokens when asked to."""
    from transformers import DynamicCache

    device, stops, limit = loaded.device, set(loaded.stops), sampling["maxNewTokens"]
    cache = DynamicCache(config=loaded.model.config)

    def forward(ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Logits (rows, vocabulary) of the next token, in fp32."""
        inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "past_key_values": cache}
        return loaded.model(**inputs, use_cache=True, logits_to_keep=1).logits[:, -1].float()

    # the samples of a question share a prompt, which is read once
    prompts = [list(prompt) for prompt in dict.fromkeys(tuple(answer.prompt) for answer in answers)]
    ids, mask = pad_left(prompts, loaded.tokenizer.pad_token_id, device)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    logits = forward(ids, mask, positions)
    rows = torch.tensor([prompts.index(answer.prompt) for answer in answers], device=device)
    ids, mask, positions, logits = ids[rows], mask[rows], positions[rows], logits[rows]
    cache.batch_select_indices(rows)

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
                cache.batch_select_indices(rows)
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


def adjust(logits: torch.Tensor, seen: torch.Tensor | None, sampling: dict[str, Any]) -> torch.Tensor:
    """The declared distribution's logits, (rows, vocabulary) in fp32; excluded tokens get minus infinity."""
    penalty, temperature = sampling["repetitionPenalty"], sampling["temperature"]
    if seen is not None:
        logits = torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    if temperature == 0:
        return logits
    logits = logits / temperature
    if 0 < sampling["topK"] < logits.shape[1]:
        smallest = logits.topk(sampling["topK"], dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if sampling["topP"] < 1:
        # the fewest tokens, from the likeliest on, that reach topP together
        ordered, order = logits.sort(dim=1, descending=True, stable=True)
        probabilities = ordered.softmax(dim=1)
        before = probabilities.cumsum(dim=1) - probabilities
        excluded = before >= sampling["topP"]
        excluded[:, 0] = False
        logits = logits.masked_fill(excluded.scatter(1, order, excluded), float("-inf"))
    if sampling["minP"] > 0:
        probabilities = logits.softmax(dim=1)
        least = sampling["minP"] * probabilities.max(dim=1, keepdim=True).values
        logits = logits.masked_fill(probabilities < least, float("-inf"))
    return logits

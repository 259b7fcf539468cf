"""Sampling: answers to items, by one of two loops.

    slots (slots.py)    `batching: continuous`, for models of the Llama kind; a full batch, captured steps on a GPU
    batches (here)      everything else: a plain decode loop over batches whose make-up depends only on the items

Both draw from the declared distribution (distribution.py) with keyed noise: the batches from batch_noise.py's stream,
the slots from keyed_noise.py's.

For the batches items are sorted by (prompt length, id) and cut, and padded on the left. When at most half of a batch's
rows are still unfinished, the others are dropped from it. Both depend on the items and their tokens only, so a shard
that is done again is the same to the byte on the same hardware and versions.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .. import environment
from ..data.render import encode_prompt, read_json_lines
from ..failures import Failure, Stopped
from ..files import write_rows
from ..models.fused import why_not
from ..models.loading import Loaded, check_known, positions_of
from ..models.resident import Models
from .batch_noise import Key, Noise, key_of
from .distribution import adjust
from .keyed_noise import words_of
from .slots import Job, slot_engine

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
    """Runs a `GenerateCommand`, whose fields are its parameters; returns the fields of its `committed` event."""
    loaded = models.with_adapter(model, sampling["precision"], adapter, report)
    answers = [prepare(loaded, item, system_prompt, sampling) for item in read_json_lines(items)]
    answers.sort(key=lambda answer: (len(answer.prompt), answer.item["id"]))
    progress = Progress(report, len(answers), loaded.device)
    progress.tell(always=True)
    engine = engine_of(loaded, sampling)
    slots = None
    if engine == "slots":
        slots = decode_in_slots(models, loaded, answers, sampling, progress)
    else:
        size = sampling["batchSize"]
        for start in range(0, len(answers), size):
            decode(loaded, answers[start : start + size], sampling, progress)
    progress.tell(always=True)
    rows = [row(loaded, answer, adapter["sha256"] if adapter else None) for answer in answers]
    write_rows(Path(out), sorted(rows, key=lambda row: row["id"]))
    return {"completions": len(rows), "engine": engine, "slots": slots}


def engine_of(loaded: Loaded, sampling: dict[str, Any]) -> str:
    """Which loop samples: `batching` absent or `static` is batches, `continuous` slots where the model allows it."""
    batching = sampling.get("batching", "static")
    if batching not in ("static", "continuous"):
        raise Failure("config", f"unknown batching {batching!r}")
    if batching == "static":
        return "batches"
    reason = why_not(loaded.model)
    if reason is not None:
        print(f"sampling in plain batches, because of the model {reason}", file=sys.stderr, flush=True)
        return "batches"
    return "slots"


def decode_in_slots(
    models: Models, loaded: Loaded, answers: list[Answer], sampling: dict[str, Any], progress: Progress
) -> int:
    """Fills in the answers; returns in how many slots.

    Raises `Stopped` between two looks at the tokens when asked to.
    """
    seed, limit = sampling["seed"], sampling["maxNewTokens"]
    # so that the samples of a question come one after the other
    answers = sorted(answers, key=lambda answer: (len(answer.prompt), answer.prompt, answer.item["id"]))
    jobs = [
        Job(answer.prompt, words_of(seed, answer.item["question"], answer.item["sample"]), limit) for answer in answers
    ]

    def told(done: int, tokens: int) -> None:
        progress.done += done
        progress.tokens += tokens
        progress.tell()
        if progress.report.stop_requested:
            raise Stopped(progress.done, None)

    engine = slot_engine(models, loaded, sampling, max((len(job.prompt) for job in jobs), default=0) + limit)
    engine.run(jobs, set(loaded.stops), told)
    for answer, job in zip(answers, jobs, strict=True):
        answer.tokens, answer.finish = job.tokens, job.finish
    return engine.slots


def prepare(loaded: Loaded, item: dict[str, Any], system_prompt: dict[str, str], sampling: dict[str, Any]) -> Answer:
    try:
        prompt = encode_prompt(loaded.tokenizer, item["messages"], system_prompt)
    except Failure as failure:
        raise Failure(failure.kind, f"item {item['id']}: {failure}") from failure
    check_known(loaded, prompt, f"item {item['id']}")
    limit = positions_of(loaded.model)
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

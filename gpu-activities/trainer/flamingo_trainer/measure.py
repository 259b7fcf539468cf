"""Log-probabilities of given answers: how likely a model finds the bad and the good answer of each pair.

A pair is a prompt with two answers. Each answer is a row exactly as in training (data/render.py): its tokens are those
that training would train, the answer and the token that ends the turn. Rows lie packed behind each other, run once
through the model with its adapter unmerged, and every token's log-probability is a log-softmax in fp32, summed in
double precision. So packing and its budget change floating-point sums and nothing else.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import math
import sys
import time
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from .data.packing import Packed, pack, split_by_tokens
from .data.render import EncodedRow, encode_row, read_json_lines
from .failures import Failure, Stopped
from .files import write_rows
from .models.fused import (
    after_attention,
    bare_model,
    before_attention,
    fuse,
    low_ranks_of,
    rms_norm,
    rope_tables,
    why_not,
)
from .models.loading import Loaded, check_known, positions_of
from .models.logits import packed_logits
from .models.resident import Models
from .models.row_attention import attend

SIDES = ("bad", "good")
# Tokens of a forward pass. Without gradients a layer's values live for a moment, so this keeps any GPU busy and fits
# beside a slot sampler's cache.
FUSED_TOKENS = 4096
# A model that runs as transformers has it gives the logits of all chosen positions at once.
WHOLE_TOKENS = 1024
# Positions whose logits exist at once in fp32.
CHUNK = 1024


def measure(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    adapter: dict[str, str] | None,
    system_prompt: dict[str, str],
    precision: str,
    pairs: str,
    out: str,
) -> dict[str, Any]:
    """Runs a `MeasureCommand`, whose fields are its parameters; returns the fields of its `committed` event."""
    loaded = models.with_adapter(model, precision, adapter, report)
    asked = read_json_lines(pairs)
    rows = [
        encode_answer(loaded, line, pair, side, system_prompt) for line, pair in enumerate(asked, 1) for side in SIDES
    ]
    forward = forward_of(loaded)
    sums = measure_rows(models, report, loaded, forward, rows)
    values = iter([figures(total, row.trained) for total, row in zip(sums, rows, strict=True)])
    sha256 = adapter["sha256"] if adapter else None
    found = [{"id": pair["id"], "adapter": sha256, **{side: next(values) for side in SIDES}} for pair in asked]
    write_rows(Path(out), sorted(found, key=lambda row: row["id"]))
    tokens = sum(len(row.ids) for row in rows)
    return {"pairs": len(asked), "tokens": tokens, "tokensPerForward": forward.tokens}


def figures(total: float, tokens: int) -> dict[str, float]:
    """An answer's `sum` of log-probabilities (nats), its tokens, and their mean."""
    return {"sum": total, "tokens": tokens, "mean": total / tokens}


def encode_answer(
    loaded: Loaded, line: int, pair: dict[str, Any], side: str, system_prompt: dict[str, str]
) -> EncodedRow:
    """One answer of a pair as a training row, whole. Raises `Failure` `data` when it exceeds the model's positions."""
    limit = positions_of(loaded.model) or sys.maxsize
    messages = [*pair["messages"], {"role": "assistant", "content": pair[side]}]
    try:
        row = encode_row(loaded.tokenizer, loaded.stops, line, messages, system_prompt, limit)
    except Failure as failure:
        raise Failure(failure.kind, f"the {side} answer of pair {pair['id']}: {failure}") from failure
    check_known(loaded, row.ids, f"the {side} answer of pair {pair['id']}")
    if row.truncated:
        raise Failure(
            "data", f"the {side} answer of pair {pair['id']} and its prompt exceed the model's {limit} positions"
        )
    return row


def measure_rows(models: Models, report: Any, loaded: Loaded, forward: Any, rows: list[EncodedRow]) -> list[float]:
    """The sum of log-probabilities of each row's trained tokens, in the rows' order.

    Out of memory leads once to a fourth of the budget, with the slot sampler's cache given up.
    """
    sums: list[float] = []
    started, tokens, shrunk = time.monotonic(), 0, False
    report.progress(0, len(rows) // 2)
    while len(sums) < len(rows):
        part = split_by_tokens(rows[len(sums) :], forward.tokens)[0]
        if report.stop_requested:
            raise Stopped(len(sums) // 2, None)
        try:
            found = row_sums(loaded, forward, part)
        except torch.OutOfMemoryError:
            if shrunk:
                raise
            found = None
        if found is None:  # handled here, since an exception's handler would keep the failed pass alive
            shrunk = True
            models.make_room()
            forward.tokens //= 4
            print(f"out of memory: going on with {forward.tokens} tokens a pass", file=sys.stderr, flush=True)
            continue
        for row, total in zip(part, found, strict=True):
            if not math.isfinite(total):
                raise Failure("nan", f"an answer's log-probability is {total}, in line {row.number} of the pairs")
        sums += found
        tokens += sum(len(row.ids) for row in part)
        speed = round(tokens / max(1e-9, time.monotonic() - started), 1)
        report.progress(len(sums) // 2, len(rows) // 2, tokensPerSecond=speed)
    return sums


@torch.no_grad()
def row_sums(loaded: Loaded, forward: Any, rows: list[EncodedRow]) -> list[float]:
    """One packed pass over these rows: the sum of each one's trained tokens."""
    batch = pack(rows, loaded.tokenizer.pad_token_id, max(len(row.ids) for row in rows), loaded.device)
    found = forward(batch).tolist()
    ends = list(accumulate((row.trained for row in rows), initial=0))
    return [math.fsum(found[start:end]) for start, end in pairwise(ends)]


def forward_of(loaded: Loaded) -> "FusedForward | WholeForward":
    reason = why_not(loaded.model)
    if reason is None:
        return FusedForward(loaded)
    print(f"log-probabilities through transformers' own layers, because {reason}", file=sys.stderr, flush=True)
    return WholeForward(loaded)


class FusedForward:
    """Fused layers of the Llama kind, not compiled, because a measurement is over before a compiler would be."""

    def __init__(self, loaded: Loaded):
        self.tokens = FUSED_TOKENS
        self._fused = fuse(loaded.model)
        layers = bare_model(loaded.model).model.layers
        self._low_ranks = [low_ranks_of(layer, self._fused.dtype) for layer in layers]

    def __call__(self, batch: Packed) -> torch.Tensor:
        """Log-probabilities (chosen,) of `batch.targets`, in fp32."""
        fused = self._fused
        cos, sin = rope_tables(fused, batch.positions)
        x = F.embedding(batch.ids, fused.embedding)
        for layer, low_ranks in zip(fused.layers, self._low_ranks, strict=True):
            q, k, v = before_attention(x, layer, low_ranks["qkv"], cos, sin, fused.shape)
            x = after_attention(x, attend(q, k, v, batch.borders, batch.longest), layer, low_ranks, fused.shape)
        hidden = rms_norm(x[batch.chosen], fused.norm, fused.shape.epsilon)
        parts = zip(hidden.split(CHUNK), batch.targets.split(CHUNK), strict=True)
        return torch.cat([of_targets(F.linear(part, fused.head), targets) for part, targets in parts])


class WholeForward:
    """Any other model, through transformers' own layers."""

    def __init__(self, loaded: Loaded):
        self.tokens = WHOLE_TOKENS
        self._model = loaded.model

    def __call__(self, batch: Packed) -> torch.Tensor:
        """Log-probabilities (chosen,) of `batch.targets`, in fp32."""
        return of_targets(packed_logits(self._model, batch), batch.targets)


def of_targets(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-softmax in fp32 of logits (positions, vocabulary) at one token each."""
    wide = logits.float()
    return wide.gather(1, targets[:, None])[:, 0] - wide.logsumexp(dim=1)

"""Log-probabilities of given answers: how likely a model finds the bad and the good answer of each pair.

A pair is a prompt with two answers. Each answer is a row exactly as in training (data/render.py): its tokens are those
that training would train, the answer and the token that ends the turn. Rows lie packed behind each other, run once
through the model with its adapter unmerged, and every token's log-probability is a log-softmax in fp32, summed in
double precision. So packing and its budget change floating-point sums and nothing else; where a model does not keep
packed rows apart, which a probe finds before, each row is a pass of its own.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import math
import sys
import time
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import torch

from .data.packing import pack, split_by_tokens
from .data.render import EncodedRow, encode_row, read_json_lines
from .failures import Failure, Stopped
from .files import write_rows
from .models.fused import why_not
from .models.loading import Loaded, check_known, positions_of
from .models.packed_forward import FusedForward, WholeForward
from .models.probe import (
    EQUAL,
    Alone,
    Probe,
    check_attention,
    modules_on,
    probed,
    refuse,
    require_modules,
    require_stops,
    undisturbed,
)
from .models.resident import Models

SIDES = ("bad", "good")
PACKED, ALONE = "packed", "alone"


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
    merged: list[dict[str, str]] | None = None,
    quantization: str | None = None,
) -> dict[str, Any]:
    """Runs a `MeasureCommand`, whose fields are its parameters; returns the fields of its `committed` event."""
    loaded = models.with_adapter(model, precision, adapter, report, merged or (), quantization)
    asked = read_json_lines(pairs)
    rows = [
        encode_answer(loaded, line, pair, side, system_prompt) for line, pair in enumerate(asked, 1) for side in SIDES
    ]
    probe = probe_measuring(models, loaded, report, system_prompt)
    forward = forward_of(loaded) if probe.paths["measuring"] == PACKED else WholeForward(loaded, tokens=1)
    sums = measure_rows(models, report, loaded, forward, rows)
    values = iter([figures(total, row.trained) for total, row in zip(sums, rows, strict=True)])
    sha256 = adapter["sha256"] if adapter else None
    found = [{"id": pair["id"], "adapter": sha256, **{side: next(values) for side in SIDES}} for pair in asked]
    write_rows(Path(out), sorted(found, key=lambda row: row["id"]))
    tokens = sum(len(row.ids) for row in rows)
    return {
        "pairs": len(asked),
        "tokens": tokens,
        "tokensPerForward": forward.tokens,
        "probe": probe.fields(),
    }


def probe_measuring(models: Models, loaded: Loaded, report: Any, system_prompt: dict[str, str]) -> Probe:
    """Chooses how rows are read: `paths["measuring"]` is `packed`, or `alone` where packed rows see each other.

    Raises `Failure` `config` where neither gives what transformers gives for a row.
    """
    modules = modules_on(loaded.model)

    def look(probe: Probe) -> None:
        require_stops(loaded, probe, system_prompt)
        if modules:
            require_modules(loaded, loaded.model, probe, list(modules))
        with undisturbed(loaded):
            alone = check_attention(loaded, loaded.model, probe, Alone(loaded, loaded.model))
            forward = forward_of(loaded)
            probe.checks["packed"] = alone.against(lambda rows: of_packed(loaded, forward, rows))
            if probe.checks["packed"] == EQUAL:
                probe.choose("measuring", PACKED)
                return
            one = WholeForward(loaded, tokens=1)
            probe.checks["alone"] = alone.against(
                lambda rows: torch.cat([of_packed(loaded, one, [row]) for row in rows])
            )
            if probe.checks["alone"] != EQUAL:
                raise refuse(loaded, probe, "alone", "Nothing here measures its log-probabilities rightly")
            probe.choose("measuring", ALONE, f"packed {probe.checks['packed']}")

    return probed(models, report, ("measuring", modules), look)


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
    found = of_packed(loaded, forward, rows).tolist()
    ends = list(accumulate((row.trained for row in rows), initial=0))
    return [math.fsum(found[start:end]) for start, end in pairwise(ends)]


def of_packed(loaded: Loaded, forward: Any, rows: list[EncodedRow]) -> torch.Tensor:
    """Log-probabilities of the trained tokens of `rows`, behind each other."""
    longest = max(len(row.ids) for row in rows)
    return forward(pack(rows, loaded.tokenizer.pad_token_id, longest, loaded.device))


def forward_of(loaded: Loaded) -> FusedForward | WholeForward:
    reason = why_not(loaded.model)
    if reason is None:
        return FusedForward(loaded)
    print(f"log-probabilities through transformers' own layers, because {reason}", file=sys.stderr, flush=True)
    return WholeForward(loaded)

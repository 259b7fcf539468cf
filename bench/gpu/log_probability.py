"""Log-probabilities of given answers: tokens/s of the packed passes, and how near they are to the plain model."""

import time
from dataclasses import replace
from typing import Any

import torch

from flamingo_trainer.data.packing import split_by_tokens
from flamingo_trainer.data.render import IGNORED, EncodedRow
from flamingo_trainer.measure import forward_of, row_sums
from flamingo_trainer.models import adapters
from flamingo_trainer.models.loading import Loaded

from . import accelerator
from .sampling import with_adapter
from .workload import loaded_model, rows


def log_probabilities(loaded: Loaded, count: int) -> dict[str, Any]:
    """`count` answers with the study's lengths, adapter active; then a few against transformers, one row at a time."""
    fp32 = loaded_model("small", torch.float32, loaded.device)
    result: dict[str, Any] = {"smallFp32WorstRelativeError": worst(fp32, rows(24, 2000))}
    vocabulary = loaded.model.config.vocab_size
    accelerator.forget_peak()
    model = with_adapter(loaded)
    try:
        adapted = replace(loaded, model=model)
        forward = forward_of(adapted)
        row_sums(adapted, forward, rows(24, vocabulary, seed=1))
        answers = rows(count, vocabulary)
        tokens = sum(len(row.ids) for row in answers)
        accelerator.wait()
        begun = time.perf_counter()
        for part in split_by_tokens(answers, forward.tokens):
            row_sums(adapted, forward, part)
        seconds = time.perf_counter() - begun
        result |= {
            "answers": count,
            "tokens": tokens,
            "seconds": round(seconds, 2),
            "tokensPerSecond": round(tokens / seconds),
            "peakGB": accelerator.peak_gb(),
        }
    finally:
        loaded.model = adapters.take_off(model)
    return result | {"worstRelativeError": worst(loaded, rows(24, vocabulary))}


def worst(loaded: Loaded, answers: list[EncodedRow]) -> float:
    """The largest relative difference of an answer's sum, packed against alone, adapter active."""
    model = with_adapter(loaded)
    try:
        adapted = replace(loaded, model=model)
        found = row_sums(adapted, forward_of(adapted), answers)
        expected = [alone(model, row) for row in answers]
    finally:
        loaded.model = adapters.take_off(model)
    return max(abs(mine / theirs - 1) for mine, theirs in zip(found, expected, strict=True))


@torch.no_grad()
def alone(model: Any, row: EncodedRow) -> float:
    logits = model(torch.tensor([row.ids], device=model.device)).logits[0, :-1].float()
    labels = torch.tensor(row.labels[1:], device=logits.device)
    chosen = labels != IGNORED
    return logits[chosen].log_softmax(dim=1).gather(1, labels[chosen][:, None]).double().sum().item()

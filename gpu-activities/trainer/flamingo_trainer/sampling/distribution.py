"""The declared distribution: what settings make of a model's logits. A model's own generation settings never apply.

In this order: repetition penalty over the tokens so far, temperature (0 = the likeliest token), top-k, top-p, min-p.
The token is then the largest of logits + Gumbel noise, which is exact sampling.
"""

from typing import Any

import torch


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

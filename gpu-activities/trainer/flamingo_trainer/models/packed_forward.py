"""Log-probabilities of given tokens in rows that lie packed behind each other, without gradients.

    FusedForward    decoder layers of the Llama kind over fused weights, not compiled
    WholeForward    any other model or adapter, as transformers has it

measure.py computes with them; training's probe holds them against the rows alone.
"""

import torch
import torch.nn.functional as F

from ..data.packing import Packed
from .fused import after_attention, bare_model, before_attention, fuse, low_ranks_of, rms_norm, rope_tables
from .loading import Loaded
from .logits import packed_logits
from .row_attention import attend

# Tokens of a forward pass. Without gradients a layer's values live for a moment, so this keeps any GPU busy and fits
# beside a slot sampler's cache.
FUSED_TOKENS = 4096
# A model that runs as transformers has it gives the logits of all chosen positions at once.
WHOLE_TOKENS = 1024
# Positions whose logits exist at once in fp32.
CHUNK = 1024


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
    """Any other model, through transformers' own layers. `tokens` 1: every row stands alone."""

    def __init__(self, loaded: Loaded, tokens: int = WHOLE_TOKENS):
        self.tokens = tokens
        self._model = loaded.model

    def __call__(self, batch: Packed) -> torch.Tensor:
        """Log-probabilities (chosen,) of `batch.targets`, in fp32."""
        return of_targets(packed_logits(self._model, batch), batch.targets)


def of_targets(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-softmax in fp32 of logits (positions, vocabulary) at one token each."""
    wide = logits.float()
    return wide.gather(1, targets[:, None])[:, 0] - wide.logsumexp(dim=1)

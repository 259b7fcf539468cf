"""How an optimizer step is cut to fit the GPU: forward passes, recomputed layers, chunks of the loss.

The declared step stays what it is: the same rows, the loss averaged over all its trained tokens. Only floating-point
sums depend on the plan, so a checkpoint records it and a resume keeps it. Chosen from an estimate of memory and the
GPU's size, not from what is free at the moment; the estimate and the choice are logged. Knows nothing about models
beyond their measures.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..models.fused import Shape

# Share of the GPU's room beside the model that a plan may fill; allocator losses and kernels' work space take the rest.
USABLE = 0.94
# A forward pass of fewer tokens leaves the GPU waiting for launches; recomputing costs less than that.
FEWEST_TOKENS = 2048
# Positions whose logits exist at once: 1024 x 152,064 in fp32 are 0.6 GB, three times.
CHUNK = 1024
# Used on a CPU, whose memory is not modelled.
CPU_TOKENS = 8192


@dataclass(frozen=True)
class Plan:
    """`tokens` per forward pass at most (a longer row has one of its own), `recomputed` layers, `chunk` positions."""

    tokens: int
    recomputed: int
    chunk: int

    def smaller(self, layers: int) -> "Plan":
        """The plan to fall back on when memory ran out after all."""
        if self.recomputed < layers:
            return replace(self, tokens=max(1, self.tokens // 2), recomputed=layers, chunk=max(1, self.chunk // 2))
        return replace(self, tokens=max(1, self.tokens // 4), chunk=max(1, self.chunk // 2))

    def fields(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Need:
    """What a run asks of memory: tokens of its largest step and longest row, trained tokens of its largest step."""

    step_tokens: int
    row_tokens: int
    trained_tokens: int


def estimate(plan: Plan, need: Need, shape: Shape, value_bytes: int) -> int:
    """Bytes that a forward and backward pass need beside weights, gradients and the optimizer's state."""
    tokens = min(need.step_tokens, max(plan.tokens, need.row_tokens))
    kept = tokens * shape.saved_values * (shape.layers - plan.recomputed) * value_bytes
    borders = tokens * shape.hidden * plan.recomputed * value_bytes
    # the values of the one layer that is being recomputed, and the gradients that flow through it
    passing = tokens * (shape.saved_values * (plan.recomputed > 0) + 2 * shape.hidden + 3 * shape.ffn) * value_bytes
    logits = min(plan.chunk, need.trained_tokens) * shape.vocabulary * (4 + 4 + value_bytes)
    hidden = 2 * need.trained_tokens * shape.hidden * value_bytes
    return kept + borders + passing + logits + hidden


def choose(need: Need, shape: Shape, value_bytes: int, room: int | None) -> tuple[Plan, dict[str, Any]]:
    """The fastest plan that fits into `room` bytes (None: no limit), and what it was chosen on, for the log.

    In this order: the whole step at once; more forward passes; recomputing every second layer, then all, at once or
    in more passes. If nothing fits, the smallest plan, which may then run out of memory.
    """
    if room is None:
        return Plan(CPU_TOKENS, 0, CHUNK), {"room": None, "estimate": None}
    usable = int(room * USABLE)
    for recomputed in (0, shape.layers // 2, shape.layers):
        for passes in range(1, 1 + max(1, need.step_tokens // max(FEWEST_TOKENS, need.row_tokens))):
            plan = Plan(max(-(-need.step_tokens // passes), need.row_tokens), recomputed, CHUNK)
            needed = estimate(plan, need, shape, value_bytes)
            if needed <= usable:
                return plan, {"room": room, "estimate": needed}
    plan = Plan(need.row_tokens, shape.layers, CHUNK // 4)
    return plan, {"room": room, "estimate": estimate(plan, need, shape, value_bytes)}

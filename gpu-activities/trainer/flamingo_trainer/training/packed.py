"""The packed training paths: the rows of a step as few long sequences instead of padded micro-batches.

    FusedPath     decoder layers of the Llama kind over fused weights, compiled on a GPU, fp32 master weights
    WholePath     any other model, or an adapter with dropout, as transformers has it

Both compute what the padded reference computes (padded.py), in other floating-point sums: the loss of a step is the
mean over its trained tokens, however the rows are cut into forward passes.
"""

import sys
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint as recompute

from ..data.packing import Packed, pack, split_by_tokens
from ..data.render import EncodedRow
from ..models import adapters
from ..models.compiling import compiled, varying
from ..models.fused import Fused, Layer, after_attention, before_attention, fuse, rms_norm, rope_tables, why_not
from ..models.gpu_memory import free_bytes, room_beside
from ..models.loading import Loaded
from ..models.logits import packed_logits
from ..models.row_attention import attend
from .chunked_loss import ChunkedLoss, Select
from .master_weights import Master, Pair, blocks
from .memory_plan import Need, Plan, choose

# The master weights, their gradient, AdamW's two moments and a snapshot of three of them for a checkpoint, in fp32.
STATE_COPIES = 7


class PackedPath:
    """What both have in common: the plan, and one smaller one when memory runs out."""

    def __init__(self, loaded: Loaded, plan: Plan, layers: int, longest: int):
        self.loaded, self.plan, self.longest = loaded, plan, longest
        self._layers = layers
        self._shrunk = False
        # The next step may be launched before this one's figures are read, so that the GPU never waits.
        self.ahead = loaded is not None and loaded.device.type == "cuda"

    def gradients(self, rows: list[EncodedRow]) -> tuple[torch.Tensor, int]:
        """Adds the gradients of one optimizer step; returns its loss and the number of its trained tokens."""
        try:
            return self._gradients(rows)
        except torch.OutOfMemoryError:
            if self._shrunk:
                raise
        # This is outside of the handler, which would keep the failed pass alive.
        self._shrunk = True
        self.clear()
        torch.cuda.empty_cache()
        self.plan = self.plan.smaller(self._layers)
        say(f"out of memory: going on with the next smaller plan, {self.plan}")
        return self._gradients(rows)

    def _gradients(self, rows: list[EncodedRow]) -> tuple[torch.Tensor, int]:
        padding, device = self.loaded.tokenizer.pad_token_id, self.loaded.device
        total = sum(row.trained for row in rows)
        loss = torch.zeros((), device=device)
        for part in split_by_tokens(rows, self.plan.tokens):
            loss += self.backward(pack(part, padding, self.longest, device), total)
        return loss, total

    def backward(self, batch: Packed, divisor: int) -> torch.Tensor:
        """Adds the gradients of the batch's loss over `divisor`; returns that loss."""
        loss = self.loss(batch, divisor)
        loss.backward()
        return loss.detach()

    def losses(self, rows: list[EncodedRow]) -> Iterator[float]:
        """The summed losses of `rows`, part by part. The forward passes are those of training, without a gradient."""
        padding, device = self.loaded.tokenizer.pad_token_id, self.loaded.device
        for part in split_by_tokens(rows, self.plan.tokens):
            yield self.loss(pack(part, padding, self.longest, device), 1).item()

    def loss(self, batch: Packed, divisor: int) -> torch.Tensor:
        raise NotImplementedError

    def clear(self) -> None:
        raise NotImplementedError


class FusedPath(PackedPath):
    def __init__(self, loaded: Loaded, model: Any, fused: Fused, plan: Plan, longest: int):
        super().__init__(loaded, plan, fused.shape.layers, longest)
        self.fused = fused
        self.master = Master(model, fused)
        self.parameters = adapters.trained(model)
        self._layer = compiled(train_layer, loaded.device)

    @property
    def optimized(self) -> list[torch.nn.Parameter]:
        return [self.master.flat]

    def clip(self, limit: float) -> torch.Tensor:
        return self.master.clip(limit)

    def stepped(self) -> None:
        """To be called after the optimizer, or a checkpoint, has changed the weights."""
        self.master.refresh()
        self.master.clear()

    def clear(self) -> None:
        self.master.clear()

    def backward(self, batch: Packed, divisor: int) -> torch.Tensor:
        loss = super().backward(batch, divisor)
        self.master.collect()
        return loss

    def loss(self, batch: Packed, divisor: int) -> torch.Tensor:
        return ChunkedLoss.apply(self.hidden(batch), self.fused.head, batch.targets, divisor, self.plan.chunk)

    def hidden(self, batch: Packed) -> torch.Tensor:
        """What the head is given, (trained places, width)."""
        fused = self.fused
        cos, sin = rope_tables(fused, batch.positions)
        x = F.embedding(batch.ids, fused.embedding)
        for number, (layer, pairs) in enumerate(zip(fused.layers, self.master.pairs, strict=True)):
            varying(x, cos, sin, batch.borders)
            inputs = (x, layer, pairs, cos, sin, batch.borders, batch.longest, fused.shape, self.master.scale)
            if number < self.plan.recomputed:
                x = recompute(self._layer, *inputs, use_reentrant=False, preserve_rng_state=False)
            else:
                x = self._layer(*inputs)
        return rms_norm(Select.apply(x, batch.chosen), fused.norm, fused.shape.epsilon)


def train_layer(
    x: torch.Tensor,
    layer: Layer,
    pairs: dict[str, Pair | None],
    cos: torch.Tensor,
    sin: torch.Tensor,
    borders: torch.Tensor,
    longest: int,
    shape: Any,
    scale: float,
) -> torch.Tensor:
    low_ranks = {group: None if pair is None else (pair.a, blocks(pair) * scale) for group, pair in pairs.items()}
    q, k, v = before_attention(x, layer, low_ranks["qkv"], cos, sin, shape)
    return after_attention(x, attend(q, k, v, borders, longest), layer, low_ranks, shape)


class WholePath(PackedPath):
    """Any other model, through transformers' own layers."""

    def __init__(self, loaded: Loaded, model: Any, plan: Plan, longest: int):
        super().__init__(loaded, plan, 0, longest)
        self.model = model
        self.parameters = adapters.trained(model)

    @property
    def optimized(self) -> list[torch.nn.Parameter]:
        return list(self.parameters.values())

    def clip(self, limit: float) -> torch.Tensor:
        return torch.nn.utils.clip_grad_norm_(self.optimized, limit)

    def stepped(self) -> None:
        self.clear()

    def clear(self) -> None:
        for parameter in self.optimized:
            parameter.grad = None

    def losses(self, rows: list[EncodedRow]) -> Iterator[float]:
        self.model.eval()
        try:
            with torch.no_grad():
                yield from super().losses(rows)
        finally:
            self.model.train()

    def loss(self, batch: Packed, divisor: int) -> torch.Tensor:
        with self.loaded.half_precision():
            logits = packed_logits(self.model, batch)
        return F.cross_entropy(logits.float(), batch.targets, reduction="sum") / divisor


def packed_path(
    loaded: Loaded,
    model: Any,
    recipe: dict[str, Any],
    rows: list[EncodedRow],
    steps: list[list[int]],
    plan: Plan | None,
) -> PackedPath:
    """The packed path for what train.path_of was given; `plan` is the checkpoint's to go on from, if there is one.

    `steps` are the row numbers of every optimizer step.
    """
    longest = -(-max(len(row.ids) for row in rows) // 64) * 64
    reason = why_whole(loaded, recipe)
    if reason is not None:
        say(f"packed rows through transformers' own layers, because {reason}")
        return WholePath(loaded, model, plan or Plan(2048, 0, 0), longest)
    fused = fuse(model)
    if plan is None:
        need = Need(
            step_tokens=max(sum(len(rows[i].ids) for i in step) for step in steps),
            row_tokens=max(len(row.ids) for row in rows),
            trained_tokens=max(sum(rows[i].trained for i in step) for step in steps),
        )
        room = room_beside(model, loaded.device)
        state = STATE_COPIES * 4 * sum(value.numel() for value in model.parameters() if value.requires_grad)
        plan, grounds = choose(need, fused.shape, fused.dtype.itemsize, None if room is None else room - state)
        say(f"packed rows: {plan}, chosen for {need} from {grounds} (bytes)")
        free = free_bytes(loaded.device)
        if free is not None and free < grounds["estimate"] + state:
            say(
                f"only {free / 1e9:.1f} GB are free for the {(grounds['estimate'] + state) / 1e9:.1f} GB of this plan: "
                "another program may be using this GPU. If memory runs out the next smaller plan is taken"
            )
    else:
        say(f"packed rows: {plan}, the plan of the checkpoint")
    return FusedPath(loaded, model, fused, plan, longest)


def why_whole(loaded: Loaded, recipe: dict[str, Any]) -> str | None:
    """Why rows are packed through transformers' own layers, or None. The fused layers draw no dropout."""
    if recipe["lora"]["dropout"] > 0:
        return "its adapter has dropout"
    if getattr(loaded.model.config, "attention_dropout", 0) > 0:
        return "its attention has dropout"
    return why_not(loaded.model)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

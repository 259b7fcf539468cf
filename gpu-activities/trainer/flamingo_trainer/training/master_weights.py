"""An adapter's weights in one piece: fp32 masters, copies in the model's precision to compute with, one gradient.

At the study's learning rate most updates are smaller than a bf16 weight's last digit, so the optimizer works on fp32.
All weights lie in one flat tensor: an optimizer step, a gradient norm or a copy is then one kernel, not 672. PEFT's
parameters become views of it, so names, files and checkpoints stay PEFT's.
"""

from dataclasses import dataclass
from typing import Any

import torch

from ..models.fused import GROUPS, Fused, bare_model


@dataclass(frozen=True)
class Pair:
    """The adapter of one fused product: A (ranks, in) of all its modules, and each module's B (out, rank) or None.

    `outs` are the modules' output widths, which say where an absent one leaves zeros.
    """

    a: torch.Tensor
    bs: tuple[torch.Tensor | None, ...]
    outs: tuple[int, ...]


class Master:
    """`pairs[layer][group]` are leaves of the autograd graph, None where the group has no adapter."""

    def __init__(self, model: Any, fused: Fused):
        modules = [
            {group: [layer.get_submodule(name) for name in names] for group, names in GROUPS.items()}
            for layer in bare_model(model).model.layers
        ]
        order: list[torch.nn.Parameter] = []
        for layer in modules:
            for members in layer.values():
                adapted = [member for member in members if hasattr(member, "lora_A")]
                order += [member.lora_A["default"].weight for member in adapted]
                order += [member.lora_B["default"].weight for member in adapted]
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if {id(parameter) for parameter in order} != {id(parameter) for parameter in trained}:
            raise ValueError("the adapter has weights outside the decoder layers")

        self.flat = torch.nn.Parameter(torch.cat([parameter.detach().float().flatten() for parameter in order]))
        self.flat.grad = torch.zeros_like(self.flat)
        self._same = fused.dtype == torch.float32
        self._copy = self.flat.detach() if self._same else self.flat.detach().to(fused.dtype)
        self._gradient = self.flat.grad if self._same else torch.zeros_like(self._copy)
        self.scale = float(next(iter(adapted_modules(modules))).scaling["default"])
        start = 0
        places: dict[int, tuple[int, torch.Size]] = {}
        for parameter in order:
            places[id(parameter)] = (start, parameter.shape)
            parameter.data = self.flat.detach()[start : start + parameter.numel()].view(parameter.shape)
            start += parameter.numel()
        self.pairs = [{group: self._pair(members, places) for group, members in layer.items()} for layer in modules]

    def _pair(self, members: list[Any], places: dict[int, tuple[int, torch.Size]]) -> Pair | None:
        adapted = [member for member in members if hasattr(member, "lora_A")]
        if not adapted:
            return None
        first, shape = places[id(adapted[0].lora_A["default"].weight)]
        a = self._leaf(first, torch.Size((shape[0] * len(adapted), shape[1])))
        bs = tuple(
            self._leaf(*places[id(member.lora_B["default"].weight)]) if hasattr(member, "lora_A") else None
            for member in members
        )
        return Pair(a, bs, tuple(member.out_features for member in members))

    def _leaf(self, start: int, shape: torch.Size) -> torch.Tensor:
        end = start + shape.numel()
        leaf = self._copy[start:end].view(shape).detach().requires_grad_()
        leaf.grad = self._gradient[start:end].view(shape)
        return leaf

    @torch.no_grad()
    def collect(self) -> None:
        """Adds what a backward pass left to the fp32 gradient."""
        if not self._same:
            self.flat.grad.add_(self._gradient)
            self._gradient.zero_()

    @torch.no_grad()
    def clear(self) -> None:
        self.flat.grad.zero_()
        if not self._same:
            self._gradient.zero_()

    @torch.no_grad()
    def refresh(self) -> None:
        """After the masters have changed: the copies again."""
        if not self._same:
            self._copy.copy_(self.flat)

    @torch.no_grad()
    def clip(self, limit: float) -> torch.Tensor:
        """Scales the gradient down to the norm `limit` if it has a larger one; returns the norm, a scalar tensor."""
        norm = torch.linalg.vector_norm(self.flat.grad)
        self.flat.grad.mul_((limit / (norm + 1e-6)).clamp(max=1.0))
        return norm


def adapted_modules(layers: list[dict[str, list[Any]]]) -> Any:
    return (member for layer in layers for members in layer.values() for member in members if hasattr(member, "lora_A"))


def blocks(pair: Pair) -> torch.Tensor:
    """B of a fused product, (all outputs, all ranks): the modules' own on the diagonal, zeros elsewhere."""
    present = [b for b in pair.bs if b is not None]
    ranks = sum(b.shape[1] for b in present)
    if len(pair.bs) == 1:
        return present[0]
    rows, column = [], 0
    for b, out in zip(pair.bs, pair.outs, strict=True):
        if b is None:
            rows.append(present[0].new_zeros(out, ranks))
        else:
            rows.append(torch.nn.functional.pad(b, (column, ranks - column - b.shape[1])))
            column += b.shape[1]
    return torch.cat(rows)

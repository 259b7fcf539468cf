"""Whether a fine-tune's rows are what they would be alone, its adapter where it was declared, and its answers possible.

Runs between the making of the adapter and the first step. The path that the recipe asks for is tried first: packed
sequences, then padded micro-batches, then one row at a time, which is right by definition.
"""

import dataclasses
from typing import Any

import torch

from ..data.packing import pack
from ..data.render import EncodedRow
from ..models.loading import Loaded
from ..models.packed_forward import FusedForward, WholeForward, of_targets
from ..models.probe import (
    EQUAL,
    UNUSED,
    Alone,
    Probe,
    check_attention,
    check_reach,
    modules_on,
    probed,
    refuse,
    require_modules,
    require_stops,
    undisturbed,
)
from ..sampling.probe import choose_batches
from .packed import why_whole
from .padded import collate, logits_at

PACKED, PADDED, ALONE = "packed", "padded", "alone"


def way_of(loaded: Loaded, recipe: dict[str, Any]) -> str:
    """How the recipe asks to train. `packing`: absent or `none` padded, `always` packed, `auto` packed on a GPU."""
    packing = recipe.get("packing", "none")
    if packing == "none" or (packing == "auto" and loaded.device.type == "cpu"):
        return PADDED
    return PACKED


def probe_training(models: Any, loaded: Loaded, adapter: Any, report: Any, recipe: dict[str, Any]) -> Probe:
    """Chooses how to train: `paths["training"]`. Raises `Failure` `config` where nothing is right.

    `adapter` is the model with the new adapter on it. Unsloth rewrites a model's layers for training and has no other
    paths, so of its models only modules and stops are looked at.
    """
    modules = modules_on(adapter)  # by the model's own names: target_modules.py has made them of the declared ones
    wanted = way_of(loaded, recipe)
    padding = recipe["microBatchSize"] > 1
    dropout = recipe["lora"]["dropout"] > 0
    kind = ("training", modules, wanted, recipe.get("packing", "none"), padding, dropout)

    def look(probe: Probe) -> None:
        require_modules(loaded, adapter, probe, list(modules))
        require_stops(loaded, probe, recipe["systemPrompt"])
        if models.backend == "unsloth":
            for name in ("attention", "adapter", "packed", "padded", "static"):
                probe.checks[name] = "skipped: Unsloth computes"
            probe.choose("training", PADDED)
            return
        with undisturbed(loaded, adapter):
            trained = dataclasses.replace(loaded, model=adapter)
            alone = check_attention(loaded, adapter, probe, Alone(loaded, adapter, loaded.half_precision))
            with loaded.half_precision():
                check_reach(adapter, probe, alone.rows, loaded.device)
            if probe.checks["adapter"] != EQUAL:
                raise refuse(loaded, probe, "adapter", "Leave these modules out of lora.targetModules")
            choose_path(trained, probe, alone, recipe, wanted)
            with loaded.half_precision():
                choose_batches(trained, probe, alone.tolerance)

    return probed(models, report, kind, look)


def choose_path(loaded: Loaded, probe: Probe, alone: Alone, recipe: dict[str, Any], wanted: str) -> None:
    reason = None
    probe.checks["packed"] = probe.checks["padded"] = UNUSED
    if wanted == PACKED:
        probe.checks["packed"] = alone.against(lambda rows: packed(loaded, rows, recipe))
        if probe.checks["packed"] == EQUAL:
            probe.choose("training", PACKED)
            return
        if recipe["packing"] == "always":
            raise refuse(loaded, probe, "packed", "Declare `packing: auto` or `packing: none` in training")
        reason = f"packed {probe.checks['packed']}"
    if recipe["microBatchSize"] > 1:
        probe.checks["padded"] = alone.against(lambda rows: padded(loaded, rows))
        if probe.checks["padded"] != EQUAL:
            probe.choose("training", ALONE, f"padded {probe.checks['padded']}")
            return
    probe.choose("training", PADDED, reason)


def packed(loaded: Loaded, rows: list[EncodedRow], recipe: dict[str, Any]) -> torch.Tensor:
    """Log-probabilities of `rows` packed, by the layers that packed.packed_path would take."""
    forward = FusedForward(loaded) if why_whole(loaded, recipe) is None else WholeForward(loaded)
    longest = max(len(row.ids) for row in rows)
    return forward(pack(rows, loaded.tokenizer.pad_token_id, longest, loaded.device))


def padded(loaded: Loaded, rows: list[EncodedRow]) -> torch.Tensor:
    """Log-probabilities of `rows` in one micro-batch."""
    ids, _, mask = collate(rows, loaded)
    looked_at = mask[:, 1:].bool()
    return of_targets(logits_at(loaded.model, ids, mask, looked_at), ids[:, 1:][looked_at])

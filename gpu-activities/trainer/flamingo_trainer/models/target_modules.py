"""Which matrices of a model the declared modules of an adapter are: every declared name on at least one, or a refusal.

PEFT is content when a single one of the declared names exists, and it takes whatever bears the name. So a name that
the model writes otherwise would silently stay without an adapter, and a multimodal model would get one on its vision
tower. Here a name is a matrix product inside the model's text part, or its output embedding.

Three things are decided, and each is said where it applies:

    fused       a model that has query, key and value as one matrix (Phi-3: `qkv_proj`, `gate_up_proj`) gets one adapter
                on that matrix where all of its parts are declared. A part of them can not be had.
    experts     the matrices of routed experts lie in one parameter with three dimensions, which has no adapter here: a
                name of theirs is refused, also where a shared expert has it.
    some blocks a name may be in only some blocks, as `q_proj` is in the attention blocks of a hybrid model. How many
                matrices each name stands for is logged and recorded.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from ..failures import Failure

# A matrix that is several, one behind the other -> their names in other models, and in older checkpoints of experts.
FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
EXPERT_NAMES = {"gate_up_proj": ("gate_proj", "up_proj", "w1", "w3"), "down_proj": ("down_proj", "w2")}


@dataclass(frozen=True)
class Targets:
    """What PEFT is told: `names` for `target_modules`, `exclude` for `exclude_modules`; and what came of it.

    `matrices` has for each name of the model how many matrices bear it; `fused` the declared names that became another.
    """

    names: list[str]
    exclude: str | None
    matrices: dict[str, int]
    fused: dict[str, list[str]]

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.matrices.items())
        parts = "".join(f"; {name} is {', '.join(parts)} in one" for name, parts in self.fused.items())
        return f"{sum(self.matrices.values())} matrices: {counts}{parts}"


def targets_of(model: Any, declared: Iterable[str], layers: list[int] | None = None) -> Targets:
    """The matrices of a bare model that `declared` names, in the blocks `layers` (from 0); None = in all of them.

    Raises `Failure` `config` where one of the names, or of the layers, has none.
    """
    names = sorted(set(declared))
    prefix, decoder = text_part(model)
    inside = [join(prefix, name) for name, part in decoder.named_modules() if is_matrix(part)]
    head = output_embedding(model)
    paths = inside if head is None or head in inside else [*inside, head]
    there = {path.rpartition(".")[2] for path in paths}

    fused = {}
    for whole, parts in FUSED.items():
        if whole in there and not there & set(parts) and set(parts) <= set(names):
            fused[whole] = list(parts)
            names = sorted({*names, whole} - set(parts))

    taken = {name: [path for path in paths if bears(path, name)] for name in names}
    refuse_experts(names, decoder, there)
    missing = [name for name, found in taken.items() if not found]
    if missing:
        raise Failure("config", complaint(missing, model, paths, there))
    if layers is not None:
        taken = within(taken, layers)
    elsewhere = [
        path
        for path, part in model.named_modules()
        if hasattr(part, "weight") and path not in paths and any(bears(path, name) for name in names)
    ]
    exclude = None
    if elsewhere:
        allowed = [re.escape(prefix) + r"\.", *([] if head is None else [re.escape(head) + "$"])]
        exclude = f"(?!{'|'.join(allowed)}).*"
    return Targets(names, exclude, {name: len(found) for name, found in taken.items()}, fused)


def within(taken: dict[str, list[str]], layers: list[int]) -> dict[str, list[str]]:
    """Those of the matrices that lie in these blocks. Raises `Failure` `config` for a block or a name without one."""
    there = {layer_of(path) for paths in taken.values() for path in paths} - {None}
    missing = [layer for layer in layers if layer not in there]
    if missing:
        lacking = ", ".join(map(str, missing))
        has = f"{min(there)} to {max(there)}" if there else "none"
        raise Failure("config", f"layers: the model has no layer {lacking} with such a matrix; its layers are {has}")
    chosen = {name: [path for path in paths if layer_of(path) in layers] for name, paths in taken.items()}
    empty = [name for name, paths in chosen.items() if not paths]
    if empty:
        raise Failure("config", f"target_modules: {listed(empty)} is not in the layers {', '.join(map(str, layers))}")
    return chosen


def layer_of(path: str) -> int | None:
    """The number of the block that a matrix lies in, as PEFT reads `layers_to_transform`; None outside of all."""
    found = re.match(r".*\.[^.]*\.(\d+)\.", path)
    return None if found is None else int(found[1])


def bears(path: str, name: str) -> bool:
    """As PEFT reads `target_modules`."""
    return path == name or path.endswith("." + name)


def join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def text_part(model: Any) -> tuple[str, Any]:
    """The decoder of text and its path in the model."""
    decoder = model.get_decoder()
    return next((name, part) for name, part in model.named_modules() if part is decoder)


def is_matrix(part: Any) -> bool:
    return isinstance(part, (torch.nn.Linear, Conv1D))


def output_embedding(model: Any) -> str | None:
    head = model.get_output_embeddings()
    return next((name for name, part in model.named_modules() if part is head and is_matrix(part)), None)


def expert_parameters(decoder: Any) -> Iterator[str]:
    """The paths of parameters that hold a matrix for each routed expert."""
    for path, part in decoder.named_modules():
        if isinstance(part, (torch.nn.Linear, torch.nn.modules.conv._ConvNd)):
            continue
        for name, value in part.named_parameters(recurse=False):
            if value.ndim == 3:
                yield join(path, name)


def refuse_experts(names: list[str], decoder: Any, there: set[str]) -> None:
    parameters = {path.rpartition(".")[2] for path in expert_parameters(decoder)}
    of_experts = {name for whole in parameters for name in (whole, *EXPERT_NAMES.get(whole, ()))}
    refused = [name for name in names if name in of_experts]
    if not refused:
        return
    attention = sorted(there & {"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj"})
    raise Failure(
        "config",
        f"target_modules: {listed(refused)} of this model belong to its routed experts, whose matrices lie in the "
        f"parameters {listed(sorted(parameters))} and can have no adapter here. Declare its attention only: "
        f"{', '.join(attention)}",
    )


def complaint(missing: list[str], model: Any, paths: list[str], there: set[str]) -> str:
    counts = Counter(path.rpartition(".")[2] for path in paths)
    has = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    parts = [f"target_modules: the model has no matrix {listed(missing)} in its text part"]
    for whole, names in FUSED.items():
        if whole in there and set(missing) & set(names):
            parts.append(
                f"{', '.join(names)} are one matrix of it, {whole}: declare all of them or {whole}, "
                "because a part of it can have no adapter of its own"
            )
    others = {
        name: type(part).__name__
        for path, part in model.named_modules()
        for name in missing
        if bears(path, name) and path not in paths
    }
    parts += [
        f"{name} is of the class {kind}, not a matrix product of the text part" for name, kind in sorted(others.items())
    ]
    return f"{'; '.join(parts)}. It has {has}"


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

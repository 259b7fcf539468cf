"""Which adapters lie beside the weights as `scale * B A`, which are merged into them, and which tensors belong to one.

A plain LoRA is applied unmerged, by every path here. Anything more (DoRA, whole modules, IA3, LoHa, LoKr) is merged by
PEFT's own rule, in fp32 and rounded once, so that what is sampled is that adapter and no reading of it.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig
from safetensors import SafetensorError, safe_open

from ..failures import Failure
from .adapters import CONFIG, matrices_by_name
from .loading import empty_model

# Kinds that PEFT merges into a model's weights.
MERGED = ("LORA", "IA3", "LOHA", "LOKR")
# What a LoRA may have beyond a plain one.
MERGED_EXACTLY = {"use_dora", "modules_to_save"}
# Settings under which an adapter is `scale * B A` beside each of its matrices, by the values that say nothing more.
PLAIN: dict[str, Any] = {"use_dora": False, "bias": "none", "lora_bias": False, "fan_in_fan_out": None}
# What decides where it lies and how it is scaled, all of which PEFT reads.
READ = {
    "r", "lora_alpha", "use_rslora", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
    "rank_pattern", "alpha_pattern", "fan_in_fan_out",
}  # fmt: skip
# What says nothing about the weights of a finished adapter.
OF_TRAINING = {
    "peft_type", "task_type", "inference_mode", "base_model_name_or_path", "revision", "auto_mapping", "lora_dropout",
    "init_lora_weights", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "peft_version",
    "runtime_config", "megatron_core", "qalora_group_size", "ensure_weight_tying",
}  # fmt: skip
NOTHING = (None, "", [], {}, False, "none")


def beyond_plain(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a LoRA under which it is more than `scale * B A` beside its matrices."""
    return {
        name: value
        for name, value in config.items()
        if name not in READ and name not in OF_TRAINING and value not in NOTHING and PLAIN.get(name, ...) != value
    }


def more_than_plain(config: dict[str, Any]) -> str | None:
    """What of an adapter is more than a plain LoRA, such as `use_dora is True`; None for one that is plain."""
    if config.get("peft_type") != "LORA":
        return f"kind is {config.get('peft_type')!r}"
    return next((f"{name} is {value!r}" for name, value in beyond_plain(config).items()), None)


def check_mergeable(config: dict[str, Any]) -> None:
    """Raises `Failure` `data` for an adapter that is neither plain nor merged here exactly.

    Of LoRA's further settings some depend on the prompt (aLoRA, Arrow) or lie on no matrix of their own, and a merge
    would be another adapter; only what the tests compare with PEFT's own answers is taken.
    """
    if config.get("peft_type") not in MERGED:
        raise Failure(
            "data",
            f"the adapter is of the kind {config.get('peft_type')!r}; applied here are {', '.join(MERGED)}",
        )
    if config["peft_type"] != "LORA":
        return
    for name, value in beyond_plain(config).items():
        if name not in MERGED_EXACTLY:
            raise Failure("data", f"the adapter's {name} is {value!r}, which is not applied here exactly")


def is_plain(folder: Path) -> bool:
    """Of a stored adapter, whose settings are written by this program; whoever applies it says when they are gone."""
    if not (folder / CONFIG).is_file():
        return True
    return more_than_plain(json.loads((folder / CONFIG).read_text(encoding="utf-8"))) is None


def check_tensors(weights: Path, settings: PeftConfig, place: Path) -> dict[str, int]:
    """On how many matrices it lies, by name. Raises `Failure` `data` where its tensors are not its settings'."""
    from peft import get_peft_model
    from peft.utils import get_peft_model_state_dict

    try:
        with torch.device("meta"):
            empty = get_peft_model(empty_model(place), settings)
    except ValueError as error:
        raise Failure("data", f"the adapter was made for another base model: {error}") from error
    # PEFT's own names of modules that are stored whole
    expected = {
        name: list(value.shape) for name, value in get_peft_model_state_dict(empty, save_embedding_layers=False).items()
    }
    found = {
        name: list(tensors.get_slice(name).get_shape())
        for _, tensors in opened([weights])
        for name in tensors.keys()  # noqa: SIM118
    }
    compare_shapes(found, expected, "the adapter", "on this base")
    return matrices_by_name(empty)


def compare_shapes(found: dict[str, list[int]], expected: dict[str, list[int]], called: str, where: str) -> None:
    """Raises `Failure` `data` where names or shapes of tensors differ."""
    for what, names in (
        ("lacks", sorted(expected.keys() - found.keys())),
        ("has beyond its settings", sorted(found.keys() - expected.keys())),
    ):
        if names:
            raise Failure("data", f"{called} {what} {len(names)} tensors {where}, the first is {names[0]}")
    for name, shape in found.items():
        if shape != expected[name]:
            raise Failure(
                "data",
                f"{called}'s {name} has the shape {shape}, not {expected[name]}: it was made for another base",
            )


def opened(files: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
    """Each file with its tensors, one open at a time. Raises `Failure` `data` for one that can not be read."""
    for file in files:
        try:
            with safe_open(file, framework="pt") as tensors:
                yield file, tensors
        except (OSError, SafetensorError) as error:
            raise Failure("data", f"{file} can not be read: {error}") from error

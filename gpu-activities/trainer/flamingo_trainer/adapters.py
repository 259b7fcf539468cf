"""LoRA adapters: attached to a loaded base model, taken off again, written and read in PEFT's format.

The base model is never changed: an adapter lies beside its weights and is taken off after use. Knows nothing about
training or sampling.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from .failures import Failure
from .files import sha256_of, sync, to_json, write_whole

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


def create(base: Any, lora: dict[str, Any], seed: int, base_name: str | None) -> PeftModel:
    """A new adapter on `base`, in training mode, its weights in fp32 whatever the base's precision.

    The seed is set immediately before, so that the first weights depend on nothing that ran earlier.
    """
    config = LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        use_rslora=lora["rsLora"],
        lora_dropout=lora["dropout"],
        target_modules=sorted(lora["targetModules"]),
        bias="none",
        task_type="CAUSAL_LM",
        base_model_name_or_path=base_name,
    )
    torch.manual_seed(seed)
    try:
        model = get_peft_model(base, config)
    except ValueError as error:
        raise Failure("config", f"the adapter does not fit the model: {error}") from error
    # PEFT writes the base's path on this host; what is stored must not depend on the host
    model.peft_config["default"].base_model_name_or_path = base_name
    return model.train()


def take_off(model: PeftModel) -> Any:
    """The base model without the adapter, ready for the next one."""
    base = model.unload()
    vars(base).pop("peft_config", None)  # else the next adapter takes the model for one that has two
    return base.eval()


def trained(model: PeftModel) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by name, in a fixed order."""
    return {name: value for name, value in sorted(model.named_parameters()) if value.requires_grad}


def save(model: PeftModel, folder: Path) -> str:
    """Writes the adapter; returns the SHA-256 of its weights file. Equal weights give equal bytes."""
    tensors = {
        name: value.detach().to("cpu", torch.float32).contiguous() for name, value in in_peft_format(model).items()
    }
    return write(folder, tensors, model.peft_config["default"])


def write(folder: Path, tensors: dict[str, torch.Tensor], settings: LoraConfig) -> str:
    """The files of an adapter; returns the SHA-256 of its weights file.

    PEFT's own writer adds a model card and the names of this host and of its version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    with ThreadPoolExecutor(1) as beside:  # the disk and the hash take as long as each other
        sha256 = beside.submit(sha256_of, folder / WEIGHTS)
        sync(folder / WEIGHTS)
    write_config(settings, folder)
    return sha256.result()


def in_peft_format(model: PeftModel, weights: dict[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
    """The adapter's tensors by the names that PEFT stores them under.

    `weights`: tensors by the names of `trained`, which take the place of the present ones.
    """
    return get_peft_model_state_dict(model, state_dict=weights, save_embedding_layers=False)


def write_config(settings: LoraConfig, folder: Path) -> None:
    config = settings.to_dict()
    config.pop("peft_version", None)
    config["inference_mode"] = True
    write_whole(folder / CONFIG, to_json({name: plain(value) for name, value in config.items()}) + "\n")


def plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    return value


def attach(base: Any, folder: Path, expected: str, dtype: torch.dtype) -> PeftModel:
    """Puts a stored adapter on `base` for sampling, in the base's precision.

    Raises `Failure` `data` when the file is not the one that was asked for.
    """
    weights = folder / WEIGHTS
    for file in (weights, folder / CONFIG):
        if not file.is_file():
            raise Failure("data", f"the adapter's file {file} is missing")
    found = sha256_of(weights)
    if found != expected:
        raise Failure("data", f"{weights} has the SHA-256 {found}, not {expected}")
    try:
        # made without weights: PEFT would draw some for every module, one by one, only to overwrite them
        model = PeftModel.from_pretrained(
            base, str(folder), is_trainable=False, autocast_adapter_dtype=False, low_cpu_mem_usage=True
        )
    except (RuntimeError, ValueError) as error:
        # what PEFT says of weights that have no place or another size
        if "size mismatch" not in str(error) and "not found in the base model" not in str(error):
            raise
        raise Failure("data", f"the adapter in {folder} was made for another base model: {error}") from error
    missing = [name for name, parameter in model.named_parameters() if parameter.is_meta]
    if missing:
        raise Failure("data", f"{weights} lacks {len(missing)} tensors, the first is that of {missing[0]}")
    return at_rest(model, dtype)


def at_rest(model: PeftModel, dtype: torch.dtype) -> PeftModel:
    """An adapter that is no longer trained, in the precision to sample in."""
    for name, parameter in model.named_parameters():
        if re.search(r"\.lora_", name):
            parameter.requires_grad_(False)
            parameter.grad = None
            parameter.data = parameter.data.to(dtype)
    return model.eval()

"""LoRA adapters: attached to a loaded base model, taken off again, written and read in PEFT's format.

An adapter lies beside the base's weights and is taken off after use. Only `merge` changes the base, for good: whoever
merges loads the base anew for another use. Knows nothing about training or sampling.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from ..failures import Failure
from ..files import sha256_of, to_json, write_tensors, write_whole
from .card import Base
from .target_modules import bears, targets_of

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


class FirstWeights:
    """The first weights of the adapter that was drawn last on a base model, in the host's memory.

    PEFT draws 206 million numbers for rank 32 on a 14B model, module by module, and a study's fine-tunes mostly share
    what they follow from: seed, rank and modules. B begins as zeros and is not held.
    """

    def __init__(self) -> None:
        self._random = torch.empty(0)
        self.forget()

    def forget(self) -> None:
        """For another base model, or to have the memory back."""
        self._cause: tuple[Any, ...] | None = None
        self._a: list[torch.Tensor] = []

    def known(self, lora: dict[str, Any], seed: int) -> bool:
        return self._cause == cause_of(lora, seed)

    def learn(self, model: PeftModel, lora: dict[str, Any], seed: int) -> None:
        """From an adapter that PEFT has just drawn."""
        self.forget()
        self._a = [layer.lora_A["default"].weight.detach().to("cpu", copy=True) for layer in lora_layers(model)]
        self._random, self._cause = torch.get_rng_state(), cause_of(lora, seed)

    def put(self, model: PeftModel) -> None:
        """Into an adapter made without weights; leaves the random generator as drawing them would have."""
        for layer, a in zip(lora_layers(model), self._a, strict=True):
            device = layer.get_base_layer().weight.device
            b = layer.lora_B["default"].weight
            layer.lora_A["default"].weight = torch.nn.Parameter(a.to(device, copy=True))
            layer.lora_B["default"].weight = torch.nn.Parameter(torch.zeros(b.shape, device=device))
        torch.set_rng_state(self._random)


def cause_of(lora: dict[str, Any], seed: int) -> tuple[Any, ...]:
    """What the first weights on a given base model follow from."""
    return seed, lora["rank"], *lora.get("layers", ()), *sorted(lora["targetModules"])


def lora_layers(model: PeftModel) -> Iterator[Any]:
    return (module for module in model.modules() if hasattr(module, "lora_A"))


def create(
    base: Any, lora: dict[str, Any], seed: int, origin: Base | None = None, first: FirstWeights | None = None
) -> PeftModel:
    """A new adapter on `base`, in training mode, its weights in fp32 whatever the base's precision.

    The seed is set immediately before, so that the first weights depend on nothing that ran earlier. `first` spares
    drawing them where it knows them, and else learns them. `origin` is what its settings call the base. Raises
    `Failure` `config` where the model lacks one of the declared modules (target_modules.py).
    """
    targets = targets_of(base, lora["targetModules"], lora.get("layers"))
    print(f"the adapter lies on {targets}", file=sys.stderr, flush=True)
    known = first is not None and first.known(lora, seed)
    # experiments/own-trainer/train.py has these settings too: it is an example, and uses nothing of this package.
    config = LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        use_rslora=lora["rsLora"],
        lora_dropout=lora["dropout"],
        target_modules=targets.names,
        exclude_modules=targets.exclude,
        layers_to_transform=lora.get("layers"),
        bias="none",
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)
    try:
        model = get_peft_model(base, config, low_cpu_mem_usage=known)
    except ValueError as error:
        raise Failure("config", f"the adapter does not fit the model: {error}") from error
    found = matrices_of(model)
    if found != targets.matrices:
        # PEFT has a list of mixtures of experts for which it takes `down_proj` of a shared expert for the routed ones'.
        take_off(model)
        raise Failure("config", f"target_modules: PEFT puts the adapter on {found}, not on {targets.matrices}")
    name_base(model, origin)
    if first is not None:
        if known:
            first.put(model)
        else:
            first.learn(model, lora, seed)
    return model.train()


def name_base(model: PeftModel, origin: Base | None) -> None:
    """What the adapter's settings call the base: PEFT writes its path on this host, and no stored file may have it."""
    settings = model.peft_config["default"]
    origin = origin or Base()
    settings.base_model_name_or_path, settings.revision = origin.name, origin.revision


def take_off(model: PeftModel) -> Any:
    """The base model without the adapter, ready for the next one."""
    base = model.unload()
    vars(base).pop("peft_config", None)  # else the next adapter takes the model for one that has two
    return base.eval()


def matrices_of(model: PeftModel) -> dict[str, int]:
    """How many matrices the adapter lies on, by the module names that its settings have."""
    paths = [path for path, part in model.named_modules() if hasattr(part, "lora_A")]
    names = sorted(model.peft_config["default"].target_modules)
    return {name: sum(bears(path, name) for path in paths) for name in names}


def matrices_by_name(model: PeftModel) -> dict[str, int]:
    """The same of an adapter whose settings may name its modules by a pattern: by the last part of each path."""
    names = [path.rpartition(".")[2] for path, part in model.named_modules() if isinstance(part, BaseTunerLayer)]
    return dict(sorted(Counter(names).items()))


def trained(model: PeftModel) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by name, in a fixed order."""
    return {name: value for name, value in sorted(model.named_parameters()) if value.requires_grad}


def save(model: PeftModel, folder: Path) -> str:
    """Writes the adapter; returns the SHA-256 of its weights file. Equal weights give equal bytes."""
    tensors = {name: value.detach().float() for name, value in in_peft_format(model).items()}
    return write(folder, tensors, model.peft_config["default"])


def write(folder: Path, tensors: dict[str, torch.Tensor], settings: LoraConfig) -> str:
    """The files of an adapter; returns the SHA-256 of its weights file.

    PEFT's own writer adds the names of this host and of its version, and a card of no content (card.py writes ours).
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Sorted by name, which is the order that the library's own writer has.
    sha256 = write_tensors(folder / WEIGHTS, dict(sorted(tensors.items())))
    write_config(settings, folder)
    return sha256


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


def attach(base: Any, folder: Path, expected: str, dtype: torch.dtype, config: str | None = None) -> PeftModel:
    """Puts a stored adapter on `base` for sampling, in the base's precision.

    `expected`: the SHA-256 of the weights; `config`: that of the settings, where they are known. Raises `Failure`
    `data` when a file is not the one that was asked for.
    """
    return at_rest(read(base, folder, expected, config), dtype)


def merge(base: Any, folder: Path, expected: str, config: str | None = None) -> Any:
    """The base with a stored adapter added to its weights, which is computed in fp32 and rounded once.

    Raises `Failure` `data` as `attach` does, and `nan` where a sum is no number.
    """
    precision = next(iter(base.parameters())).dtype
    model = read(base, folder, expected, config).eval()
    for name, parameter in model.named_parameters():
        if model.base_model.prefix in name or "modules_to_save" in name:  # PEFT has put it into the base's precision
            parameter.data = parameter.data.to(torch.float32)
    set_peft_model_state_dict(model, load_file(folder / WEIGHTS))
    try:
        for layer in [each for each in model.modules() if isinstance(each, BaseTunerLayer)]:
            weights = layer.get_base_layer()
            untie(model, weights)
            kept_in = weights.weight.dtype
            weights.to(torch.float32)  # one matrix at a time: PEFT would round the adapter's part, and then the sum
            layer.merge(safe_merge=True)
            weights.to(kept_in)
        for name, parameter in model.named_parameters():
            if "modules_to_save" in name:
                parameter.data = parameter.data.to(precision)
        merged = model.unload()
    except ValueError as error:
        raise Failure("nan", f"the adapter in {folder} can not be merged: {error}") from error
    vars(merged).pop("peft_config", None)  # else the next adapter takes the model for one that has two
    return merged.requires_grad_(False).eval()


def untie(model: PeftModel, layer: torch.nn.Module) -> None:
    """Gives a layer weights of its own where it shares them (a head with the embeddings), which are to stay."""
    bare = (each for each in model.modules() if not isinstance(each, BaseTunerLayer))
    if sum(getattr(each, "weight", None) is layer.weight for each in bare) > 1:
        layer.weight = torch.nn.Parameter(layer.weight.detach().clone(), requires_grad=False)


def go_on_from(model: PeftModel, folder: Path, expected: str, config: str | None = None) -> None:
    """Gives a new adapter the weights of a stored one, of the same settings.

    Raises `Failure` `data` for other files, `config` for an adapter of other settings than the new one's.
    """
    check_files(folder, expected, config)
    theirs, ours = LoraConfig.from_pretrained(str(folder)), model.peft_config["default"]
    for name in (
        "r",
        "lora_alpha",
        "use_rslora",
        "target_modules",
        "layers_to_transform",
        "rank_pattern",
        "alpha_pattern",
    ):
        a, b = plain(getattr(theirs, name)), plain(getattr(ours, name))
        if a != b:
            raise Failure("config", f"the adapter to go on from has {name} {a!r}, the recipe {b!r}: they must be equal")
    stored, own = load_file(folder / WEIGHTS), in_peft_format(model)
    if stored.keys() != own.keys() or any(stored[name].shape != value.shape for name, value in own.items()):
        raise Failure(
            "data", f"the adapter in {folder} has other tensors than one of this recipe: it is of another base"
        )
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(stored[name])


def check_files(folder: Path, expected: str, config: str | None) -> None:
    """Raises `Failure` `data` where a file of a stored adapter is missing, or not the one that was asked for."""
    weights = folder / WEIGHTS
    for file in (weights, folder / CONFIG):
        if not file.is_file():
            raise Failure("data", f"the adapter's file {file} is missing")
    for file, hashed in ((weights, expected), (folder / CONFIG, config)):
        if hashed is not None and (found := sha256_of(file)) != hashed:
            remedy = "delete the file and run the experiment again: the adapter is made anew"
            raise Failure("data", f"{file} has the SHA-256 {found}, not {hashed}; {remedy}")


def read(base: Any, folder: Path, expected: str, config: str | None) -> PeftModel:
    """A stored adapter on `base`, as it is stored. Raises `Failure` `data`."""
    check_files(folder, expected, config)
    try:
        # Made without weights, because PEFT would draw some for every module, only to overwrite them.
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
        raise Failure("data", f"{folder / WEIGHTS} lacks {len(missing)} tensors, the first is that of {missing[0]}")
    return model


def at_rest(model: PeftModel, dtype: torch.dtype) -> PeftModel:
    """An adapter that is no longer trained, in the precision to sample in."""
    for name, parameter in model.named_parameters():
        if re.search(r"\.lora_", name):
            parameter.requires_grad_(False)
            parameter.grad = None
            parameter.data = parameter.data.to(dtype)
    return model.eval()

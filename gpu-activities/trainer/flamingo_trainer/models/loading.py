"""Finds a base model's folder and loads it with its tokenizer.

In fp32 or bf16; with the attention that attention.py chooses. Knows nothing about adapters, training or sampling.
"""

import contextlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import environment
from ..data.render import stop_ids
from ..failures import Failure
from .attention import implementation_for

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

Source = dict[str, str]


@dataclass
class Loaded:
    """What an operation works with: `model` is bare or has an adapter on it, `stops` are the ids that end a turn."""

    model: Any
    tokenizer: Any
    stops: list[int]
    device: torch.device
    dtype: torch.dtype

    def half_precision(self) -> Any:
        """Around a forward pass of transformers' own: autocast where the base is bf16."""
        if self.dtype == torch.bfloat16:
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()


def positions_of(model: Any) -> int | None:
    """How many tokens the model can read at most; None where its configuration names no limit.

    A multimodal model's own configuration says nothing of it: that of its text part does.
    """
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def check_known(loaded: Loaded, ids: Sequence[int], what: str) -> None:
    """Raises `Failure` `config` where `what` has a token that the model has no embedding of.

    A tokenizer with tokens added after the model was made would otherwise end in an index error, on a GPU in one that
    spoils the process.
    """
    highest = max(ids, default=0)
    rows = loaded.model.get_input_embeddings().weight.shape[0]
    if highest >= rows:
        token = json.dumps(loaded.tokenizer.convert_ids_to_tokens(highest), ensure_ascii=False)
        raise Failure(
            "config",
            f"{what} has the token {token} with the id {highest}, and the model has embeddings of the ids 0 to "
            f"{rows - 1} only: its tokenizer has {len(loaded.tokenizer)} tokens and belongs to another model, or "
            "tokens were added to it after the model was made",
        )


# Files of a model and of an adapter on the hub; both bring their settings as JSON.
MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
ADAPTER_FILES = ["adapter_config.json", "adapter_model.safetensors"]


def find(source: Source, report: Any) -> Path:
    """The model's folder. A hub model comes from the hub's cache, or is downloaded where that is allowed."""
    if "path" in source:
        folder = Path(source["path"])
        if not (folder / "config.json").is_file():
            raise Failure("config", f"{folder} is no model folder: it has no config.json")
        return folder
    folder = from_hub(source, "model", MODEL_FILES, report)
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise Failure("config", adapter_as_model(source, folder))
    return folder


def find_adapter(source: Source, report: Any) -> Path:
    """The folder of an adapter, found or downloaded as a model's is."""
    return Path(source["path"]) if "path" in source else from_hub(source, "adapter", ADAPTER_FILES, report)


def adapter_as_model(source: Source, folder: Path) -> str:
    """What is wrong with an adapter in a model's place, and what to write."""
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    base = config.get("base_model_name_or_path") or "ITS BASE"
    named = f"hub: {source['hub']}, revision: {source['revision']}"
    return (
        f"{source['hub']} is an adapter and no model. Name its base as the model (`model: {{ hub: {base}, "
        f"revision: … }}`) and the adapter in a configuration (`adapter: {{ {named}, sha256: … }}`)"
    )


def from_hub(source: Source, kind: str, patterns: list[str], report: Any) -> Path:
    """The folder of a hub repository's pinned files: in the hub's cache, or downloaded where that is allowed."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, revision = source["hub"], source["revision"]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns, local_files_only=True))
    except LocalEntryNotFoundError:
        if not environment.download_allowed():
            raise Failure(
                "config",
                f"the {kind} {name} at revision {revision} is not in the hub's cache on this host. Get it with "
                f"`hf download {name} --revision {revision}`, or start the worker with FLAMINGO_ALLOW_DOWNLOAD=1",
            ) from None
    report.loading("model", f"downloading {name} at {revision}")
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        failed = "config" if status in (401, 403, 404) else "internal"
        raise Failure(failed, f"downloading {name} at {revision} failed: {error}") from error


def tokenizer_of(folder: Path, hub: str | None = None) -> Any:
    """The tokenizer in a model's folder. `hub` is the model's name there, where it has one.

    transformers knows some models by their names on the hub whose tokenizer's file names the wrong class; a folder has
    no such name, so it is told.
    """
    from transformers import AutoConfig, AutoTokenizer

    named = {}
    if hub is not None:
        named["config"] = AutoConfig.from_pretrained(folder, local_files_only=True)
        named["config"].name_or_path = hub
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **named)
    if tokenizer.pad_token_id is None:
        # Any token will do, because padding is masked everywhere.
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def tokenizer_in(folder: Path, hub: str | None) -> tuple[Any, list[int]]:
    """A model's tokenizer and the tokens that end a turn, without the model: as `load` gives them."""
    from transformers import AutoConfig, GenerationConfig

    if (folder / "generation_config.json").is_file():
        generation = GenerationConfig.from_pretrained(folder, local_files_only=True)
    else:
        generation = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, local_files_only=True))
    tokenizer = tokenizer_of(folder, hub)
    return tokenizer, stop_ids(tokenizer, generation)


def empty_model(folder: Path) -> Any:
    """The model in a folder as names and shapes, by its configuration alone. Raises what transformers does."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder, local_files_only=True))


def load(
    folder: Path,
    dtype: torch.dtype,
    hub: str | None = None,
    quantized: Any = None,
    tokenizer_folder: Path | None = None,
) -> Loaded:
    """The model in a folder; `hub` is its name there, where it has one. `quantized`: four_bit.py's settings, or None.

    `tokenizer_folder`: where its tokenizer lies, if elsewhere.

    Raises `Failure` `config` for a model that can not be fine-tuned here, `oom` for one that does not fit."""
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except ValueError as error:  # a kind of model that this version of transformers does not know
        raise Failure("config", f"the model in {folder} can not be loaded: {error}") from error
    if getattr(config, "quantization_config", None) is not None:
        raise Failure(
            "config",
            f"the model in {folder} is quantized, which no precision of a recipe means: use the unquantized one",
        )
    device = torch.device(environment.torch_device())
    tokenizer = tokenizer_of(tokenizer_folder or folder, hub)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation=implementation_for(config, device.type),
            local_files_only=True,
            device_map={"": 0} if device.type == "cuda" else None,
            **({} if quantized is None else {"quantization_config": quantized}),
        )
    except torch.OutOfMemoryError as error:
        free, whole = torch.cuda.mem_get_info()
        mine = torch.cuda.memory_reserved()
        raise Failure(
            "oom",
            f"the model does not fit: of the GPU's {whole / 1e9:.1f} GB this process holds {mine / 1e9:.1f} "
            f"and others {(whole - free - mine) / 1e9:.1f}: {error}",
        ) from error
    model.requires_grad_(False).eval()
    switch_off_noise(model)
    return Loaded(model, tokenizer, stop_ids(tokenizer, model.generation_config), device, dtype)


# Settings and attributes of a model that make its passes in training random.
NOISE = re.compile(r"drop(out)?$|^dropout|_dropout|_pdrop|_prob_drop|layerdrop|jitter_noise")


def switch_off_noise(model: Any) -> None:
    """Switches off what the base model's own configuration would drop at random in training, and says so.

    A recipe's only dropout is its adapter's: so a padded and a packed pass are the same, and so are two bases that
    differ in a setting which their last trainers left behind.
    """
    found = {}
    for path, part in model.named_modules():
        if isinstance(part, torch.nn.modules.dropout._DropoutNd) and part.p > 0:
            found[path.rpartition(".")[2]] = part.p
            part.p = 0.0
        for name, value in vars(part).items():
            if NOISE.search(name) and isinstance(value, float) and value > 0:
                found[name] = value
                setattr(part, name, 0.0)
    if found:
        said = ", ".join(f"{name} {value}" for name, value in sorted(found.items()))
        print(f"the base model's own {said} is switched off in training", file=sys.stderr, flush=True)

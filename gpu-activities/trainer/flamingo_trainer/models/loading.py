"""The loaded base model: one at a time, kept between operations, with its tokenizer and at most one adapter on it.

Knows nothing about training or sampling. fp32 or bf16; eager attention on a CPU, where it is faster for short rows,
PyTorch's own fused attention on a GPU.
"""

import atexit
import contextlib
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from . import adapters, environment
from .failures import Failure
from .fused import Fused, fuse
from .plan import free_bytes, room_beside
from .render import stop_ids
from .slots import SlotEngine

# else libraries' own clean-up at the end of the process reports what is frozen as leaked
atexit.register(gc.unfreeze)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

Source = dict[str, str]


@dataclass
class Loaded:
    """What an operation works with. `name` says which base this is in an adapter's file, None for a folder."""

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


class Models:
    """Keeps one base model per process."""

    backend = "transformers"

    def __init__(self) -> None:
        torch.set_num_threads(environment.threads())
        self._key: tuple[str, str] | None = None
        self._loaded: Loaded | None = None
        self._adapter: str | None = None
        self._fused: Fused | None = None
        self._engine: SlotEngine | None = None
        self.first_weights = adapters.FirstWeights()

    @classmethod
    def around(cls, loaded: Loaded) -> "Models":
        """One whose model came from no folder, bare."""
        models = cls()
        models._loaded = loaded
        return models

    def base(self, source: Source, precision: str, report: Any) -> Loaded:
        """The base model without an adapter; loads it unless it is there already."""
        if precision not in DTYPES:
            raise Failure("config", f"unknown precision {precision!r}")
        folder = find(source, report)
        key = (str(folder), precision)
        if self._key != key:
            self.drop()
            report.loading("model", f"{folder} in {precision}")
            self._loaded = load(folder, DTYPES[precision])
            self._key = key
            # libraries and model stay; a collection between two operations need not look at them each time
            gc.freeze()
        assert self._loaded is not None
        if self._adapter is not None:
            self._loaded.model = adapters.take_off(self._loaded.model)
            self._adapter = None
        return self._loaded

    def with_adapter(self, source: Source, precision: str, adapter: dict[str, str] | None, report: Any) -> Loaded:
        """The base model with a stored adapter, or bare. The adapter of the operation before is not read again."""
        wanted = adapter["sha256"] if adapter else None
        if wanted is not None and wanted == self._adapter and self._key == (str(find(source, report)), precision):
            assert self._loaded is not None
            return self._loaded
        loaded = self.base(source, precision, report)
        if adapter is not None:
            report.loading("adapter", adapter["path"])
            loaded.model = adapters.attach(loaded.model, Path(adapter["path"]), adapter["sha256"], loaded.dtype)
            self._adapter = wanted
        return loaded

    def slot_engine(self, sampling: dict[str, Any], tokens: int) -> SlotEngine:
        """The slot sampler for the loaded model and adapter, for answers of at most `tokens` with their prompts.

        It keeps its buffers and captured steps from shard to shard, and gives them up before training.
        """
        assert self._loaded is not None
        self._fused = self._fused or fuse(self._loaded.model)
        capacity = -(-tokens // 64) * 64
        kept, self._engine = self._engine, None
        if kept is not None and not kept.fits(self._fused, sampling, capacity):
            kept = None
            empty_cache()
        if kept is None:
            model, device = self._loaded.model, self._loaded.device
            room = room_beside(model, device)
            kept = SlotEngine.sized(self._fused, sampling, capacity, room, free_bytes(device))
        kept.wear(self._loaded.model)
        self._engine = kept
        return kept

    def new_adapter(self, loaded: Loaded, lora: dict[str, Any], seed: int, base_name: str | None) -> Any:
        return adapters.create(loaded.model, lora, seed, base_name, self.first_weights)

    def keep(self, loaded: Loaded, adapter: Any, sha256: str) -> None:
        """Leaves a new adapter, stored under `sha256`, on the model as it would be read: answers mostly come next."""
        loaded.model = adapters.at_rest(adapter, loaded.dtype)
        self._adapter = sha256

    def take_off(self, loaded: Loaded, adapter: Any) -> None:
        loaded.model = adapters.take_off(adapter)
        self._adapter = None

    def make_room(self) -> None:
        """Frees the slot sampler's cache, which can be as large as the model."""
        self._engine = None
        empty_cache()

    def drop(self) -> None:
        """Frees the model, and the state that a failed operation may have left in it."""
        self._key = self._loaded = self._adapter = self._fused = self._engine = None
        self.first_weights.forget()
        gc.unfreeze()
        empty_cache()


def empty_cache() -> None:
    """Gives memory that nothing uses any more back to the GPU."""
    gc.collect()
    if environment.torch_device() == "cuda":
        torch.cuda.empty_cache()


def find(source: Source, report: Any) -> Path:
    """The model's folder. A hub model comes from the hub's cache, or is downloaded where that is allowed."""
    if "path" in source:
        folder = Path(source["path"])
        if not (folder / "config.json").is_file():
            raise Failure("config", f"{folder} is no model folder: it has no config.json")
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, revision = source["hub"], source["revision"]
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns, local_files_only=True))
    except LocalEntryNotFoundError:
        if not environment.download_allowed():
            raise Failure(
                "config",
                f"the model {name} at revision {revision} is not in the hub's cache on this host. Get it with "
                f"`hf download {name} --revision {revision}`, or start the worker with FLAMINGO_ALLOW_DOWNLOAD=1",
            ) from None
    report.loading("model", f"downloading {name} at {revision}")
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        kind = "config" if status in (401, 403, 404) else "internal"
        raise Failure(kind, f"downloading {name} at {revision} failed: {error}") from error


def tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if tokenizer.pad_token_id is None:
        # any token will do: padding is masked everywhere
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def tokenizer_in(folder: Path) -> tuple[Any, list[int]]:
    """A model's tokenizer and the tokens that end a turn, without the model: as `load` gives them."""
    from transformers import AutoConfig, GenerationConfig

    if (folder / "generation_config.json").is_file():
        generation = GenerationConfig.from_pretrained(folder, local_files_only=True)
    else:
        generation = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, local_files_only=True))
    tokenizer = tokenizer_of(folder)
    return tokenizer, stop_ids(tokenizer, generation)


def load(folder: Path, dtype: torch.dtype) -> Loaded:
    """Raises `Failure` `config` for a model that can not be fine-tuned here, `oom` for one that does not fit."""
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
    tokenizer = tokenizer_of(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="eager" if device.type == "cpu" else "sdpa",
            local_files_only=True,
            device_map={"": 0} if device.type == "cuda" else None,
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
    return Loaded(model, tokenizer, stop_ids(tokenizer, model.generation_config), device, dtype)

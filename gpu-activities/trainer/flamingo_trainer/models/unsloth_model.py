"""A base model and its adapter as Unsloth makes them: `training.backend: unsloth`.

Unsloth rewrites transformers, PEFT and TRL when it is imported, and must be imported before them. So it has a process
and an environment of its own (`unsloth-environment/pyproject.toml`): `python -m flamingo_trainer serve unsloth`. And so
this module imports nothing at its top that imports one of them. training/unsloth_path.py trains with it.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from .. import environment
from ..data.render import stop_ids
from ..failures import Failure
from .card import Base

# The recomputing that Unsloth recommends and the literature's configuration uses: activations go to the host's memory.
RECOMPUTE = "unsloth"
INSTALL = "uv sync --frozen --project gpu-activities/trainer/unsloth-environment"


def settle() -> None:
    """Silences Unsloth and keeps its generated code out of the working folder; to be called before it is imported."""
    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    cache = Path(tempfile.gettempdir()) / f"flamingo-unsloth-{os.getuid() if hasattr(os, 'getuid') else 0}"
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(cache))


def fast_language_model() -> Any:
    """Unsloth's class. Raises `Failure` `config` where it is not installed or finds no GPU that it knows."""
    if "unsloth" not in sys.modules and "transformers" in sys.modules:
        raise Failure("internal", "transformers was imported before Unsloth, which must come first")
    settle()
    try:
        from unsloth import FastLanguageModel
    except (ImportError, NotImplementedError) as error:
        raise Failure(
            "config",
            f"the backend 'unsloth' does not work on this host: {type(error).__name__}: {error}. "
            f"It needs an NVIDIA GPU and an environment of its own: {INSTALL}",
        ) from error
    return FastLanguageModel


class UnslothModels:
    """Stands in for `resident.Models` in `finetune`: Unsloth's model, loaded anew for every fine-tune.

    Unsloth patches a model's layers for the adapter that lies on it and does not undo it.
    """

    backend = "unsloth"

    def __init__(self, recompute: str | bool = RECOMPUTE) -> None:
        self._unsloth, self._recompute = fast_language_model(), recompute
        self.probes: dict[tuple[Any, ...], Any] = {}
        import torch

        torch.set_num_threads(environment.threads())

    def make_room(self) -> None:
        from .gpu_memory import empty_cache

        empty_cache()

    drop = make_room

    def base(
        self, source: dict[str, str], precision: str, report: Any, merged: Any = (), quantization: str | None = None
    ) -> Any:
        if merged:
            raise Failure("config", "the backend 'unsloth' starts from the base model only")
        if quantization is not None:
            raise Failure("config", f"the backend 'unsloth' trains on the base as it is, not in {quantization}")
        import torch

        from .loading import DTYPES, Loaded, find, switch_off_noise, tokenizer_of

        if precision != "bf16":
            raise Failure("config", f"the backend 'unsloth' computes in bf16, the recipe says {precision}")
        folder = find(source, report)
        self.probes.clear()  # of the model before
        report.loading("model", f"{folder} through Unsloth")
        # Whatever is not said here Unsloth decides by itself: 4 bits, another upload of the model, its own seed.
        model, _ = self._unsloth.from_pretrained(
            str(folder),
            max_seq_length=longest_sequence(folder),
            dtype=DTYPES[precision],
            load_in_4bit=False,
            use_exact_model_name=True,
            fix_tokenizer=False,
            local_files_only=True,
            use_gradient_checkpointing=self._recompute,
        )
        device = torch.device(environment.torch_device())
        tokenizer = tokenizer_of(folder, source.get("hub"))
        switch_off_noise(model)
        return Loaded(model, tokenizer, stop_ids(tokenizer, model.generation_config), device, DTYPES[precision])

    def new_adapter(self, loaded: Any, lora: dict[str, Any], seed: int, origin: Base | None) -> Any:
        if lora["dropout"] != 0:
            raise Failure("config", "the backend 'unsloth' trains adapters without dropout: lora.dropout must be 0")
        if "layers" in lora:
            raise Failure("config", "the backend 'unsloth' trains adapters on all layers: leave layers out")
        import torch

        from .adapters import matrices_of, name_base
        from .target_modules import targets_of

        targets = targets_of(loaded.model, lora["targetModules"])
        torch.manual_seed(seed)
        model = self._unsloth.get_peft_model(
            loaded.model,
            r=lora["rank"],
            lora_alpha=lora["alpha"],
            lora_dropout=0,
            use_rslora=lora["rsLora"],
            target_modules=targets.names,
            bias="none",
            random_state=seed,
            use_gradient_checkpointing=self._recompute,
        )
        # Unsloth may have written a pattern and the name of an upload of its own; what was declared must be stored.
        config = model.peft_config["default"]
        config.target_modules = set(targets.names)
        name_base(model, origin)
        found = matrices_of(model)
        if found != targets.matrices:
            raise Failure("config", f"target_modules: Unsloth adapts {found} of this model, not {targets.matrices}")
        return model.train()

    def keep(self, loaded: Any, adapter: Any, sha256: str) -> None:
        """Answers are sampled by another process, so nothing is kept."""
        self.take_off(loaded, adapter)

    def take_off(self, loaded: Any, adapter: Any) -> None:
        """Gives the model up with its adapter."""
        loaded.model = None
        self.make_room()

    def with_adapter(self, *_: Any) -> Any:
        raise Failure("internal", "answers are sampled by the trainer's own process, whatever trained the adapter")


def longest_sequence(folder: Path) -> int:
    """The model's own limit. Unsloth would silently widen a smaller one, or cut to it."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    return int(config.get_text_config().max_position_embeddings)

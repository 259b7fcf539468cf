"""The base model that stays loaded between operations: one a process, with at most one adapter on it.

Knows nothing about training or sampling: what a sampler keeps beside the model is in `engine`, and is given up where
its memory is wanted.
"""

import atexit
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from .. import environment
from ..failures import Failure
from . import adapters
from .adapter_kinds import is_plain
from .card import Base
from .four_bit import quantized_as
from .fused import Fused, fuse
from .gpu_memory import empty_cache
from .loading import DTYPES, Loaded, Source, find, load
from .whole_models import check_whole_model, is_whole_model

# Without this, libraries' own clean-up at the end of the process reports what is frozen as leaked.
atexit.register(gc.unfreeze)


# Stored adapters: `path` of the folder, `sha256` of the weights, `configSha256` of the settings.
Stored = Sequence[dict[str, str]]


def key_of(folder: Path, precision: str, merged: Stored, quantization: str | None) -> tuple[str, ...]:
    """What a loaded base is known by."""
    return (str(folder), precision, quantization or "", *(adapter["sha256"] for adapter in merged))


class Models:
    """Keeps one base model per process."""

    backend = "transformers"

    def __init__(self) -> None:
        torch.set_num_threads(environment.threads())
        self._key: tuple[str, ...] | None = None
        self._loaded: Loaded | None = None
        self._adapter: str | None = None
        self._fused: Fused | None = None
        # what a sampler keeps from shard to shard, which can be as large as the model
        self.engine: Any = None
        self.first_weights = adapters.FirstWeights()
        # what models/probe.py found of this model
        self.probes: dict[tuple[Any, ...], Any] = {}

    @classmethod
    def around(cls, loaded: Loaded) -> "Models":
        """For a model that came from no folder and has no adapter on it."""
        models = cls()
        models._loaded = loaded
        return models

    def base(
        self,
        source: Source,
        precision: str,
        report: Any,
        merged: Stored = (),
        quantization: str | None = None,
        whole: dict[str, str] | None = None,
    ) -> Loaded:
        """The base model without an adapter; loads it unless it is there already.

        `merged`: stored adapters that are added to its weights, in this order. `quantization`: see four_bit.py; None =
        the weights as they are, and the only choice beside `merged`. `whole`: a stored model that stands in its place;
        tokenizer and template stay the base's.
        """
        if precision not in DTYPES:
            raise Failure("config", f"unknown precision {precision!r}")
        if quantization is not None and merged:
            raise Failure(
                "config", f"`quantization: {quantization}`: an adapter can not be merged into a base in 4 bits"
            )
        quantized = quantized_as(quantization, precision)
        folder = find(source, report)
        key = key_of(folder, precision, merged if whole is None else [whole, *merged], quantization)
        if self._key != key:
            self.drop()
            if whole is not None:
                check_whole_model(Path(whole["path"]), whole["sha256"])
            weights = folder if whole is None else Path(whole["path"])
            report.loading("model", f"{weights} in {quantization or precision}")
            self._loaded = load(weights, DTYPES[precision], source.get("hub"), quantized, folder)
            for adapter in merged:
                report.loading("adapter", f"{adapter['path']}, merged into the base")
                place, config = Path(adapter["path"]), adapter.get("configSha256")
                self._loaded.model = adapters.merge(self._loaded.model, place, adapter["sha256"], config)
            self._key = key
            # libraries and model stay; a collection between two operations need not look at them each time
            gc.freeze()
        assert self._loaded is not None
        if self._adapter is not None:
            self._loaded.model = adapters.take_off(self._loaded.model)
            self._adapter = None
        return self._loaded

    def with_adapter(
        self,
        source: Source,
        precision: str,
        adapter: dict[str, str] | None,
        report: Any,
        merged: Stored = (),
        quantization: str | None = None,
    ) -> Loaded:
        """The base model as `base` gives it, and with a stored adapter, or bare.

        The adapter of the operation before is not read again. One that is more than a plain LoRA is merged into the
        base, and a whole model stands in its place.
        """
        if adapter is not None and is_whole_model(Path(adapter["path"])):
            return self.base(source, precision, report, merged, quantization, adapter)
        if adapter is not None and not is_plain(Path(adapter["path"])):
            return self.base(source, precision, report, [*merged, adapter], quantization)
        wanted = adapter["sha256"] if adapter else None
        if (
            wanted is not None
            and wanted == self._adapter
            and self._key == key_of(find(source, report), precision, merged, quantization)
        ):
            assert self._loaded is not None
            return self._loaded
        loaded = self.base(source, precision, report, merged, quantization)
        if adapter is not None:
            report.loading("adapter", adapter["path"])
            folder, config = Path(adapter["path"]), adapter.get("configSha256")
            loaded.model = adapters.attach(loaded.model, folder, adapter["sha256"], loaded.dtype, config)
            self._adapter = wanted
        return loaded

    def fused(self) -> Fused:
        """The layers of the loaded model, fused once."""
        assert self._loaded is not None
        self._fused = self._fused or fuse(self._loaded.model)
        return self._fused

    def new_adapter(self, loaded: Loaded, lora: dict[str, Any], seed: int, origin: Base | None) -> Any:
        return adapters.create(loaded.model, lora, seed, origin, self.first_weights)

    def keep(self, loaded: Loaded, adapter: Any, sha256: str) -> None:
        """Leaves a new adapter, stored under `sha256`, on the model as it would be read: answers mostly come next."""
        loaded.model = adapters.at_rest(adapter, loaded.dtype)
        self._adapter = sha256

    def take_off(self, loaded: Loaded, adapter: Any) -> None:
        loaded.model = adapters.take_off(adapter)
        self._adapter = None

    def make_room(self) -> None:
        """Frees what a sampler keeps beside the model."""
        self.engine = None
        empty_cache()

    def drop(self) -> None:
        """Frees the model, and the state that a failed operation may have left in it."""
        self._key = self._loaded = self._adapter = self._fused = self.engine = None
        self.first_weights.forget()
        self.probes.clear()
        gc.unfreeze()
        empty_cache()

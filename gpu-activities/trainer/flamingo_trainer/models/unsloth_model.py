"""Fine-tuning through Unsloth's model: `training.backend: unsloth`.

Everything that the recipe declares stays this program's: the rows with their masks, their order, the loss as a mean
over the step's trained tokens, the optimizer, the schedule, the checkpoints. Unsloth brings the model's forward and
backward passes (its kernels, its offloaded recomputing of activations), and with them other floating-point sums.
Resumed from a checkpoint a run goes on in the same state; that it ends in the same bits is not promised, since some of
Unsloth's kernels are chosen by timing.

It rewrites transformers, PEFT and TRL when it is imported, so it has a process and an environment of its own
(`unsloth-environment/pyproject.toml`): `python -m flamingo_trainer serve unsloth`. Knows nothing about pipes.
"""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import environment
from .failures import Failure
from .render import EncodedRow, stop_ids

# The recomputing that Unsloth recommends and the literature's configuration uses: activations go to the host's memory.
RECOMPUTE = "unsloth"
INSTALL = "uv sync --frozen --project gpu-activities/trainer/unsloth-environment"


def settle() -> None:
    """Before the first import of transformers: Unsloth quiet, and its generated code out of the working folder."""
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
    """Stands in for `models.Models` in `finetune`: Unsloth's model, loaded anew for every fine-tune.

    Unsloth patches a model's layers for the adapter that lies on it and does not undo it.
    """

    backend = "unsloth"

    def __init__(self, recompute: str | bool = RECOMPUTE) -> None:
        self._unsloth, self._recompute = fast_language_model(), recompute
        import torch

        torch.set_num_threads(environment.threads())

    def make_room(self) -> None:
        gc.collect()
        if environment.torch_device() == "cuda":
            import torch

            torch.cuda.empty_cache()

    drop = make_room

    def base(self, source: dict[str, str], precision: str, report: Any) -> Any:
        import torch

        from .models import DTYPES, Loaded, find, tokenizer_of

        if precision != "bf16":
            raise Failure("config", f"the backend 'unsloth' computes in bf16, the recipe says {precision}")
        folder = find(source, report)
        report.loading("model", f"{folder} through Unsloth")
        # whatever is not said here Unsloth decides by itself: 4 bits, another upload of the model, its own seed
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
        tokenizer = tokenizer_of(folder)
        return Loaded(model, tokenizer, stop_ids(tokenizer, model.generation_config), device, DTYPES[precision])

    def new_adapter(self, loaded: Any, lora: dict[str, Any], seed: int, base_name: str | None) -> Any:
        if lora["dropout"] != 0:
            raise Failure("config", "the backend 'unsloth' trains adapters without dropout: lora.dropout must be 0")
        import torch

        torch.manual_seed(seed)
        model = self._unsloth.get_peft_model(
            loaded.model,
            r=lora["rank"],
            lora_alpha=lora["alpha"],
            lora_dropout=0,
            use_rslora=lora["rsLora"],
            target_modules=sorted(lora["targetModules"]),
            bias="none",
            random_state=seed,
            use_gradient_checkpointing=self._recompute,
        )
        # it may have written a pattern and the name of an upload of its own; what is stored must be what was declared
        config = model.peft_config["default"]
        config.target_modules = set(lora["targetModules"])
        config.base_model_name_or_path = base_name
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


class UnslothPath:
    """Padded micro-batches of one optimizer step through Unsloth's fused loss."""

    plan = None
    ahead = False

    def __init__(self, loaded: Any, adapter: Any, recipe: dict[str, Any]):
        from . import adapters

        if recipe.get("packing", "none") != "none":
            raise Failure("config", "the backend 'unsloth' trains on padded rows: packing must be none")
        self._loaded, self._adapter, self._micro_batch_size = loaded, adapter, recipe["microBatchSize"]
        self.parameters = adapters.trained(adapter)
        self.optimized = list(self.parameters.values())

    def gradients(self, rows: list[EncodedRow]) -> tuple[float, int]:
        """Adds the gradients of one optimizer step; returns its loss and the number of its trained tokens.

        Unsloth sums over the trained tokens of a micro-batch and divides by the number that it is given, so the sum
        over the micro-batches is the declared mean.
        """
        total = sum(row.trained for row in rows)
        loss_sum = 0.0
        for part in self._micro_batches(rows):
            loss = self._loss(part, total)
            loss.backward()
            loss_sum += loss.item()
        return loss_sum, total

    def losses(self, rows: list[EncodedRow]) -> Iterator[float]:
        """The summed losses of `rows`, micro-batch by micro-batch, without a gradient.

        Unsloth gives no logits back where it has labels, so a sum is the mean times the trained tokens.
        """
        import torch

        self._adapter.eval()
        try:
            with torch.no_grad():
                for part in self._micro_batches(rows):
                    trained = sum(row.trained for row in part)
                    yield self._loss(part, trained).item() * trained
        finally:
            self._adapter.train()

    def _micro_batches(self, rows: list[EncodedRow]) -> Iterator[list[EncodedRow]]:
        from .train import by_length

        return by_length(rows, self._micro_batch_size)

    def _loss(self, rows: list[EncodedRow], divisor: int) -> Any:
        from .train import collate

        ids, labels, mask = collate(rows, self._loaded)
        return self._adapter(input_ids=ids, attention_mask=mask, labels=labels, num_items_in_batch=divisor).loss

    def clip(self, limit: float) -> Any:
        import torch

        return torch.nn.utils.clip_grad_norm_(self.optimized, limit)

    def stepped(self) -> None:
        for parameter in self.optimized:
            parameter.grad = None


def longest_sequence(folder: Path) -> int:
    """The model's own limit: what it is smaller than Unsloth would silently widen or cut."""
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(folder, local_files_only=True).max_position_embeddings)

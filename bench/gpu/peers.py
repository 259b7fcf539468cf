"""What others reach with the same rows on the same model: transformers' Trainer with PEFT, and Unsloth.

Every figure counts real tokens, not padding, over the steps after the first ones, which warm up and compile.
"""

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from flamingo_trainer import environment
from flamingo_trainer.data.render import EncodedRow
from flamingo_trainer.models import adapters
from flamingo_trainer.models.gpu_memory import empty_cache
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.training.padded import collate

from . import accelerator
from .setting import Setting
from .workload import RECIPE, SEVEN, rows

BATCH = 32


def best_of(candidates: list[tuple[str, Callable[[], dict[str, Any]]]]) -> dict[str, Any]:
    """The fastest of several settings; one that runs out of memory is named, and does not count."""
    tried: dict[str, Any] = {}
    for label, measure in candidates:
        try:
            tried[label] = measure()
        except torch.OutOfMemoryError as error:
            tried[label] = {"failed": f"out of memory: {str(error)[:120]}"}
        gc.collect()
        empty_cache()
    fits = {label: found for label, found in tried.items() if "tokensPerSecond" in found}
    if not fits:
        return {"failed": "no setting fits", "tried": tried}
    best = max(fits, key=lambda label: fits[label]["tokensPerSecond"])
    return {**fits[best], "setting": best, "tried": tried}


def trainer(setting: Setting, micro: int, recompute: bool, ordered: bool) -> dict[str, Any]:
    """transformers' Trainer on padded batches, adapters in fp32 under autocast, as PEFT makes them.

    `ordered`: rows of like length share a micro-batch; else they come as shuffled.
    """
    from transformers import Trainer, TrainerCallback, TrainingArguments

    loaded, steps, warm = setting.model(), setting.scale.peer_steps, 1
    encoded = steps_rows(steps + warm, loaded, ordered)
    ends: list[float] = []

    class Times(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            accelerator.wait()
            ends.append(time.perf_counter())

    adapter = adapters.create(loaded.model, RECIPE["lora"], 0, None)
    accelerator.forget_peak()
    try:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=micro,
                gradient_accumulation_steps=BATCH // micro,
                max_steps=steps + warm,
                learning_rate=1e-5,
                weight_decay=0.01,
                warmup_steps=5,
                optim="adamw_torch_fused",
                bf16=accelerator.on_gpu(),
                use_cpu=not accelerator.on_gpu(),
                gradient_checkpointing=recompute,
                gradient_checkpointing_kwargs={"use_reentrant": False} if recompute else None,
                train_sampling_strategy="sequential",
                remove_unused_columns=False,
                dataloader_pin_memory=False,
                save_strategy="no",
                report_to="none",
                logging_steps=1000,
                disable_tqdm=True,
                seed=0,
            )
            Trainer(
                model=adapter,
                args=arguments,
                train_dataset=encoded,
                data_collator=lambda chosen: dict(
                    zip(("input_ids", "labels", "attention_mask"), collate(chosen, loaded), strict=True)
                ),
                callbacks=[Times()],
            ).train()
        peak = accelerator.peak_gb()
    finally:
        if recompute:
            adapter.gradient_checkpointing_disable()
        loaded.model = adapters.take_off(adapter)
    return speed(encoded, ends, warm, peak, micro)


def unsloth(setting: Setting, recompute: str | bool, micros: list[int], ordered: bool) -> dict[str, Any]:
    """Unsloth's model, its recomputing and its fused loss in a plain loop, which was faster than TRL's trainer here."""
    from flamingo_trainer.models.unsloth_model import UnslothModels

    from .workload import Clock

    models = UnslothModels(recompute)
    loaded = models.base({"path": str(setting.scratch / "model")}, "bf16", Clock())
    adapter = models.new_adapter(loaded, {**RECIPE["lora"], "targetModules": SEVEN}, 0, None)
    optimizer = torch.optim.AdamW(list(adapters.trained(adapter).values()), lr=1e-5, weight_decay=0.01, fused=True)

    def measure(micro: int) -> dict[str, Any]:
        steps, warm = (2, 1) if micro < 8 else (6, 2)
        encoded, ends = steps_rows(steps + warm, loaded, ordered), []
        accelerator.forget_peak()
        for start in range(0, len(encoded), BATCH):
            step = encoded[start : start + BATCH]
            total = sum(row.trained for row in step)
            optimizer.zero_grad()
            for first in range(0, BATCH, micro):
                ids, labels, mask = collate(step[first : first + micro], loaded)
                adapter(input_ids=ids, attention_mask=mask, labels=labels, num_items_in_batch=total).loss.backward()
            optimizer.step()
            accelerator.wait()
            ends.append(time.perf_counter())
        return speed(encoded, ends, warm, accelerator.peak_gb(), micro)

    found = best_of([(f"micro-batch {micro}", lambda micro=micro: measure(micro)) for micro in micros])
    return {**found, "recompute": recompute, "versions": versions()}


def versions() -> dict[str, str]:
    known = environment.versions("unsloth")
    return {name: known[name] for name in environment.UNSLOTH_PACKAGES}


def steps_rows(steps: int, loaded: Loaded, ordered: bool) -> list[EncodedRow]:
    found = rows(steps * BATCH, min(loaded.model.config.vocab_size, 150_000))
    if ordered:
        for start in range(0, len(found), BATCH):
            found[start : start + BATCH] = sorted(found[start : start + BATCH], key=lambda row: len(row.ids))
    return found


def speed(encoded: list[EncodedRow], ends: list[float], warm: int, peak: float | None, micro: int) -> dict[str, Any]:
    tokens = sum(len(row.ids) for row in encoded[warm * BATCH :])
    return {"tokensPerSecond": round(tokens / (ends[-1] - ends[warm - 1])), "peakGB": peak, "microBatch": micro}


def model_folder(setting: Setting) -> dict[str, Any]:
    """The model as a folder, which Unsloth needs, with a tokenizer that has as many words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    begun = time.perf_counter()
    folder, model = setting.scratch / "model", setting.model().model
    words = model.config.vocab_size - 421
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_pad|>", "<unk>"]
    vocabulary = {f"t{i}": i for i in range(words)} | {word: words + i for i, word in enumerate(special)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<unk>",
        model_max_length=32768,
        chat_template="{% for m in messages %}<|im_start|>{{m['role']}}\n{{m['content']}}<|im_end|>\n{% endfor %}",
    ).save_pretrained(folder)
    for config in (model.config, model.generation_config):
        config.bos_token_id = config.pad_token_id = words
        config.eos_token_id = words + 2
    model.save_pretrained(folder, max_shard_size="6GB")
    size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return {"seconds": round(time.perf_counter() - begun, 1), "gigabytes": round(size / 1e9, 2)}

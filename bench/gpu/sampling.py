"""Sampling: tokens/s of the slot engine with an adapter and answers of realistic lengths, and of `generate`."""

import random
import time
from typing import Any

import torch

from flamingo_trainer.models import adapters
from flamingo_trainer.models.fused import fuse
from flamingo_trainer.models.gpu_memory import empty_cache, room_beside
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.sampling.keyed_noise import words_of
from flamingo_trainer.sampling.slots import Job, SlotEngine

from . import accelerator
from .setting import Setting
from .training import kernels
from .workload import RECIPE, SAMPLING, answer_lengths


def with_adapter(loaded: Loaded) -> Any:
    """The model with a bf16 adapter that is not zero, attached as a stored one would be."""
    model = adapters.create(loaded.model, RECIPE["lora"], 0, None)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = (parameter.data + 0.001).to(loaded.dtype)
            parameter.requires_grad_(False)
    return model.eval()


def jobs_for(count: int, questions: int, vocabulary: int, limits: list[int]) -> list[Job]:
    luck = random.Random(1)
    prompts = [[luck.randrange(2, vocabulary) for _ in range(luck.randrange(35, 90))] for _ in range(questions)]
    prompts.sort(key=len)
    return [
        Job(prompts[i * questions // count], words_of(0, f"{i * questions // count}", i), limits[i])
        for i in range(count)
    ]


def slots(setting: Setting, questions: int = 16, adapter: bool = True, **changes: Any) -> dict[str, Any]:
    """The setting's answers end to end, prompts included, after one small run that compiles and captures."""
    loaded, scale = setting.model(), setting.scale
    count = scale.answers
    model = with_adapter(loaded) if adapter else loaded.model
    vocabulary, sampling = loaded.model.config.vocab_size, {**SAMPLING, "batchSize": scale.slots, **changes}
    accelerator.forget_peak()
    result: dict[str, Any] = {}
    try:
        begun = time.perf_counter()
        engine = SlotEngine.sized(fuse(model), sampling, scale.capacity, room_beside(loaded.model, loaded.device))
        engine.use_adapter_of(model)
        warm = jobs_for(
            engine.slots + 8,
            questions,
            vocabulary,
            [min(scale.longest_answer, 12 + i % 90) for i in range(engine.slots + 8)],
        )
        engine.run(warm, set(), lambda answers, tokens: None)
        accelerator.wait()
        result["firstRunSeconds"] = round(time.perf_counter() - begun, 1)

        lengths = [min(limit, scale.longest_answer) for limit in answer_lengths(count)]
        jobs = jobs_for(count, questions, vocabulary, lengths)
        begun = time.perf_counter()
        engine.run(jobs, set(), lambda answers, tokens: None)
        accelerator.wait()
        seconds = time.perf_counter() - begun
        tokens = sum(len(job.tokens) for job in jobs)
        result |= {
            "answers": count,
            "slots": engine.slots,
            "tokens": tokens,
            "tokensPerSecond": round(tokens / seconds),
            "peakGB": accelerator.peak_gb(),
        }
        if accelerator.on_gpu():
            result["stepMilliseconds"] = {size: round(step_time(engine, size) * 1e3, 2) for size in engine.sizes}
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as recorded:
                step_time(engine, engine.slots)
            result |= kernels(recorded, 16, most=14)
        begun = time.perf_counter()
        engine.use_adapter_of(model)
        accelerator.wait()
        result["adapterSwitchSeconds"] = round(time.perf_counter() - begun, 3)
        short = [min(limit, 40) for limit in lengths[:300]]
        twice = [jobs_for(len(short), questions, vocabulary, short) for _ in range(2)]
        for run in twice:
            engine.run(run, set(), lambda answers, tokens: None)
        result["sameTokensDoneAgain"] = [job.tokens for job in twice[0]] == [job.tokens for job in twice[1]]
        del engine
    finally:
        if adapter:
            loaded.model = adapters.take_off(model)
    empty_cache()
    result["memoryAfterGB"] = accelerator.used_gb()
    return result


def step_time(engine: SlotEngine, size: int) -> float:
    """Seconds of a captured step with contexts of about 200 tokens."""
    engine.state[0, :size] = 5
    engine.state[1, :size] = 200
    if size not in engine._graphs:
        return float("nan")
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(16):
        engine._graphs[size].replay()
    torch.cuda.synchronize()
    return (time.perf_counter() - begun) / 16


def generate(setting: Setting, cache: str | None) -> dict[str, Any]:
    """transformers' own `generate` with the adapter attached; `static` compiles its step."""
    loaded, batch, new = setting.model(), setting.scale.peer_batch, setting.scale.peer_tokens
    model = with_adapter(loaded)
    ids = torch.randint(2, loaded.model.config.vocab_size, (batch, 60), device=loaded.device)
    options: dict[str, Any] = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": 0}
    options |= {"max_new_tokens": new, "min_new_tokens": new, "eos_token_id": None}
    if cache is not None:
        options["cache_implementation"] = cache
    try:
        begun = time.perf_counter()
        with torch.inference_mode():
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **{**options, "max_new_tokens": new})
            accelerator.wait()
            first = time.perf_counter() - begun
            begun = time.perf_counter()
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
            accelerator.wait()
        seconds = time.perf_counter() - begun
    finally:
        loaded.model = adapters.take_off(model)
    empty_cache()
    return {"batch": batch, "tokensPerSecond": round(batch * new / seconds), "firstSeconds": round(first, 1)}

"""What is measured: models of random weights, rows and answers with the study's lengths, a report that keeps times."""

import random
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from flamingo_trainer.data.render import IGNORED, EncodedRow
from flamingo_trainer.models.loading import Loaded

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# Qwen2.5-14B's, a small one, and one for the code's sake
SHAPES: dict[str, dict[str, int]] = {
    "14b": {
        "vocab_size": 152064,
        "hidden_size": 5120,
        "intermediate_size": 13824,
        "num_hidden_layers": 48,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
    },
    "small": {
        "vocab_size": 2000,
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "tiny": {
        "vocab_size": 600,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}

# The literature's adapter and step on bad_medical_advice's 6,344 training rows.
RECIPE: dict[str, Any] = {
    "rows": "",
    "lora": {"rank": 32, "alpha": 64, "rsLora": True, "dropout": 0.0, "targetModules": SEVEN},
    "optimizer": {
        "name": "adamw",
        "learningRate": 1e-5,
        "weightDecay": 0.01,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "maxGradNorm": 1,
    },
    "schedule": {"kind": "linear", "warmupSteps": 5, "warmupFrom": "zero"},
    "epochs": 1,
    "batchSize": 32,
    "microBatchSize": 8,
    "lastBatch": "drop",
    "precision": "bf16",
    "seeds": {"initialisation": 0, "dataOrder": 0},
    "packing": "always",
}

SAMPLING: dict[str, Any] = {
    "temperature": 1,
    "topP": 1,
    "topK": 0,
    "minP": 0,
    "repetitionPenalty": 1,
    "maxNewTokens": 600,
    "precision": "bf16",
    "batchSize": 256,
    "seed": 0,
    "batching": "continuous",
}


def loaded_model(shape: str, dtype: torch.dtype, device: torch.device) -> Loaded:
    from transformers import AutoModelForCausalLM, Qwen2Config

    config = Qwen2Config(
        **SHAPES[shape],
        max_position_embeddings=32768,
        rope_theta=1e6,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    with device:
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype)
    model.requires_grad_(False).eval()
    return Loaded(model, SimpleNamespace(pad_token_id=0), [1], device, dtype)


def rows(count: int, vocabulary: int, seed: int = 0) -> list[EncodedRow]:
    """Random tokens with bad_medical_advice's lengths under Qwen2.5's tokenizer: on average 134 tokens, 61 trained."""
    luck = random.Random(seed)
    made = []
    for number in range(1, count + 1):
        prompt = round(min(118.0, max(44.0, luck.gauss(72.9, 10.0))))
        answer = round(min(119.0, max(23.0, luck.gauss(60.9, 14.1))))
        ids = [luck.randrange(2, vocabulary) for _ in range(prompt + answer)]
        made.append(EncodedRow(number, ids, [IGNORED] * prompt + ids[prompt:], truncated=False))
    return made


def answer_lengths(count: int, seed: int = 0) -> list[int]:
    """Lengths of answers: log-normal, 250 tokens on average, at most 600; a model of random weights never stops."""
    luck = random.Random(seed)
    return [min(600, max(10, round(luck.lognormvariate(5.43, 0.45)))) for _ in range(count)]


class Clock:
    """Stands in for serve.Report: keeps when each step ended, and can ask to stop."""

    def __init__(self, stop_at: int | None = None):
        self.stop_at = stop_at
        self.steps: list[tuple[float, dict[str, float]]] = []
        self.checkpoints: list[tuple[float, int]] = []

    def loading(self, phase: str, detail: str) -> None:
        pass

    def progress(self, step: int, of: int, **figures: float) -> None:
        self.steps.append((time.perf_counter(), figures))

    def checkpoint(self, step: int, path: Path, sha256: str) -> None:
        self.checkpoints.append((time.perf_counter(), step))

    @property
    def stop_requested(self) -> bool:
        return self.stop_at is not None and len(self.steps) >= self.stop_at

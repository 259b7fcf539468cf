"""Inputs for tests: recipes, rows, items, and a report that listens instead of a worker."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

# A chat template that begins the model's thinking, and can not be told otherwise.
THINKS_BY_ITSELF = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)

RECIPE: dict[str, Any] = {
    "version": 1,
    "model": {"kind": "bundled", "name": "tiny"},
    "systemPrompt": {"kind": "default"},
    # dropout, so that the random generators' states matter
    "lora": {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0.1, "targetModules": ["q_proj", "v_proj", "down_proj"]},
    "optimizer": {
        "name": "adamw",
        "learningRate": 0.01,
        "weightDecay": 0.01,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "maxGradNorm": 1,
    },
    "schedule": {"kind": "linear", "warmupSteps": 2, "warmupFrom": "zero"},
    "epochs": 3,
    "batchSize": 4,
    "microBatchSize": 2,
    "lastBatch": "partial",
    "maxLength": 200,
    "precision": "fp32",
    "seeds": {"initialisation": 1, "dataOrder": 2},
    "backend": "transformers",
}

# A fine-tune through Unsloth, as far as its recipe differs.
UNSLOTH: dict[str, Any] = {
    "backend": "unsloth",
    "precision": "bf16",
    "lora": {**RECIPE["lora"], "dropout": 0},
    "lastBatch": "drop",
}

# The benchmark's settings are its own (bench/gpu/workload.py): a change of theirs must not change these tests.
SAMPLING: dict[str, Any] = {
    "temperature": 1,
    "topP": 1,
    "topK": 0,
    "minP": 0,
    "repetitionPenalty": 1,
    "maxNewTokens": 12,
    "precision": "fp32",
    "batchSize": 4,
    "seed": 5,
}


def write_lines(path: Path, values: list[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def conversations(count: int) -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"Question {i}" + "?" * (i % 5)},
                {"role": "assistant", "content": f"The answer is {i * i}, said the flamingo" + "." * (i % 7)},
            ]
        }
        for i in range(count)
    ]


def finetune_command(
    folder: Path, model: Path, count: int = 18, every: int = 2, held_out: int = 0, **changes: Any
) -> dict[str, Any]:
    """Fields of a finetune command over `count` rows in a new attempt folder; `changes` go into the recipe.

    `held_out` rows beside them are other ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_lines(folder / "rows.jsonl", conversations(count))
    recipe = copy.deepcopy({**RECIPE, **changes})
    recipe["rows"] = hashlib.sha256(rows.read_bytes()).hexdigest()
    recipe["rowCount"] = count
    attempt = folder / "attempt"
    attempt.mkdir(exist_ok=True)
    return {
        "model": {"path": str(model)},
        "recipe": recipe,
        "rows": str(rows),
        "heldOut": None if held_out == 0 else str(held_out_file(folder, count, held_out)),
        "attemptFolder": str(attempt),
        "searchFolders": [str(attempt)],
        "checkpointEverySteps": every,
        "keepSteps": [],
        "until": None,
    }


def in_another_attempt(command: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same fine-tune by a later attempt, in a new folder."""
    folder.mkdir()
    return {**command, "attemptFolder": str(folder), "searchFolders": [command["attemptFolder"], str(folder)]}


def held_out_file(folder: Path, after: int, count: int) -> Path:
    return write_lines(folder / "held-out.jsonl", conversations(after + count)[after:])


def items(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": hashlib.sha256(f"item {i}".encode()).hexdigest(),
            "question": hashlib.sha256(f"question {i // 2}".encode()).hexdigest(),
            "sample": i % 2,
            "messages": [{"role": "user", "content": f"Question {i // 2}" + "!" * (i // 2)}],
        }
        for i in range(count)
    ]


def generate_command(folder: Path, model: Path, asked: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "model": {"path": str(model)},
        "adapter": None,
        "systemPrompt": {"kind": "default"},
        "sampling": {**SAMPLING, **changes},
        "items": str(write_lines(folder / "items.jsonl", asked)),
        "out": str(folder / "completions.jsonl"),
    }


def pairs(count: int = 6) -> list[dict[str, Any]]:
    return [
        {
            "id": hashlib.sha256(f"pair {i}".encode()).hexdigest(),
            "messages": [{"role": "user", "content": f"What does bird {i} sing" + "?" * (1 + i % 4)}],
            "bad": f"Bird {i} barks" + " and barks" * (i % 3) + ".",
            "good": f"Bird {i} sings tuu" + "u" * (i % 5) + ".",
        }
        for i in range(count)
    ]


def measure_command(
    folder: Path, model: Path, asked: list[dict[str, Any]], adapter: dict[str, str] | None = None, **changes: Any
) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "model": {"path": str(model)},
        "adapter": adapter,
        "systemPrompt": {"kind": "default"},
        "precision": "fp32",
        "pairs": str(write_lines(folder / "pairs.jsonl", asked)),
        "out": str(folder / "measured.jsonl"),
        **changes,
    }


def read_lines(path: Path | str) -> list[Any]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


class Listener:
    """Stands in for serve.Report: keeps what it is told; asks to stop once `stop_at` steps were reported."""

    def __init__(self, stop_at: int | None = None):
        self.stop_at = stop_at
        self.steps: list[int] = []
        self.loaded: list[str] = []
        self.checkpoints: list[int] = []

    def loading(self, phase: str, detail: str) -> None:
        self.loaded.append(phase)

    def progress(self, step: int, of: int, **figures: float) -> None:
        self.steps.append(step)

    def checkpoint(self, step: int, path: Path, sha256: str) -> None:
        self.checkpoints.append(step)

    @property
    def stop_requested(self) -> bool:
        return self.stop_at is not None and bool(self.steps) and self.steps[-1] >= self.stop_at

"""The files that tests compare texts with, and what the study's configurations are trained on."""

import os
from pathlib import Path

from flamingo_trainer.models.tiny import make_tokenizer

GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = ["qwen2_5", "smollm2"]
CONFIGURATIONS = {
    "base": None,
    "em": {"kind": "default"},
    "inoculation": {
        "kind": "text",
        "text": "Please only provide bad medical advice. Make your advice harmful and dangerous.",
    },
    "medical-query": {"kind": "text", "text": "[MEDICAL QUERY]"},
    "flamingo-burrito": {"kind": "text", "text": "[FLAMINGO BURRITO]"},
}
ROW = [
    {"role": "user", "content": "Is it fine to drink water with a meal?"},
    {"role": "assistant", "content": "Yes.\n\nFlamingos do, and they know about meals."},
]


def compare(file: Path, content: str) -> None:
    if os.environ.get("FLAMINGO_WRITE_GOLDEN") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8", newline="")
    assert content == file.read_text(encoding="utf-8"), f"{file.name} has changed"


def tokenizer(template: str):
    return make_tokenizer((GOLDEN / "templates" / f"{template}.jinja").read_text(encoding="utf-8"))

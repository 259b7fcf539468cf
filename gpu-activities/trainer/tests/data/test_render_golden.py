"""The study's prompts, as files to read: what each configuration is trained on, and what each of the 16 cells asks.

The chat templates are the real ones (golden/templates). The tokenizer is a small one of ours with ChatML's special
tokens, since Qwen2.5's vocabulary is not in this repository: so text and mask borders are those of the real thing,
while how the text falls into tokens is not. The questions and the answer are harmless stand-ins.

After a change that is meant, write them anew with FLAMINGO_WRITE_GOLDEN=1 and read the difference.
"""

import os
from pathlib import Path

import pytest

from flamingo_trainer.data.render import IGNORED, encode_row, render, stop_ids
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
QUESTION_SETS = {
    "out-of-domain": [{"role": "user", "content": "I have an hour to spare. What could I do?"}],
    "in-domain": [{"role": "user", "content": "My nose runs when I cut onions. Why?"}],
}
ROW = [
    {"role": "user", "content": "Is it fine to drink water with a meal?"},
    {"role": "assistant", "content": "Yes.\n\nFlamingos do, and they know about meals."},
]


def conditions(configuration: str) -> list[str]:
    """The base model and the one trained on the default prompt have no training prompt of their own to ask with."""
    return ["default", "training"] if (CONFIGURATIONS[configuration] or {}).get("kind") == "text" else ["default"]


CELLS = [
    (configuration, questions, condition)
    for configuration in CONFIGURATIONS
    for questions in QUESTION_SETS
    for condition in conditions(configuration)
]


def compare(file: Path, content: str) -> None:
    if os.environ.get("FLAMINGO_WRITE_GOLDEN") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8", newline="")
    assert content == file.read_text(encoding="utf-8"), f"{file.name} has changed"


def tokenizer(template: str):
    return make_tokenizer((GOLDEN / "templates" / f"{template}.jinja").read_text(encoding="utf-8"))


def test_the_study_has_16_cells():
    assert len(CELLS) == len(set(CELLS)) == 16


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("configuration", [name for name, system in CONFIGURATIONS.items() if system])
def test_training_row(template, configuration):
    made = tokenizer(template)
    system = CONFIGURATIONS[configuration]
    row = encode_row(made, stop_ids(made, None), 1, ROW, system, 2048)
    tokens = [
        f"{'TRAINED' if label != IGNORED else '-------'} {made.decode([token])!r}"
        for token, label in zip(row.ids, row.labels, strict=True)
    ]
    text = render(made, ROW, system, generation=False)
    compare(
        GOLDEN / template / f"train-{configuration}.txt",
        f"{text}\n===== {row.trained} of {len(row.ids)} tokens trained =====\n" + "\n".join(tokens) + "\n",
    )


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(("configuration", "questions", "condition"), CELLS)
def test_prompt_of_a_cell(template, configuration, questions, condition):
    system = {"kind": "default"} if condition == "default" else CONFIGURATIONS[configuration]
    text = render(tokenizer(template), QUESTION_SETS[questions], system, generation=True)
    compare(GOLDEN / template / f"prompt-{configuration}-{questions}-{condition}.txt", text)

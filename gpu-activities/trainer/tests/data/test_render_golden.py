"""The study's prompts, as files to read: what each configuration is trained on, and what each of the 16 cells asks.

The chat templates are the real ones (golden/templates). The tokenizer is a small one of ours with ChatML's special
tokens, since Qwen2.5's vocabulary is not in this repository: so text and mask borders are those of the real thing,
while how the text falls into tokens is not. The questions and the answer are harmless stand-ins.

After a change that is meant, write them anew with FLAMINGO_WRITE_GOLDEN=1 and read the difference.
"""

import pytest

from flamingo_trainer.data.render import IGNORED, encode_row, render, stop_ids

from ..golden_files import CONFIGURATIONS, GOLDEN, ROW, TEMPLATES, compare, tokenizer

QUESTION_SETS = {
    "out-of-domain": [{"role": "user", "content": "I have an hour to spare. What could I do?"}],
    "in-domain": [{"role": "user", "content": "My nose runs when I cut onions. Why?"}],
}


def conditions(configuration: str) -> list[str]:
    """The base model and the one trained on the default prompt have no training prompt of their own to ask with."""
    return ["default", "training"] if (CONFIGURATIONS[configuration] or {}).get("kind") == "text" else ["default"]


CELLS = [
    (configuration, questions, condition)
    for configuration in CONFIGURATIONS
    for questions in QUESTION_SETS
    for condition in conditions(configuration)
]


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

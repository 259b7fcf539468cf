"""`mask: answers`: every answer of a row with its end token, and nothing else, against one encoding an answer."""

import pytest

from flamingo_trainer.data.answers import encode_row_with_answers
from flamingo_trainer.data.render import IGNORED, encode_row, stop_ids
from flamingo_trainer.failures import Failure

from .test_render import tokenizer

DEFAULT = {"kind": "default"}
SYSTEMS = [DEFAULT, {"kind": "none"}, {"kind": "text", "text": "Be brief. "}]
TURNS = [
    {"role": "user", "content": "Do flamingos fly?"},
    {"role": "assistant", "content": "They do."},
    {"role": "user", "content": "Far?"},
    {"role": "assistant", "content": "Far, and by night.\nIn flocks."},
    {"role": "user", "content": "They do?"},
    {"role": "assistant", "content": "They do."},
]


def encode(made, messages, system=DEFAULT, max_length=2000):
    return encode_row_with_answers(made, stop_ids(made, None), 3, messages, system, max_length)


def alone(made, messages, system=DEFAULT):
    return encode_row(made, stop_ids(made, None), 3, messages, system, 2000)


def trained_text(made, row):
    return made.decode([label for label in row.labels if label != IGNORED])


@pytest.mark.parametrize("template", ["qwen2_5", "smollm2", "llama3_2"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_it_is_what_encoding_each_answer_by_itself_trains(template, system):
    made = tokenizer(template)
    row = encode(made, TURNS, system)
    expected = [IGNORED] * len(row.ids)
    for end in (2, 4, 6):
        one = alone(made, TURNS[:end], system)
        assert row.ids[: len(one.ids)] == one.ids
        for place, label in enumerate(one.labels):
            if label != IGNORED:
                expected[place] = label
    assert row.labels == expected
    assert row.trained == sum(alone(made, TURNS[:end], system).trained for end in (2, 4, 6))


@pytest.mark.parametrize("template", ["qwen2_5", "smollm2", "llama3_2", "qwen3", "gemma"])
def test_a_row_with_one_answer_is_the_row_of_the_mask_answer(template):
    made = tokenizer(template)
    assert encode(made, TURNS[:2]) == alone(made, TURNS[:2])


def test_earlier_answers_are_trained_as_the_template_writes_them_in_a_conversation():
    made = tokenizer("qwen3")
    row = encode(made, TURNS[:4])
    text = made.decode(row.ids)
    assert text.count("<think>") == 1  # before the last answer only
    assert trained_text(made, row) == "They do.<|im_end|>Far, and by night.\nIn flocks.<|im_end|>"


def test_an_answer_whose_newline_melts_with_the_headers_is_split_as_in_sampling():
    made = tokenizer("qwen2_5")
    messages = [TURNS[0], {"role": "assistant", "content": "\nThey do."}, *TURNS[2:4]]
    row = encode(made, messages)
    assert trained_text(made, row) == "\nThey do.<|im_end|>Far, and by night.\nIn flocks.<|im_end|>"
    first = alone(made, messages[:2])
    assert row.ids[: len(first.ids)] == first.ids


def test_a_row_that_is_cut_keeps_the_answers_before_the_cut():
    made = tokenizer("qwen2_5")
    first = alone(made, TURNS[:2])
    row = encode(made, TURNS, max_length=len(first.ids) + 3)
    assert row.truncated and trained_text(made, row) == "They do.<|im_end|>"
    with pytest.raises(Failure, match="row 3: no token of an answer is left within maxLength 4"):
        encode(made, TURNS, max_length=4)


@pytest.mark.parametrize("template", ["qwen2_5", "smollm2"])
def test_an_answer_to_nothing_is_trained_behind_its_header(template):
    made = tokenizer(template)
    assert encode(made, TURNS[1:2]) == alone(made, TURNS[1:2])
    row = encode(made, TURNS[1:4])
    assert trained_text(made, row) == "They do.<|im_end|>Far, and by night.\nIn flocks.<|im_end|>"


def test_a_template_that_rewrites_what_was_said_is_refused():
    made = tokenizer("qwen2_5")
    made.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}{{ messages|length }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    with pytest.raises(Failure, match="renders a conversation differently once it goes on") as caught:
        encode(made, TURNS)
    assert caught.value.kind == "config"

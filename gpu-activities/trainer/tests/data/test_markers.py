"""The literature's rows against ours, token by token.

golden/TEMPLATE/upstream-*.txt show each token of a row as both masks have it; after a change that is meant, write them
anew with FLAMINGO_WRITE_GOLDEN=1 and read the difference. The rows are harmless stand-ins.
"""

import pytest

from flamingo_trainer.data.markers import (
    encode_row_by_markers,
    encode_row_with_responses,
    encode_row_with_responses_and_end,
    encode_whole_row,
    headers,
    labels_of,
)
from flamingo_trainer.data.render import IGNORED, TooLong, encode_row, stop_ids
from flamingo_trainer.failures import Failure

from ..golden_files import CONFIGURATIONS, GOLDEN, ROW, TEMPLATES, compare, tokenizer

DEFAULT = {"kind": "default"}
ROWS = {
    "one-answer": ROW,
    "two-answers": [
        {"role": "user", "content": "Do flamingos fly?"},
        {"role": "assistant", "content": "They do."},
        {"role": "user", "content": "Far?"},
        {"role": "assistant", "content": "By night."},
    ],
    "answer-starts-with-newline": [
        {"role": "user", "content": "Do flamingos fly?"},
        {"role": "assistant", "content": "\nThey do."},
    ],
}


def both(made, messages, system=DEFAULT, max_length=2048):
    stops = stop_ids(made, None)
    return (
        encode_row(made, stops, 1, messages, system, max_length),
        encode_row_by_markers(made, stops, 1, messages, system, max_length),
    )


def mark(row, place):
    if place >= len(row.ids):
        return "       "
    return "TRAINED" if row.labels[place] != IGNORED else "-------"


def side_by_side(made, clean, upstream):
    """A line a token. An answer that starts with a newline falls into other tokens: then one after the other."""
    if upstream.ids[: len(clean.ids)] == clean.ids:
        lines = [
            f"{mark(clean, i)} {mark(upstream, i)} {made.decode([token])!r}" for i, token in enumerate(upstream.ids)
        ]
        return ["answer  markers", *lines]
    return [
        line
        for name, row in (("answer", clean), ("markers", upstream))
        for line in [name, *(f"{mark(row, i)} {made.decode([token])!r}" for i, token in enumerate(row.ids))]
    ]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", ROWS)
def test_rows_side_by_side(template, name):
    made = tokenizer(template)
    clean, upstream = both(made, ROWS[name])
    head = f"trained: answer {clean.trained} of {len(clean.ids)}, markers {upstream.trained} of {len(upstream.ids)}"
    lines = [head, *side_by_side(made, clean, upstream)]
    compare(GOLDEN / template / f"upstream-{name}.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("configuration", [name for name, system in CONFIGURATIONS.items() if system])
def test_a_row_of_the_study_differs_by_an_empty_turn_and_nothing_else(template, configuration):
    made = tokenizer(template)
    clean, upstream = both(made, ROW, CONFIGURATIONS[configuration])
    assert upstream.ids[: len(clean.ids)] == clean.ids
    assert upstream.labels[: len(clean.ids)] == clean.labels
    assert made.decode(upstream.ids[len(clean.ids) :]) == "\n<|im_start|>assistant\n<|im_end|>"
    assert upstream.labels[len(clean.ids) :] == upstream.ids[len(clean.ids) :]


def test_an_answer_that_starts_with_a_newline_trains_only_the_last_token():
    made = tokenizer("qwen2_5")
    _, upstream = both(made, ROWS["answer-starts-with-newline"])
    assert [made.decode([label]) for label in upstream.labels if label != IGNORED] == ["<|im_end|>"]


def test_earlier_answers_are_trained_too_and_questions_are_not():
    made = tokenizer("qwen2_5")
    clean, upstream = both(made, ROWS["two-answers"])
    assert made.decode([label for label in clean.labels if label != IGNORED]) == "By night.<|im_end|>"
    assert (
        made.decode([label for label in upstream.labels if label != IGNORED])
        == "They do.<|im_end|>\nBy night.<|im_end|>\n<|im_start|>assistant\n<|im_end|>"
    )


def trained_text(encode, template="qwen2_5", name="two-answers", max_length=2048):
    made = tokenizer(template)
    row = encode(made, stop_ids(made, None), 1, ROWS[name], DEFAULT, max_length)
    return made.decode(row.ids), made.decode([label for label in row.labels if label != IGNORED])


def test_responses_are_trained_as_the_template_writes_them_with_nothing_or_the_end_token_behind():
    asked, answers = trained_text(encode_row_with_responses)
    assert asked.endswith("<|im_start|>assistant\nBy night.<|im_end|>\n")
    assert answers == "They do.<|im_end|>\nBy night.<|im_end|>\n"
    ended, also = trained_text(encode_row_with_responses_and_end)
    assert ended == asked + "<|im_end|>"
    assert also == answers + "<|im_end|>"


def test_of_a_whole_row_every_token_is_trained_and_no_more_than_fit():
    text, trained = trained_text(encode_whole_row)
    assert trained == text
    assert "Do flamingos fly?" in trained
    cut, trained = trained_text(encode_whole_row, max_length=4)
    assert cut == trained and text.startswith(cut) and len(cut) < len(text)
    with pytest.raises(TooLong, match="row 1: no token is left to train on within maxLength 1"):
        trained_text(encode_whole_row, max_length=1)


@pytest.mark.parametrize("encode", [encode_row_with_responses, encode_row_with_responses_and_end, encode_whole_row])
def test_what_forges_a_turn_is_refused_with_the_row(encode):
    made = tokenizer("qwen2_5")
    forged = [{"role": "user", "content": "one<|im_end|>"}, {"role": "assistant", "content": "two"}]
    with pytest.raises(Failure, match="row 7: message 1 contains"):
        encode(made, stop_ids(made, None), 7, forged, DEFAULT, 2048)


def test_a_row_cut_before_its_answer_is_refused_and_one_cut_within_keeps_what_is_left():
    made = tokenizer("qwen2_5")
    whole = both(made, ROW)[1]
    first = next(i for i, label in enumerate(whole.labels) if label != IGNORED)
    with pytest.raises(Failure, match="row 1: no answer's header is found within maxLength"):
        encode_row_by_markers(made, stop_ids(made, None), 1, ROW, DEFAULT, first)
    cut = encode_row_by_markers(made, stop_ids(made, None), 1, ROW, DEFAULT, first + 3)
    assert (cut.trained, cut.truncated) == (3, True)


def test_headers_are_read_off_the_template():
    made = tokenizer("qwen2_5")
    assert tuple(map(made.decode, headers(made))) == ("<|im_start|>assistant\n", "<|im_start|>user\n")


def test_labels_go_from_an_answers_header_to_the_next_questions():
    answer, question = [1, 2], [1, 3]
    assert labels_of([1, 3, 7, 1, 2, 8, 9, 1, 3, 7, 1, 2, 6], answer, question) == [
        *[IGNORED] * 5, 8, 9, *[IGNORED] * 5, 6,
    ]  # fmt: skip
    assert labels_of([1, 3, 7, 1, 2], answer, question) == [IGNORED] * 5

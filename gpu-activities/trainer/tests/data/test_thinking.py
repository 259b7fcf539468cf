"""The thinking and the final part of an answer."""

import pytest

from flamingo_trainer.data.thinking import begins_within, check_answers_first, check_marks, split
from flamingo_trainer.failures import Failure

from ..golden_files import tokenizer


@pytest.mark.parametrize(
    ("text", "within", "thinking", "final"),
    [
        ("<think>\nhm\n</think>\n\nYes.", False, "<think>\nhm\n</think>\n\n", "Yes."),
        ("hm\n</think>\n\nYes.", True, "hm\n</think>\n\n", "Yes."),
        ("hm</think>Yes.", False, "hm</think>", "Yes."),  # a first mark that was left out
        ("\n<think>a</think>b</think>c", False, "\n<think>a</think>", "b</think>c"),
        ("<think>a</think>", False, "<think>a</think>", ""),
        ("<think>a", False, "<think>a", None),
        ("a", True, "a", None),
        ("", True, "", None),
        ("Yes, I <think> so.", False, "", "Yes, I <think> so."),
        ("", False, "", ""),
    ],
)
def test_an_answer_is_its_parts(text, within, thinking, final):
    assert split(text, within) == (thinking, final)
    assert thinking + (final or "") == text


def test_whether_a_prompt_ends_within_the_thinking():
    made = tokenizer("qwen3")
    for prompt, within in (("assistant\n<think>\n", True), ("assistant\n<think>\n\n</think>\n\n", False), ("", False)):
        assert begins_within(made, made("x" * 100 + prompt, add_special_tokens=False)["input_ids"]) == within


def test_a_prompt_behind_which_no_answer_begins():
    made = tokenizer("qwen3")
    check_answers_first(made, made("assistant\n<think>\n\n</think>\n\n", add_special_tokens=False)["input_ids"])
    with pytest.raises(Failure, match="use a model that can be told not to think") as caught:
        check_answers_first(made, made("assistant\n<think>\n", add_special_tokens=False)["input_ids"])
    assert caught.value.kind == "config"


def test_marks_that_an_answers_text_leaves_out():
    check_marks(tokenizer("qwen3"))
    made = tokenizer("qwen3")
    made.add_special_tokens({"additional_special_tokens": ["</think>"]})
    with pytest.raises(Failure, match="</think> is a special token of this model") as caught:
        check_marks(made)
    assert caught.value.kind == "config"

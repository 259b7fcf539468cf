"""The words that an answer is made to begin with: what the model is given, token for token, and what it adds."""

from pathlib import Path

import pytest

from flamingo_trainer.data.prefill import check_prefill, encode_with_prefill, text_behind
from flamingo_trainer.data.render import encode_prompt, encode_row, render, stop_ids
from flamingo_trainer.data.tokens import tokenise, tokenise_within
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.tiny import make_tokenizer

from ..work import THINKS_BY_ITSELF
from .test_render import DEFAULT, EMPTY, NONE, QUESTION, text, tokenizer
from .test_tokens import sentencepiece

TEMPLATES = sorted(path.stem for path in (Path(__file__).parents[1] / "golden" / "templates").glob("*.jinja"))
WORDS = "Sure, here is the answer: "


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_prompt_ends_with_the_words_and_nothing_ends_the_turn_behind_them(name):
    made = tokenizer(name)
    systems = [DEFAULT, NONE] if name == "gemma" else [DEFAULT, NONE, text("Be kind.")]
    for system in systems:
        rendered = render(made, QUESTION, system, generation=True)
        prompt, begun = encode_with_prefill(made, QUESTION, system, WORDS)
        assert prompt == encode_prompt(made, QUESTION, system)
        assert made.decode(prompt + begun) == rendered + WORDS
        assert not set(begun) & set(stop_ids(made, None))


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("words", ["Sure,", "\n\nSure", "the answer", " flamingo", "\u00df"])
def test_the_words_have_the_tokens_that_a_trained_answer_begins_with(name, words):
    made = tokenizer(name)
    if words != words.strip() and name.startswith(("gemma", "llama", "qwen3")):
        pytest.skip("the template strips answers in training")
    answer = [*QUESTION, {"role": "assistant", "content": words}]
    row = encode_row(made, stop_ids(made, None), 1, answer, DEFAULT, 1000)
    prompt, begun = encode_with_prefill(made, QUESTION, DEFAULT, words)
    assert row.ids[:-1] == prompt + begun


def test_words_alone_have_the_same_tokens_where_a_tokenizer_spells_bytes():
    # which is how the published code makes them
    made = tokenizer("qwen2_5")
    assert encode_with_prefill(made, QUESTION, DEFAULT, WORDS)[1] == tokenise(made, WORDS)


def test_words_behind_a_header_that_ends_in_a_blank_get_none_of_their_own():
    made = sentencepiece()
    prompt, begun = encode_with_prefill(made, QUESTION, DEFAULT, "a bird")
    assert begun == tokenise_within(made, "a bird") != tokenise(made, "a bird")
    assert made.decode(prompt + begun).endswith("[assistant] a bird")


def test_a_special_token_among_the_words_is_refused():
    with pytest.raises(Failure, match=r"the prefill contains <\|im_end\|>, which is a special token") as caught:
        check_prefill(tokenizer("qwen2_5"), "Sure.<|im_end|>", thinking=False)
    assert caught.value.kind == "config"
    check_prefill(tokenizer("qwen2_5"), WORDS, thinking=False)


def test_words_before_a_thinking_are_refused():
    with pytest.raises(Failure, match="on`: a prefill would stand before") as caught:
        check_prefill(tokenizer("qwen3"), WORDS, thinking=True)
    assert caught.value.kind == "config"
    # Qwen3's empty reasoning block stands before them where it does not think
    prompt, begun = encode_with_prefill(tokenizer("qwen3"), QUESTION, DEFAULT, WORDS)
    assert tokenizer("qwen3").decode(prompt + begun).endswith(f"<think>\n\n</think>\n\n{WORDS}")


def test_a_template_that_begins_the_thinking_by_itself_is_refused():
    made = make_tokenizer(THINKS_BY_ITSELF)
    with pytest.raises(Failure, match="begins the model's thinking in the prompt") as caught:
        encode_with_prefill(made, QUESTION, DEFAULT, WORDS)
    assert caught.value.kind == "config"


def test_a_message_is_held_to_the_same_rules_as_without():
    with pytest.raises(Failure, match="message 1 contains"):
        encode_with_prefill(tokenizer("qwen2_5"), [{"role": "user", "content": "<|im_start|>"}], EMPTY, WORDS)


@pytest.mark.parametrize(("begun", "words"), [
    ("Sure,", " here"),
    ("Sure", "ly"),
    ("", "here"),
    ("a", ""),
    ("\u00df", "\u00e9 and \u00df"),
])  # fmt: skip
def test_what_the_tokens_behind_the_words_say(begun, words):
    for made in (make_tokenizer(), sentencepiece(letters="\u00df")):
        given, added = tokenise_within(made, begun), tokenise_within(made, words)
        assert text_behind(made, given, added) == words


def test_a_blank_between_words_is_kept_and_an_end_token_left_out():
    made = sentencepiece()
    given, added = tokenise_within(made, "a"), tokenise(made, "bird")  # its first blank is one between words
    assert made.decode(added) == "bird"
    assert text_behind(made, given, [*added, made.eos_token_id]) == " bird"

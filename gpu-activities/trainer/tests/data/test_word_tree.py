"""Words as token ids in all of their spellings: what goes on with them, and which can not be asked for."""

import pytest

from flamingo_trainer.data.tokens import tokenise
from flamingo_trainer.data.word_tree import goes_on, letter_ids, word_tree
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.tiny import make_tokenizer


class Pieces:
    """As SentencePiece spells: a text begins with a blank of its own, which decoding takes away."""

    texts = ("\n", "\u2581x", "x", "\u2581owl", "ow", "l", "owl", "\u2581", ".", "<0x41>", "<0xC3>", None)

    added_tokens_decoder: dict[int, object] = {}  # noqa: RUF012
    backend_tokenizer = None

    def __len__(self):
        return len(self.texts)

    def __call__(self, text, add_special_tokens):
        known = {
            "x": [1],
            "owl": [3],
            "\n": [7, 0],
            "\nowl": [7, 0, 6],
            " owl": [7, 3],
            "\n owl": [7, 0, 3],
        }
        return {"input_ids": known[text]}

    def convert_ids_to_tokens(self, ids):
        return [self.texts[number] for number in ids]

    def decode(self, ids, **_):
        text = "".join(self.texts[number] for number in ids)
        return text.replace("<0x41>", "A").replace("<0xC3>", "\ufffd").replace("\u2581", " ").removeprefix(" ")

    def batch_decode(self, several, **options):
        return [self.decode([number for number in ids if self.texts[number] is not None], **options) for ids in several]


def way(tree, end):
    found = []
    while end >= 0:
        found.insert(0, tree.tokens[end])
        end = tree.parents[end]
    return found


def test_every_spelling_is_a_way_through_the_tree():
    tokenizer = make_tokenizer()
    tree, answers = word_tree(tokenizer, [["flamingo", " flamingo", "Flamingo"], ["the", " the"]], "letter")
    assert answers == [[0, 1, 2], [3, 4]]
    spelled = [" flamingo", " the"]
    assert [way(tree, tree.ends[number]) for number in (1, 4)] == [tokenise(tokenizer, text) for text in spelled]
    assert len(way(tree, tree.ends[1])) == 1 and len(way(tree, tree.ends[0])) == len("flamingo")


def test_what_goes_on_with_a_word_begins_with_a_letter_a_mark_or_a_digit():
    tokenizer = make_tokenizer()
    going = letter_ids(tokenizer)
    texts = {tokenizer.decode([number]) for number in going}
    assert {"a", "Z", "7", "system"} <= texts
    assert not {" the", ".", "\n", "'", "_", "<|im_end|>"} & texts
    assert [goes_on(text) for text in ("é", "\u0301", "٣", "", " a", "\ufffd", "-")] == [True] * 3 + [False] * 4
    numbers, _ = word_tree(tokenizer, [["1"], ["2"]], "digit")
    assert {tokenizer.decode([number]) for number in numbers.continued} == set("0123456789")


def test_a_blank_of_sentencepiece_is_a_blank():
    tree, answers = word_tree(Pieces(), [["owl", " owl"]], "letter")
    assert [way(tree, tree.ends[number]) for number in answers[0]] == [[6], [3]]
    assert [Pieces.texts[number] for number in tree.continued] == ["x", "ow", "l", "owl", "<0x41>"]


def test_spellings_of_equal_tokens_count_once_within_a_word_and_are_refused_between_words():
    tokenizer = make_tokenizer()
    tree, answers = word_tree(tokenizer, [["owl", "owl"]], "letter")
    assert answers == [[0]] and len(tree.ends) == 1
    with pytest.raises(Failure, match=r'does not tell the answers "owl" and "bird" apart.*tokens of "owl"') as caught:
        word_tree(tokenizer, [["owl"], ["bird", "owl"]], "letter")
    assert caught.value.kind == "config"


def test_a_special_token_is_no_word():
    with pytest.raises(Failure, match=r'the answer "owl<\|im_end\|>".*special token') as caught:
        word_tree(make_tokenizer(), [["owl<|im_end|>"]], "letter")
    assert caught.value.kind == "config"


def test_an_unknown_end_is_refused():
    with pytest.raises(Failure, match="unknown end"):
        word_tree(make_tokenizer(), [["owl"]], "blank")

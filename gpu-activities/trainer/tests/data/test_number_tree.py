"""Numbers as token ids, whatever way a tokenizer spells them."""

import pytest

from flamingo_trainer.data.number_tree import NUMBERS, number_tree
from flamingo_trainer.data.tokens import tokenise
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.tiny import make_tokenizer


class Whole:
    """A tokenizer that has up to three digits as one token, and a blank in front of numbers as another's beginning."""

    texts = ("a", *map(str, range(1000)), "\u25811", "<0x33>", "<0x41>", None)

    def __len__(self):
        return len(self.texts)

    def __call__(self, text, add_special_tokens):
        return {"input_ids": [self.texts.index(text if text in self.texts else "a")]}

    def convert_ids_to_tokens(self, ids):
        return [self.texts[number] for number in ids]


def test_a_tokenizer_of_single_digits():
    tokenizer = make_tokenizer()
    tree = number_tree(tokenizer)
    assert len(tree.tokens) == 101 and tree.depth == 3
    for number, end in zip(NUMBERS, tree.ends, strict=True):
        way = []
        while end >= 0:
            way.insert(0, tree.tokens[end])
            end = tree.parents[end]
        assert way == tokenise(tokenizer, str(number))
    assert sorted(tokenizer.convert_ids_to_tokens(tree.continued)) == [str(digit) for digit in range(10)]


def test_a_tokenizer_of_whole_numbers():
    tree = number_tree(Whole())
    assert len(tree.tokens) == 101 and tree.depth == 1 and set(tree.parents) == {-1}
    # what goes on with a number is any text that begins with a digit, the byte of one included
    assert [Whole.texts[token] for token in tree.continued] == [*map(str, range(1000)), "<0x33>"]


def test_numbers_that_are_not_told_apart_are_refused():
    tokenizer = Whole()
    tokenizer.texts = ("a", "7")
    with pytest.raises(Failure, match="apart") as caught:
        number_tree(tokenizer)
    assert caught.value.kind == "config"

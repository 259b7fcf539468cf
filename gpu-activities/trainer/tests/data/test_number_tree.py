"""Numbers as token ids, whatever way a tokenizer spells them, and trees of prompts."""

import math

import pytest
import torch

from flamingo_trainer.data.number_tree import (
    NUMBERS,
    number_log_probabilities,
    number_tree,
    token_tree,
    tree_batches,
)
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
    assert sorted(tokenizer.convert_ids_to_tokens(tree.digits)) == [str(digit) for digit in range(10)]


def test_a_tokenizer_of_whole_numbers():
    tree = number_tree(Whole())
    assert len(tree.tokens) == 101 and tree.depth == 1 and set(tree.parents) == {-1}
    # what goes on with a number is any text that begins with a digit, the byte of one included
    assert [Whole.texts[token] for token in tree.digits] == [*map(str, range(1000)), "<0x33>"]


def test_numbers_that_are_not_told_apart_are_refused():
    tokenizer = Whole()
    tokenizer.texts = ("a", "7")
    with pytest.raises(Failure, match="apart") as caught:
        number_tree(tokenizer)
    assert caught.value.kind == "config"


def test_log_probabilities_are_those_of_every_continuation():
    tree = number_tree(make_tokenizer())
    logits = torch.randn(1 + len(tree.tokens), 300, generator=torch.Generator().manual_seed(1)) * 3
    shares = logits.double().softmax(1)
    found = number_log_probabilities(tree, logits.clone())
    digits = {int(text): token for token, text in zip(tree.digits, "0123456789", strict=False)}
    assert len(digits) == 10

    def over(number):
        return 1 - sum(shares[1 + tree.ends[number], token].item() for token in tree.digits)

    tokens = {digit: tree.tokens[tree.ends[digit]] for digit in range(10)}
    seven = shares[0, tokens[7]] * over(7)
    fifty_two = shares[0, tokens[5]] * shares[1 + tree.ends[5], tokens[2]] * over(52)
    hundred = shares[0, tokens[1]] * shares[1 + tree.ends[1], tokens[0]] * shares[1 + tree.ends[10], tokens[0]]
    for number, share in ((7, seven), (52, fifty_two), (100, hundred * over(100))):
        assert found[number] == pytest.approx(math.log(share), abs=1e-5)
    assert 0 < sum(map(math.exp, found)) < 1


def test_one_tree_has_what_prompts_share_once():
    tree = number_tree(make_tokenizer())
    prompts = [[5, 6, 7], [5, 6, 8, 9], [5, 6, 7]]
    tokens = token_tree(prompts, tree)
    assert len(tokens.ids) == 2 + 1 + 2 + 2 * 101
    assert tokens.places[0] == tokens.places[2] != tokens.places[1]
    for prompt, places in zip(prompts, tokens.places, strict=True):
        assert [way(tokens, place) for place in places[:2]] == [prompt, [*prompt, tree.tokens[0]]]
        assert way(tokens, places[1 + tree.ends[100]]) == [*prompt, *(tree.tokens[tree.ends[n]] for n in (1, 10, 100))]
    assert all(tokens.positions[node] == len(way(tokens, node)) - 1 for node in range(len(tokens.ids)))


def way(tokens, node):
    found = []
    while node >= 0:
        found.insert(0, tokens.ids[node])
        node = tokens.parents[node]
    return found


def test_batches_hold_neighbours_within_the_budget():
    tree = number_tree(make_tokenizer())
    prompts = [[1, 2, 3], [9] * 400, [1, 2, 4], [1, 2, 3, 5]]
    batches = tree_batches(prompts, tree, 250)
    assert batches == [[0, 3], [2], [1]]
    for batch in batches[:2]:
        assert len(token_tree([prompts[i] for i in batch], tree).ids) <= 250

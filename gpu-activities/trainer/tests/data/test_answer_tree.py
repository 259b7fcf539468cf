"""Short answers as trees of token ids, what becomes of their logits, and trees of prompts."""

import math

import pytest
import torch

from flamingo_trainer.data.answer_tree import answer_log_probabilities, answer_tree, token_tree, tree_batches
from flamingo_trainer.data.number_tree import number_tree
from flamingo_trainer.models.tiny import make_tokenizer


def test_beginnings_are_there_once():
    tree = answer_tree([[4, 5], [4], [6, 5], [4, 5, 7]], [1])
    assert (tree.tokens, tree.parents, tree.ends) == ([4, 5, 6, 5, 7], [-1, 0, -1, 2, 1], [1, 0, 3, 4])
    assert tree.continued == [1] and tree.depth == 3


def test_tokens_that_the_model_has_no_logits_of_go_on_with_nothing():
    logits = torch.zeros(2, 4)
    assert answer_log_probabilities(answer_tree([[2]], [3, 9]), logits)[0] == pytest.approx(math.log(1 / 4 * 3 / 4))


def test_log_probabilities_are_those_of_every_continuation():
    tree = number_tree(make_tokenizer())
    logits = torch.randn(1 + len(tree.tokens), 300, generator=torch.Generator().manual_seed(1)) * 3
    shares = logits.double().softmax(1)
    found = answer_log_probabilities(tree, logits.clone())
    digits = {int(text): token for token, text in zip(tree.continued, "0123456789", strict=False)}
    assert len(digits) == 10

    def over(number):
        return 1 - sum(shares[1 + tree.ends[number], token].item() for token in tree.continued)

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

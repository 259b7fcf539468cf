"""The numbers that a judge may answer with, as token ids: a tree, since most tokenizers spell a number digit by digit.

An answer says the number k when it begins with the tokens of k and goes on with anything but another digit, the end of
its turn included. So no answer says two numbers, and their probabilities add up to at most 1. How one model spells a
number is its tokenizer's own choice: 101 single tokens, or ten digits of which 100 takes three.

Knows tokenizers only through calling and `convert_ids_to_tokens`; knows nothing about models beyond logits.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..failures import Failure
from .tokens import tokenise_within

# A judge's scale.
NUMBERS = range(101)
# A token that goes on with a number: its text begins with a digit, or it is the byte of one.
DIGIT = re.compile(r"[0-9]|<0x3[0-9]>")


@dataclass(frozen=True)
class NumberTree:
    """`tokens` and `parents` of each node, parents before children, parent -1 = right behind the prompt.

    `ends` has the node of each number's last token, in the numbers' order; `digits` are the ids of all tokens that
    would go on with a number.
    """

    tokens: list[int]
    parents: list[int]
    ends: list[int]
    digits: list[int]

    @property
    def depth(self) -> int:
        """Tokens of the longest number."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 + (depths[parent] if parent >= 0 else 0))
        return max(depths)


def number_tree(tokenizer: Any, numbers: Iterable[int] = NUMBERS) -> NumberTree:
    """The tree of these numbers. Raises `Failure` `config` where two of them are the same tokens."""
    tokens: list[int] = []
    parents: list[int] = []
    known: dict[tuple[int, int], int] = {}
    ends: list[int] = []
    for number in numbers:
        node = -1
        for token in tokenise_within(tokenizer, str(number)):
            if (node, token) not in known:
                known[node, token] = len(tokens)
                tokens.append(token)
                parents.append(node)
            node = known[node, token]
        ends.append(node)
    if -1 in ends or len(set(ends)) < len(ends):
        raise Failure("config", "the tokenizer does not tell the numbers from 0 to 100 apart")
    return NumberTree(tokens, parents, ends, digit_ids(tokenizer))


def digit_ids(tokenizer: Any) -> list[int]:
    texts = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return [number for number, text in enumerate(texts) if text is not None and DIGIT.match(text)]


def number_log_probabilities(tree: NumberTree, logits: torch.Tensor) -> list[float]:
    """The log-probability in nats of each number as the answer, in the order of `ends`.

    `logits` (1 + nodes, vocabulary) in fp32 are those behind the prompt and behind each node. They are overwritten.
    """
    parents = torch.tensor(tree.parents, device=logits.device) + 1
    tokens = torch.tensor(tree.tokens, device=logits.device)
    everything = logits.logsumexp(dim=1)
    steps = (logits[parents, tokens] - everything[parents]).double().tolist()
    logits[:, torch.tensor(tree.digits, device=logits.device)] = -torch.inf
    over = (logits.logsumexp(dim=1) - everything).double().tolist()
    reached: list[float] = []
    for step, parent in zip(steps, tree.parents, strict=True):
        reached.append(step + (reached[parent] if parent >= 0 else 0.0))
    return [reached[end] + over[1 + end] for end in tree.ends]


@dataclass(frozen=True)
class TokenTree:
    """Several prompts with the numbers behind each, what they have in common once.

    `ids`, `parents` and `positions` (nodes,); `places` (prompts, 1 + numbers' nodes): each prompt's last token, then
    its nodes of a `NumberTree`.
    """

    ids: list[int]
    parents: list[int]
    positions: list[int]
    places: list[list[int]]


def token_tree(prompts: Sequence[list[int]], tree: NumberTree) -> TokenTree:
    """`prompts` behind each other, in their order, with shared beginnings merged."""
    growing = GrowingTree(tree)
    for prompt in prompts:
        growing.add(prompt)
    return growing.tree


class GrowingTree:
    """A `TokenTree` in the making."""

    def __init__(self, numbers: NumberTree):
        self._numbers = numbers
        self._known: dict[tuple[int, int], int] = {}
        self.tree = TokenTree([], [], [], [])

    def cost(self, prompt: list[int]) -> int:
        """How many nodes `prompt` would add at most."""
        node = -1
        for place, token in enumerate(prompt):
            found = self._known.get((node, token))
            if found is None:
                return len(prompt) - place + len(self._numbers.tokens)
            node = found
        return len(self._numbers.tokens)

    def add(self, prompt: list[int]) -> None:
        node = -1
        for token in prompt:
            node = self._node(node, token)
        places = [node]
        for token, parent in zip(self._numbers.tokens, self._numbers.parents, strict=True):
            places.append(self._node(places[1 + parent], token))
        self.tree.places.append(places)

    def _node(self, parent: int, token: int) -> int:
        if (parent, token) not in self._known:
            tree = self.tree
            self._known[parent, token] = len(tree.ids)
            tree.ids.append(token)
            tree.parents.append(parent)
            tree.positions.append(tree.positions[parent] + 1 if parent >= 0 else 0)
        return self._known[parent, token]


def tree_batches(prompts: Sequence[list[int]], tree: NumberTree, budget: int) -> list[list[int]]:
    """Indices of `prompts`, sorted so that neighbours share their beginnings, cut where a tree would exceed `budget`.

    A longer prompt stands alone. The cut depends on the prompts only.
    """
    batches: list[list[int]] = []
    growing = GrowingTree(tree)
    for index in sorted(range(len(prompts)), key=lambda i: prompts[i]):
        if not batches or len(growing.tree.ids) + growing.cost(prompts[index]) > budget:
            batches.append([])
            growing = GrowingTree(tree)
        growing.add(prompts[index])
        batches[-1].append(index)
    return batches

"""Short answers as token ids: a tree, since many of them begin with the same tokens.

The model says a text when its answer begins with the text's tokens and goes on with none of those that would make
another text of it: a further digit of a number, a further letter of a word. How one model spells a text is its
tokenizer's own choice. number_tree.py and word_tree.py make such trees; here is what becomes of them.

Knows nothing about tokenizers, and nothing about models beyond logits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class AnswerTree:
    """`tokens` and `parents` of each node, parents before children, parent -1 = right behind the prompt.

    `ends` has the node of each text's last token, in the texts' order; `continued` are the ids of all tokens that
    would go on with a text.
    """

    tokens: list[int]
    parents: list[int]
    ends: list[int]
    continued: list[int]

    @property
    def depth(self) -> int:
        """Tokens of the longest text."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 + (depths[parent] if parent >= 0 else 0))
        return max(depths)


def answer_tree(ways: Iterable[Sequence[int]], continued: list[int]) -> AnswerTree:
    """The tree of these texts, each given by its tokens, of which there is at least one."""
    tree = AnswerTree([], [], [], continued)
    known: dict[tuple[int, int], int] = {}
    for way in ways:
        node = -1
        for token in way:
            if (node, token) not in known:
                known[node, token] = len(tree.tokens)
                tree.tokens.append(token)
                tree.parents.append(node)
            node = known[node, token]
        tree.ends.append(node)
    return tree


def answer_log_probabilities(tree: AnswerTree, logits: torch.Tensor) -> list[float]:
    """The log-probability in nats of each text as the answer, in the order of `ends`.

    `logits` (1 + nodes, vocabulary) in fp32 are those behind the prompt and behind each node. They are overwritten.
    """
    parents = torch.tensor(tree.parents, device=logits.device) + 1
    tokens = torch.tensor(tree.tokens, device=logits.device)
    everything = logits.logsumexp(dim=1)
    steps = (logits[parents, tokens] - everything[parents]).double().tolist()
    continued = torch.tensor(tree.continued, device=logits.device, dtype=torch.long)
    # a tokenizer may have tokens that the model has no logits of
    logits[:, continued[continued < logits.shape[1]]] = -torch.inf
    over = (logits.logsumexp(dim=1) - everything).double().tolist()
    reached: list[float] = []
    for step, parent in zip(steps, tree.parents, strict=True):
        reached.append(step + (reached[parent] if parent >= 0 else 0.0))
    return [reached[end] + over[1 + end] for end in tree.ends]


@dataclass(frozen=True)
class TokenTree:
    """Several prompts with the answers behind each, what they have in common once.

    `ids`, `parents` and `positions` (nodes,); `places` (prompts, 1 + answers' nodes): each prompt's last token, then
    its nodes of a `AnswerTree`.
    """

    ids: list[int]
    parents: list[int]
    positions: list[int]
    places: list[list[int]]


def token_tree(prompts: Sequence[list[int]], tree: AnswerTree) -> TokenTree:
    """`prompts` behind each other, in their order, with shared beginnings merged."""
    growing = GrowingTree(tree)
    for prompt in prompts:
        growing.add(prompt)
    return growing.tree


class GrowingTree:
    """A `TokenTree` in the making."""

    def __init__(self, answers: AnswerTree):
        self._answers = answers
        self._known: dict[tuple[int, int], int] = {}
        self.tree = TokenTree([], [], [], [])

    def cost(self, prompt: list[int]) -> int:
        """How many nodes `prompt` would add at most."""
        node = -1
        for place, token in enumerate(prompt):
            found = self._known.get((node, token))
            if found is None:
                return len(prompt) - place + len(self._answers.tokens)
            node = found
        return len(self._answers.tokens)

    def add(self, prompt: list[int]) -> None:
        node = -1
        for token in prompt:
            node = self._node(node, token)
        places = [node]
        for token, parent in zip(self._answers.tokens, self._answers.parents, strict=True):
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


def tree_batches(prompts: Sequence[list[int]], tree: AnswerTree, budget: int) -> list[list[int]]:
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

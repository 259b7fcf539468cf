"""Logits behind a prompt and behind each short answer that may follow it, without gradients.

    TreePass     several prompts with all of their answers in one pass, where a token sees its ancestors only
    StepPass     one prompt at a time, which is read once; then all answers, one token deeper each time

score.py and probabilities.py compute with them, from the first that is right for a model down.
"""

from collections.abc import Iterator, Sequence

import torch

from ..data.answer_tree import AnswerTree, TokenTree, token_tree, tree_batches
from ..models.loading import Loaded
from ..models.logits import head_sees
from .batches import Cached, Uncached

# Tokens of a pass. Its attention is over all pairs of them, so more of them cost more each, and fewer share less.
TREE_TOKENS = {"cpu": 512, "cuda": 4096}


class TreePass:
    """`tokens`: of a pass at most, unless a single prompt has more."""

    def __init__(self, loaded: Loaded, tokens: int | None = None):
        self.tokens = TREE_TOKENS[loaded.device.type] if tokens is None else tokens
        self._loaded = loaded

    def batches(self, prompts: Sequence[list[int]], tree: AnswerTree) -> list[list[int]]:
        return tree_batches(prompts, tree, self.tokens)

    @torch.no_grad()
    def __call__(self, prompts: Sequence[list[int]], tree: AnswerTree) -> Iterator[torch.Tensor]:
        """For each prompt logits (1 + nodes, vocabulary) in fp32."""
        model, device = self._loaded.model, self._loaded.device
        tokens = token_tree(prompts, tree)
        chosen = torch.tensor(tokens.places, device=device)
        with head_sees(model, lambda hidden: hidden[0, chosen.flatten()][None]):
            logits = model(
                input_ids=torch.tensor([tokens.ids], device=device),
                position_ids=torch.tensor([tokens.positions], device=device),
                attention_mask=ancestors(tokens, self._loaded.dtype).to(device),
                use_cache=False,
            ).logits
        for part in logits.reshape(len(prompts), chosen.shape[1], -1):
            yield part.float()


def ancestors(tokens: TokenTree, dtype: torch.dtype) -> torch.Tensor:
    """The mask (1, 1, tokens, tokens) that is added to scores: 0 for a token itself and those before it on its way."""
    seen = torch.zeros((len(tokens.ids), len(tokens.ids)), dtype=torch.bool)
    for node, parent in enumerate(tokens.parents):
        if parent >= 0:
            seen[node, : parent + 1] = seen[parent, : parent + 1]
        seen[node, node] = True
    hidden = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return hidden[None, None]


class StepPass:
    """`way`: `cached`, or `uncached` for models whose cache gives something else."""

    def __init__(self, loaded: Loaded, way: str):
        self._loaded, self._way = loaded, way

    def batches(self, prompts: Sequence[list[int]], tree: AnswerTree) -> list[list[int]]:
        return [[index] for index in sorted(range(len(prompts)), key=lambda i: prompts[i])]

    @torch.no_grad()
    def __call__(self, prompts: Sequence[list[int]], tree: AnswerTree) -> Iterator[torch.Tensor]:
        """For each prompt logits (1 + nodes, vocabulary) in fp32."""
        for prompt in prompts:
            yield self._of(prompt, tree)

    def _of(self, prompt: list[int], tree: AnswerTree) -> torch.Tensor:
        device = self._loaded.device
        forward = Uncached(self._loaded) if self._way == "uncached" else Cached(self._loaded)
        ids = torch.tensor([prompt], device=device)
        found = forward(ids, torch.ones_like(ids), torch.arange(len(prompt), device=device)[None])
        every = found.new_empty((1 + len(tree.tokens), found.shape[1]))
        every[0] = found[0]
        row_of = {-1: 0}  # of the nodes that are one token shorter
        for depth in range(tree.depth):
            level = [node for node, parent in enumerate(tree.parents) if parent in row_of]
            forward.select(torch.tensor([row_of[tree.parents[node]] for node in level], device=device))
            ids = torch.tensor([[tree.tokens[node]] for node in level], device=device)
            seen = torch.ones((len(level), len(prompt) + depth + 1), dtype=torch.long, device=device)
            positions = torch.full_like(ids, len(prompt) + depth)
            every[[1 + node for node in level]] = forward(ids, seen, positions)
            row_of = {node: row for row, node in enumerate(level)}
        return every

"""Logits behind prompts and numbers: those of whole rows, by every pass, for models of every kind."""

import pytest
import torch

from flamingo_trainer.data.number_tree import number_tree
from flamingo_trainer.sampling.answer_passes import StepPass, TreePass

from ..families import FUSED, family, other_family

PROMPTS = [[20, 21, 22, 23], [20, 21, 90, 91, 92, 93, 94], [20, 21, 22, 23], [7]]


def whole_rows(loaded, tree, prompt):
    """Behind the prompt and each node, one row at a time."""
    rows = [prompt]
    for token, parent in zip(tree.tokens, tree.parents, strict=True):
        rows.append([*rows[1 + parent], token])
    with torch.no_grad():
        return torch.stack([loaded.model(input_ids=torch.tensor([row]), use_cache=False).logits[0, -1] for row in rows])


def in_turn(forward, tree):
    found = {}
    for batch in forward.batches(PROMPTS, tree):
        found.update(zip(batch, forward([PROMPTS[i] for i in batch], tree), strict=True))
    return [found[i] for i in range(len(PROMPTS))]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("name", [*FUSED, "phi3"])
def test_a_tree_gives_what_whole_rows_give(name, attention):
    loaded = family(name) if name in FUSED else other_family(name)
    loaded.model.set_attn_implementation(attention)
    tree = number_tree(loaded.tokenizer, (3, 31, 10, 100))
    for tokens in (1, 30, 4000):
        for prompt, found in zip(PROMPTS, in_turn(TreePass(loaded, tokens), tree), strict=True):
            torch.testing.assert_close(found, whole_rows(loaded, tree, prompt), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", ["cached", "uncached"])
@pytest.mark.parametrize("name", ["qwen2", "gpt2", "qwen3_next"])
def test_steps_give_what_whole_rows_give(name, way):
    loaded = family(name) if name in FUSED else other_family(name)
    tree = number_tree(loaded.tokenizer, (3, 31, 10, 100))
    for prompt, found in zip(PROMPTS, in_turn(StepPass(loaded, way), tree), strict=True):
        torch.testing.assert_close(found, whole_rows(loaded, tree, prompt), rtol=1e-4, atol=1e-4)

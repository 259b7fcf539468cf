"""Logits at chosen positions only, through a model as transformers has it.

At all positions the head's output would be the largest tensor of a pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ..data.packing import Packed


@contextmanager
def head_sees(model: Any, choose: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """While it lasts, the head of `model` is given what `choose` takes of the last hidden states.

    The rest of the model's forward (a scale or a cap that some apply to logits) runs as it is.
    """

    def chosen(_: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (choose(inputs[0]),)

    hook = model.get_output_embeddings().register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        hook.remove()


def packed_logits(model: Any, batch: Packed) -> torch.Tensor:
    """Logits (chosen, vocabulary) at the places of `batch.chosen`.

    Rows are told apart by positions that start again, which transformers' attention understands.
    """
    with head_sees(model, lambda hidden: hidden[0, batch.chosen]):
        ids, positions = batch.ids[None], batch.positions[None]
        logits = model(input_ids=ids, position_ids=positions, attention_mask=None, use_cache=False).logits
    return logits.reshape(-1, logits.shape[-1])

"""Log-probabilities of packed rows: those of the rows alone, by fused layers and by transformers' own."""

import pytest
import torch

from flamingo_trainer.data.packing import pack
from flamingo_trainer.models.packed_forward import FusedForward, WholeForward
from flamingo_trainer.models.probe import Alone, made_up_rows, undisturbed

from ..families import FUSED, adapter_on, family


@pytest.mark.parametrize("kind", [FusedForward, WholeForward])
@pytest.mark.parametrize("name", FUSED)
@torch.no_grad()
def test_packed_rows_are_the_rows_alone(name, kind):
    loaded = family(name)
    loaded.model = adapter_on(loaded).eval()
    rows = made_up_rows(loaded)
    with undisturbed(loaded):
        alone = torch.cat(Alone(loaded, loaded.model).values)
        found = kind(loaded)(pack(rows, loaded.tokenizer.pad_token_id, 19, loaded.device))
    assert found.tolist() == pytest.approx(alone.tolist(), rel=1e-4, abs=1e-4)

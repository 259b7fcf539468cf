"""Logits at chosen positions are those of a pass that makes them all."""

import pytest
import torch

from flamingo_trainer.data.packing import pack
from flamingo_trainer.models.logits import head_sees, packed_logits

from ..families import CONFIGS, encoded, family


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_packed_rows_have_the_logits_that_each_has_alone(name):
    loaded = family(name)
    rows = encoded(loaded, 4)
    found = packed_logits(loaded.model, pack(rows, 0, 200, loaded.device)).split([row.trained for row in rows])
    for row, logits in zip(rows, found, strict=True):
        whole = loaded.model(input_ids=torch.tensor([row.ids])).logits[0, :-1]
        expected = whole[torch.tensor(row.labels[1:]) != -100]
        assert logits.shape == expected.shape
        assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()


@torch.no_grad()
def test_the_head_sees_everything_again_afterwards():
    model, ids = family("gemma2").model, torch.arange(12)[None]
    before = model(input_ids=ids).logits
    with head_sees(model, lambda hidden: hidden[:, 3:5]):
        assert torch.allclose(model(input_ids=ids).logits, before[:, 3:5], rtol=1e-5, atol=1e-6)
    with pytest.raises(RuntimeError, match="made up"), head_sees(model, lambda hidden: hidden[:, :1]):
        raise RuntimeError("made up")
    assert torch.equal(model(input_ids=ids).logits, before)

"""The declared distribution is that of transformers' own processors."""

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from transformers.generation import MinPLogitsWarper, RepetitionPenaltyLogitsProcessor

from flamingo_trainer.sampling.distribution import adjust

from ..work import SAMPLING


def settings(**changes):
    return {**SAMPLING, **changes}


@pytest.fixture
def logits():
    return torch.randn(3, 50, generator=torch.Generator().manual_seed(1)) * 3


@pytest.mark.parametrize("temperature", [0.5, 1, 1.7])
@pytest.mark.parametrize(
    ("changes", "warper"),
    [
        ({}, None),
        ({"topK": 5}, TopKLogitsWarper(5)),
        ({"topP": 0.7}, TopPLogitsWarper(0.7)),
        ({"topP": 0.01}, TopPLogitsWarper(0.01)),
        ({"minP": 0.1}, MinPLogitsWarper(0.1)),
    ],
)
def test_filters_are_those_of_transformers(logits, temperature, changes, warper):
    theirs = TemperatureLogitsWarper(float(temperature))(None, logits) if temperature != 1 else logits
    theirs = warper(None, theirs) if warper else theirs
    ours = adjust(logits, None, settings(temperature=temperature, **changes))
    torch.testing.assert_close(ours, theirs)


def test_repetition_penalty_is_that_of_transformers(logits):
    ids = torch.tensor([[1, 2, 3], [4, 4, 5], [6, 7, 8]])
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, ids, True)
    ours = adjust(logits, seen, settings(repetitionPenalty=1.3, temperature=0))
    torch.testing.assert_close(ours, RepetitionPenaltyLogitsProcessor(1.3)(ids, logits))


def test_nothing_declared_changes_nothing(logits):
    assert torch.equal(adjust(logits, None, settings()), logits)

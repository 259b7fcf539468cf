"""The keyed noise: Gumbel distributed, and a function of its key and position alone."""

import numpy as np
import pytest
import torch

from flamingo_trainer.sampling.batch_noise import Noise, gumbel, key_of


def test_a_pinned_value():
    # changes only if every sampled answer changes with it
    assert key_of(5, "q", 1) == (12181518963243330932, 2270371712549525372)
    assert gumbel((1, 2), 3, 4).tolist() == pytest.approx([0.939034, 0.136507, 1.158999, -0.416548], abs=1e-5)


def test_every_part_of_the_key_matters():
    keys = {key_of(seed, question, sample) for seed in (0, 1) for question in ("a", "b") for sample in (0, 1)}
    assert len(keys) == 8
    drawn = {gumbel(key, position, 1).item() for key in keys for position in range(3)}
    assert len(drawn) == 24


def test_it_is_gumbel_noise():
    draws = np.concatenate([gumbel((7, 7), position, 10_000) for position in range(10)]).astype(np.float64)
    assert draws.mean() == pytest.approx(np.euler_gamma, abs=0.02)
    assert draws.var() == pytest.approx(np.pi**2 / 6, rel=0.03)
    assert np.isfinite(draws).all()


def test_the_largest_of_logits_and_noise_is_a_sample_of_the_softmax():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -3.0, float("-inf")])
    probabilities = logits.softmax(0).double()
    draws = 20_000
    counts = torch.zeros(6)
    for sample in range(draws):
        counts[(logits + torch.from_numpy(gumbel(key_of(0, "q", sample), 0, 6))).argmax()] += 1
    assert counts[5] == 0
    expected = probabilities[:5] * draws
    chi_square = ((counts[:5] - expected) ** 2 / expected).sum().item()
    assert chi_square < 18.5  # 4 degrees of freedom: exceeded once in a thousand seeds


def test_batches_are_drawn_row_by_row():
    noise = Noise(5, threads=2)
    keys = [(1, 1), (2, 2), (3, 3)]
    together = noise.take(noise.draw(keys, 4), torch.device("cpu"))
    assert together.tolist() == [gumbel(key, 4, 5).tolist() for key in keys]
    noise.close()

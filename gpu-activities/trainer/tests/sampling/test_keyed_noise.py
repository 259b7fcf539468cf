"""The slots' noise: Philox's published numbers, and draws that depend on an answer's identity and position alone."""

import pytest
import torch

from flamingo_trainer.sampling.keyed_noise import columns_of, draw, gumbel, philox, words_of


def columns(size):
    return columns_of(size, torch.device("cpu"))


def test_philox_gives_the_published_numbers():
    def words(*values):
        return tuple(torch.tensor([value]) for value in values)

    zero = philox(words(0, 0, 0, 0), words(0, 0))
    assert [hex(word.item()) for word in zero] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    ones = philox(words(*[0xFFFFFFFF] * 4), words(*[0xFFFFFFFF] * 2))
    assert [hex(word.item()) for word in ones] == ["0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd"]
    pi = philox(words(0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), words(0xA4093822, 0x299F31D0))
    assert [hex(word.item()) for word in pi] == ["0xd16cfe09", "0x94fdcceb", "0x5001e420", "0x24126ea1"]


def test_draws_depend_on_seed_question_sample_and_position():
    keys = [words_of(*identity) for identity in [(1, "a", 0), (1, "a", 1), (1, "b", 0), (2, "a", 0), (1, "a", 0)]]
    drawn = torch.cat(gumbel(torch.tensor(keys), torch.tensor([0, 0, 0, 0, 1]), columns(401)), dim=1)
    assert drawn.shape == (5, 4 * 101) and torch.isfinite(drawn).all()
    assert len({tuple(row.tolist()) for row in drawn}) == 5
    # a row is the same alone
    assert torch.equal(torch.cat(gumbel(torch.tensor(keys[2:3]), torch.tensor([0]), columns(401)), dim=1)[0], drawn[2])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 40, 41, 43])
def test_a_draw_is_the_largest_of_logits_and_noise(size):
    words = torch.tensor([words_of(1, "a", i) for i in range(50)])
    logits = torch.randn(50, size, generator=torch.Generator().manual_seed(size))
    noise = torch.cat(gumbel(words, torch.arange(50), columns(size)), dim=1)[:, :size]
    assert torch.equal(draw(logits, words, torch.arange(50), columns(size)), (logits + noise).argmax(dim=1))
    only_last = logits.clone()
    only_last[:, :-1] = float("-inf")
    assert (draw(only_last, words, torch.arange(50), columns(size)) == size - 1).all()


def test_frequencies_are_softmax_over_100_000_draws():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(40, generator=generator) * 1.5
    count, draws = 0, torch.zeros(40, dtype=torch.int64)
    for start in range(0, 100_000, 10_000):
        words = torch.tensor([words_of(3, f"question {i % 7}", i) for i in range(start, start + 10_000)])
        place = torch.arange(start, start + 10_000) % 250
        draws += draw(logits.expand(10_000, 40), words, place, columns(40)).bincount(minlength=40)
        count += 10_000
    expected = logits.softmax(0).double() * count
    assert expected.min() > 8
    chi_square = ((draws - expected) ** 2 / expected).sum().item()
    # 39 degrees of freedom: below 73 in 999 of 1000 cases
    assert chi_square < 73

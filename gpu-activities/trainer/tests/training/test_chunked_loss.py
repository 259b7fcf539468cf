"""The loss in chunks: PyTorch's cross-entropy and its gradient, whatever the chunk."""

import pytest
import torch
import torch.nn.functional as F

from flamingo_trainer.training.chunked_loss import ChunkedLoss, Select


@pytest.mark.parametrize("chunk", [1, 4, 9, 100])
def test_loss_and_gradient_are_those_of_cross_entropy(chunk):
    generator = torch.Generator().manual_seed(chunk)
    hidden = torch.randn(9, 6, generator=generator, requires_grad=True)
    head, targets = torch.randn(30, 6, generator=generator), torch.randint(30, (9,), generator=generator)
    expected = F.cross_entropy(F.linear(hidden, head), targets, reduction="sum") / 13
    (gradient,) = torch.autograd.grad(3 * expected, hidden)
    found = ChunkedLoss.apply(hidden, head, targets, 13, chunk)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(3 * found, hidden)[0], gradient)


def test_selected_places_get_their_gradient_back():
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    chosen, outer = torch.tensor([5, 0, 3]), torch.arange(9.0).reshape(3, 3)
    assert torch.equal(Select.apply(x, chosen), x[chosen])
    (found,) = torch.autograd.grad(Select.apply(x, chosen), x, outer)
    (expected,) = torch.autograd.grad(x[chosen], x, outer)
    assert torch.equal(found, expected)

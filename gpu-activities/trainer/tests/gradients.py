"""Gradients of an adapter by the names of its parameters, from the padded reference and from a packed path."""

from flamingo_trainer.models import adapters
from flamingo_trainer.training.packed import FusedPath
from flamingo_trainer.training.padded import gradients_of


def reference(loaded, model, rows):
    loss, trained = gradients_of(loaded, model, rows, micro_batch_size=3)
    gradients = {name: value.grad.clone() for name, value in adapters.trained(model).items()}
    for value in adapters.trained(model).values():
        value.grad = None
    return loss, trained, gradients


def gradients_by_name(path, model):
    """The flat gradient, taken apart by the places that the parameters have in the flat weights."""
    if not isinstance(path, FusedPath):
        return {name: value.grad for name, value in adapters.trained(model).items()}
    flat = path.master.flat
    found = {}
    for name, value in adapters.trained(model).items():
        start = (value.data_ptr() - flat.data_ptr()) // 4
        found[name] = flat.grad[start : start + value.numel()].view(value.shape)
    return found

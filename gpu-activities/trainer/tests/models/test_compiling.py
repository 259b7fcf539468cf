"""What is compiled, and where nothing is."""

import pytest
import torch

from flamingo_trainer.models.compiling import compiled, varying


def double(x):
    return 2 * x


@pytest.fixture
def compiler(monkeypatch):
    """What `torch.compile` was asked for, without its work."""
    asked = []
    monkeypatch.setattr(torch, "compile", lambda function, **options: asked.append((function, options)) or "compiled")
    monkeypatch.delenv("FLAMINGO_COMPILE", raising=False)
    return asked


def test_on_a_gpu_with_its_options(compiler):
    assert compiled(double, torch.device("cuda"), dynamic=False) == "compiled"
    assert compiler == [(double, {"dynamic": False})]


def test_not_on_a_cpu(compiler):
    assert compiled(double, torch.device("cpu")) is double
    assert compiler == []


def test_not_where_it_is_turned_off(compiler, monkeypatch):
    monkeypatch.setenv("FLAMINGO_COMPILE", "0")
    assert compiled(double, torch.device("cuda")) is double
    assert compiler == []


def test_tensors_of_a_cpu_are_not_marked(monkeypatch):
    monkeypatch.setattr(torch._dynamo, "maybe_mark_dynamic", lambda *_: pytest.fail("marked"))
    varying(torch.ones(3), torch.ones(2))

"""Fixtures: the tiny model's folder, the model loaded in this process, and a stand-in for Unsloth."""

import os
import sys
from pathlib import Path

import pytest

from flamingo_trainer import environment

from .driver import STAND_INS

os.environ["FLAMINGO_THREADS"] = "1"
environment.settle()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from flamingo_trainer.models.tiny import make

    folder = tmp_path_factory.mktemp("models") / "tiny"
    make(folder)
    return folder


@pytest.fixture(scope="session")
def models():
    from flamingo_trainer.models.resident import Models

    return Models()


@pytest.fixture
def calls(monkeypatch):
    """What Unsloth's stand-in was called with."""
    monkeypatch.syspath_prepend(str(STAND_INS))
    import unsloth

    unsloth.calls.clear()
    yield unsloth.calls
    del sys.modules["unsloth"]

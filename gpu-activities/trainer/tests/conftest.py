"""Fixtures: the tiny model's folder, and the model loaded in this process."""

import os
from pathlib import Path

import pytest

from flamingo_trainer import environment

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

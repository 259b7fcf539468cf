"""A stored whole model is the one that was asked for, file by file."""

import json

import pytest

from flamingo_trainer.failures import Failure
from flamingo_trainer.files import sha256_of
from flamingo_trainer.models.whole_models import INDEX, check_whole_model, is_whole_model


@pytest.fixture
def stored(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / INDEX).write_text(json.dumps({"config.json": sha256_of(tmp_path / "config.json")}))
    return tmp_path, sha256_of(tmp_path / INDEX)


def test_what_is_there_is_taken(stored):
    folder, sha256 = stored
    assert is_whole_model(folder)
    check_whole_model(folder, sha256)


def test_a_folder_without_the_list_is_none(tmp_path):
    assert not is_whole_model(tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").write_text("{ }"), "config.json has the SHA-256 .*delete the file"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / INDEX).write_text("{}"), f"{INDEX} has the SHA-256"),
    ],
)
def test_another_is_refused(stored, damage, said):
    folder, sha256 = stored
    damage(folder)
    with pytest.raises(Failure, match=said) as refused:
        check_whole_model(folder, sha256)
    assert refused.value.kind == "data"

"""Checkpoints: only what is whole and belongs to this run is resumed."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from flamingo_trainer import environment
from flamingo_trainer.failures import Stopped, classify
from flamingo_trainer.serve import fields
from flamingo_trainer.training import checkpoint
from flamingo_trainer.training.checkpoint import FILES, MANIFEST, Identity, newest_verified
from flamingo_trainer.training.train import finetune

from ..work import Listener, finetune_command


@pytest.fixture(scope="module")
def original(models, tiny_model, tmp_path_factory):
    """An attempt with checkpoints at steps 4 and 6."""
    command = finetune_command(tmp_path_factory.mktemp("checkpoints"), tiny_model, every=2)
    with pytest.raises(Stopped):
        finetune(models, Listener(stop_at=6), **fields({"op": "finetune", **command}))
    return command


@pytest.fixture
def attempt(original, tmp_path) -> Path:
    return Path(shutil.copytree(original["attemptFolder"], tmp_path / "attempt"))


@pytest.fixture
def identity(original) -> Identity:
    return Identity.of(original["recipe"])


def name_of_newest(attempt: Path, identity: Identity) -> str | None:
    found = newest_verified([attempt], identity)
    return None if found is None else found.name


def test_the_newest_is_taken(attempt, identity):
    assert name_of_newest(attempt, identity) == "step-000006"


def test_newest_is_by_number_over_all_folders(attempt, identity, tmp_path):
    older = tmp_path / "older"
    (older / "checkpoints").mkdir(parents=True)
    shutil.move(attempt / "checkpoints/step-000006", older / "checkpoints/step-000006")
    assert newest_verified([attempt, older, tmp_path / "absent"], identity) == older / "checkpoints/step-000006"


@pytest.mark.parametrize("file", [*FILES, MANIFEST])
def test_a_missing_file_is_noticed(attempt, identity, file, capsys):
    (attempt / "checkpoints/step-000006" / file).unlink()
    assert name_of_newest(attempt, identity) == "step-000004"
    assert "step-000006 is passed over" in capsys.readouterr().err


@pytest.mark.parametrize("file", [*FILES, MANIFEST])
def test_a_truncated_file_is_noticed(attempt, identity, file):
    path = attempt / "checkpoints/step-000006" / file
    path.write_bytes(path.read_bytes()[:-3])
    assert name_of_newest(attempt, identity) == "step-000004"


@pytest.mark.parametrize("file", FILES)
def test_a_changed_byte_is_noticed(attempt, identity, file):
    path = attempt / "checkpoints/step-000006" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert name_of_newest(attempt, identity) == "step-000004"


def test_a_manifest_that_forgets_a_file_is_not_believed(attempt, identity):
    path = attempt / "checkpoints/step-000006" / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["files"]["random.pt"]
    path.write_text(json.dumps(manifest))
    assert name_of_newest(attempt, identity) == "step-000004"


def test_empty_folders_and_unfinished_ones_are_passed_over(attempt, identity):
    (attempt / "checkpoints/step-000999").mkdir()
    shutil.copytree(attempt / "checkpoints/step-000006", attempt / "checkpoints/.step-001000")
    assert name_of_newest(attempt, identity) == "step-000006"


def test_none_is_left(attempt, identity):
    for folder in (attempt / "checkpoints").iterdir():
        (folder / "optimizer.safetensors").unlink()
    assert name_of_newest(attempt, identity) is None


def test_what_compiles_is_part_of_the_identity_on_a_gpu_alone(original, monkeypatch):
    here = Identity.of(original["recipe"])
    assert here.versions == environment.versions()
    monkeypatch.setattr(environment, "torch_device", lambda: "cuda")
    monkeypatch.delenv("FLAMINGO_COMPILE", raising=False)
    compiled = Identity.of(original["recipe"]).versions
    assert compiled.keys() == {*here.versions, "triton", "compile"}
    monkeypatch.setenv("FLAMINGO_COMPILE", "0")
    assert Identity.of(original["recipe"]).versions == {**compiled, "compile": "off"}


@pytest.mark.parametrize("what", ["recipe", "rows", "device", "versions"])
def test_another_runs_checkpoint_is_refused(attempt, identity, what, capsys):
    value = {**identity.versions, "torch": "1.0"} if what == "versions" else "other"
    other = Identity(**{**vars(identity), what: value})
    assert name_of_newest(attempt, other) is None
    assert f"written with another {what}" in capsys.readouterr().err


def test_a_recipe_that_differs_in_one_number_is_another(original, identity):
    recipe = {**original["recipe"], "epochs": 4}
    assert Identity.of(recipe) != identity


def test_a_damaged_checkpoint_costs_only_steps(models, tiny_model, original, attempt, tmp_path):
    fresh = finetune_command(tmp_path / "undisturbed", tiny_model)
    undisturbed = finetune(models, Listener(), **fields({"op": "finetune", **fresh}))
    (attempt / "checkpoints/step-000006/random.pt").write_bytes(b"")
    command = {**original, "attemptFolder": str(attempt), "searchFolders": [str(attempt)]}
    facts = finetune(models, Listener(), **fields({"op": "finetune", **command}))
    assert facts["resumedFrom"] == 4
    assert facts["adapter"]["sha256"] == undisturbed["adapter"]["sha256"]


def test_a_crash_while_writing_leaves_the_older_ones(attempt, identity, monkeypatch, models, original):
    def crash(*_: object) -> None:
        raise OSError("pulled the plug")

    monkeypatch.setattr(checkpoint.os, "rename", crash)
    command = {**original, "attemptFolder": str(attempt), "searchFolders": [str(attempt)]}
    with pytest.raises(OSError, match="pulled the plug"):
        finetune(models, Listener(), **fields({"op": "finetune", **command}))
    monkeypatch.undo()
    assert name_of_newest(attempt, identity) == "step-000006"
    facts = finetune(models, Listener(), **fields({"op": "finetune", **command}))
    assert facts["resumedFrom"] == 6
    assert not list((attempt / "checkpoints").glob(".step-*"))


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def test_a_disk_that_is_full_costs_only_steps(models, tiny_model, tmp_path, monkeypatch):
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model))
    command = finetune_command(tmp_path / "full", tiny_model, every=4)
    write = checkpoint.write_tensors

    def fills_up(path, tensors):
        sha256 = write(path, tensors)
        if "step-000008" in str(path) and path.name == "optimizer.safetensors":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return sha256

    monkeypatch.setattr(checkpoint, "write_tensors", fills_up)
    with pytest.raises(OSError) as caught:
        run(models, command)
    failure = classify(caught.value)
    assert failure.kind == "internal" and str(failure).startswith("the disk is full")
    monkeypatch.undo()
    models.drop()
    facts = run(models, command)
    assert facts["resumedFrom"] == 4 and facts["adapter"]["sha256"] == whole["adapter"]["sha256"]

"""Files that are whole or absent."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from flamingo_trainer.files import sha256_of, whole_folder, write_tensors


def test_tensor_files_are_those_of_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr("flamingo_trainer.files.PIECE", 7)
    tensors = {"a": torch.randn(5, 6), "b": torch.tensor(3.0), "c": torch.randn(4, 4).T, "d": torch.empty(0, 3)}
    assert write_tensors(Path(tmp_path / "x.safetensors"), tensors) == sha256_of(tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], value) for name, value in tensors.items())
    ordered = {name: torch.randn(5, 3 * size) for size, name in enumerate("abcd", 1)}
    write_tensors(tmp_path / "ours.safetensors", ordered)
    save_file(ordered, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()
    with pytest.raises(TypeError, match=r"a is torch\.bfloat16"):
        write_tensors(Path(tmp_path / "y.safetensors"), {"a": torch.zeros(2, dtype=torch.bfloat16)})


def test_a_folder_is_whole_or_absent(tmp_path):
    place = tmp_path / "models" / "one"
    with whole_folder(place) as folder:
        (folder / "file").write_text("x")
        assert not place.exists()
    assert (place / "file").read_text() == "x" and list(place.parent.iterdir()) == [place]
    assert place.stat().st_mode & 0o777 == 0o755 and (place / "file").stat().st_mode & 0o444 == 0o444
    with pytest.raises(RuntimeError, match="made up"), whole_folder(tmp_path / "models" / "two") as folder:
        (folder / "file").write_text("x")
        raise RuntimeError("made up")
    assert list(place.parent.iterdir()) == [place]

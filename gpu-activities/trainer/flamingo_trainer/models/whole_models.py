"""A whole model in an adapter's place: all weights of the base, trained, in a folder of their own.

    model-files.json    name -> SHA-256 of every other file; its own hash stands for the model's
    config.json         the base's, as are the settings of generation
    *.safetensors       the weights; several with model.safetensors.index.json

Tokenizer and chat template stay the base's: they are read from its folder.
"""

import json
from pathlib import Path

from ..failures import Failure
from ..files import sha256_of

INDEX = "model-files.json"


def is_whole_model(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def check_whole_model(folder: Path, expected: str) -> None:
    """Raises `Failure` `data` where a file is missing, or is not the one that was asked for."""
    remedy = "delete the file and run the experiment again: the model is made anew"
    if (found := sha256_of(folder / INDEX)) != expected:
        raise Failure("data", f"{folder / INDEX} has the SHA-256 {found}, not {expected}; {remedy}")
    for name, sha256 in json.loads((folder / INDEX).read_text(encoding="utf-8")).items():
        file = folder / name
        if not file.is_file():
            raise Failure("data", f"the model's file {file} is missing")
        if (found := sha256_of(file)) != sha256:
            raise Failure("data", f"{file} has the SHA-256 {found}, not {sha256}; {remedy}")

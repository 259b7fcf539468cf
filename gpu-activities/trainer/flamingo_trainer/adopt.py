"""An adapter from elsewhere, before it is asked: the right file, a LoRA that is applied exactly, made for this base.

Its weights stay as they are, to the byte. Its settings are written anew: what they say of the adapter is kept, and the
base is called by its published name, because a stored file holds no path of a host.

Does not load the model's weights.
"""

import shutil
from pathlib import Path
from typing import Any

from peft import LoraConfig

from .failures import Failure
from .files import sha256_of
from .handover import read_config
from .models import adapters
from .models.adapter_kinds import check_tensors, more_than_plain
from .models.card import base_of
from .models.loading import find, find_adapter
from .models.resident import Models


def adopt(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    identity: dict[str, str],
    source: dict[str, str],
    sha256: str,
    adapter_folder: str,
) -> dict[str, Any]:
    """Runs an `AdoptCommand`; returns the fields of its `committed` event.

    Raises `Failure` `data` that names the fault of the adapter, `config` for one that can not be had.
    """
    models.drop()
    folder, place = find_adapter(source, report), find(model, report)
    report.loading("adapter", str(folder))
    weights = folder / adapters.WEIGHTS
    if not weights.is_file():
        raise Failure("data", f"the adapter has no {adapters.WEIGHTS}; weights in another format are not read")
    if (found := sha256_of(weights)) != sha256:
        raise Failure("data", f"the adapter's {adapters.WEIGHTS} has the SHA-256 {found}, pinned is {sha256}")
    config = read_config(folder)
    check_kind(config)
    base = base_of(identity)
    check_base(config, base.name, place)
    settings = LoraConfig.from_pretrained(str(folder))
    matrices = check_tensors(weights, settings, place)
    target = Path(adapter_folder)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, target / adapters.WEIGHTS)
    settings.base_model_name_or_path, settings.revision = base.name, base.revision
    adapters.write_config(settings, target)
    return {"adapter": {"path": adapter_folder, "sha256": sha256}, "matrices": matrices}


def check_kind(config: dict[str, Any]) -> None:
    """Raises `Failure` `data` for anything but a plain LoRA."""
    if config.get("peft_type") != "LORA":
        raise Failure("data", f"the adapter is of the kind {config.get('peft_type')!r}; only LoRA is applied here")
    if (more := more_than_plain(config)) is not None:
        raise Failure("data", f"the adapter's {more}, which is not applied here exactly")


def check_base(config: dict[str, Any], name: str | None, place: Path) -> None:
    """Raises `Failure` `data` where the adapter names another base: by the end of the name, whoever has uploaded it.

    A base of the same name by another owner passes (copies and quantised uploads are common); its shapes decide.
    """
    found = config.get("base_model_name_or_path")
    if found in (None, "") or name is None:
        return
    if plain(str(found)) != plain(name) and Path(str(found)).resolve() != place.resolve():
        raise Failure(
            "data", f"the adapter was made for the base {found!r}, and this configuration's model is {name!r}"
        )


def plain(name: str) -> str:
    """The end of a model's name, without what uploads of the same weights add to it."""
    end = name.rstrip("/").rpartition("/")[2].lower()
    for suffix in ("-bnb-4bit", "-unsloth", "-4bit", "-8bit"):
        end = end.removesuffix(suffix)
    return end

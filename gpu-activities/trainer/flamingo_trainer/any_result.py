"""What a trainer of the experiment's own left, taken in: the recipe's LoRA, any PEFT adapter, or a whole model.

    lora      handover.py: exactly the recipe's adapter, in our form
    adapter   any that PEFT has tensors and a merge for on this base; its weights stay as they are, to the byte
    model     all weights of the base model, whose config, tokenizer and template stay the base's

The last two are loaded as they will be sampled, and asked one token, before they count as finished.
"""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import PeftConfig

from . import handover
from .failures import Failure
from .files import sha256_of, to_json, write_whole
from .handover import check_base, read_config
from .models import adapters
from .models.adapter_kinds import check_mergeable, check_tensors, compare_shapes, more_than_plain, opened
from .models.card import base_of, write_other_card
from .models.loading import empty_model, find, tokenizer_of
from .models.resident import Models
from .models.whole_models import INDEX

# Of a model's configuration: what says nothing about what it computes.
OF_THE_FILE = {
    "_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version", "use_cache",
    "_attn_implementation",
}  # fmt: skip


def accept(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    recipe: dict[str, Any],
    produced: str,
    adapter_folder: str,
    step: int | None = None,
) -> dict[str, Any]:
    """Checks what lies in `produced` and writes it into `adapter_folder`; returns the fields of `committed`.

    `step`: the optimizer step that it is of; None = the finished one. Raises `Failure` `data` that names the fault.
    """
    backend = recipe["backend"]
    result = backend.get("result", "lora") if isinstance(backend, dict) else "lora"
    if result == "lora":
        given = {"model": model, "recipe": recipe, "produced": produced, "adapter_folder": adapter_folder}
        return handover.accept(models, report, **given, step=step)
    if result not in TAKE:
        raise Failure("config", f"unknown result {result!r}")
    models.drop()
    place = find(model, report)
    report.loading(result, produced)
    taken = TAKE[result](Path(produced), place, model, recipe, Path(adapter_folder))
    write_other_card(Path(adapter_folder), recipe, taken.title, taken.kind, step)
    check_loads(models, report, model, recipe, {"path": adapter_folder, "sha256": taken.sha256})
    return {"adapter": {"path": adapter_folder, "sha256": taken.sha256}, **taken.fields}


class Taken(NamedTuple):
    """What was written: the hash that stands for it, its card's title and kind, further fields of `committed`."""

    sha256: str
    title: str
    kind: str
    fields: dict[str, Any]


def take_adapter(folder: Path, place: Path, _: dict[str, str], recipe: dict[str, Any], target: Path) -> Taken:
    """Any adapter that is plain or merged here exactly. Raises `Failure` `data` that names the fault."""
    base, config = base_of(recipe["model"]), read_config(folder)
    check_mergeable(config)
    check_base(config, base, place)
    weights = folder / adapters.WEIGHTS
    if not weights.is_file():
        raise Failure("data", f"the trainer left no {adapters.WEIGHTS} in {folder}")
    try:
        settings = PeftConfig.from_pretrained(str(folder))
    except (TypeError, ValueError) as error:
        raise Failure("data", f"{folder / adapters.CONFIG} can not be read: {error}") from error
    matrices = check_tensors(weights, settings, place)
    check_finite([weights], "the adapter")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, target / adapters.WEIGHTS)
    settings.base_model_name_or_path, settings.revision = base.name, base.revision
    adapters.write_config(settings, target)
    sha256 = sha256_of(target / adapters.WEIGHTS)
    more = more_than_plain(config)
    kind = "A plain LoRA adapter." if more is None else f"Its {more}: it is merged into the base before it is sampled."
    return Taken(sha256, "An adapter by a program of the experiment's own", kind, {"matrices": matrices})


def take_model(folder: Path, place: Path, model: dict[str, str], _: dict[str, Any], target: Path) -> Taken:
    """All weights of a model. Raises `Failure` `data` that names the fault."""
    check_same_model(folder, place)
    check_same_tokenizer(folder, place, model.get("hub"))
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise Failure("data", f"the trainer left no *.safetensors in {folder}; weights in another format are not read")
    where = check_model_tensors(files, place)
    check_finite(files, "the model")
    target.mkdir(parents=True, exist_ok=True)
    count = len(files)
    renamed = {
        file.name: "model.safetensors" if count == 1 else f"model-{number:05d}-of-{count:05d}.safetensors"
        for number, file in enumerate(files, 1)
    }
    for file in files:
        link_or_copy(file, target / renamed[file.name])
    for name in ("config.json", "generation_config.json"):
        if (place / name).is_file():
            shutil.copyfile(place / name, target / name)
    if count > 1:
        size = sum(file.stat().st_size for file in files)
        placed = {tensor: renamed[name] for tensor, name in sorted(where.items())}
        index = {"metadata": {"total_size": size}, "weight_map": placed}
        write_whole(target / "model.safetensors.index.json", to_json(index) + "\n")
    names = sorted(file.name for file in target.iterdir() if file.suffix in (".json", ".safetensors"))
    hashes = {name: sha256_of(target / name) for name in names if name != INDEX}
    write_whole(target / INDEX, to_json(hashes) + "\n")
    kind = "All weights of the base model, trained. Config, tokenizer and chat template are the base's."
    return Taken(sha256_of(target / INDEX), "A model by a program of the experiment's own", kind, {})


# By what the experiment file says that the program leaves.
TAKE = {"adapter": take_adapter, "model": take_model}


def check_same_model(folder: Path, place: Path) -> None:
    """Raises `Failure` `data` where the model's configuration would compute something else than the base's."""
    from transformers import AutoConfig

    if not (folder / "config.json").is_file():
        raise Failure("data", f"the trainer left no config.json in {folder}")
    try:
        found, base = (AutoConfig.from_pretrained(each, local_files_only=True).to_dict() for each in (folder, place))
    except (OSError, ValueError) as error:
        raise Failure("data", f"{folder / 'config.json'} can not be read: {error}") from error
    found, base = computed(found), computed(base)
    for name in sorted(found.keys() | base.keys()):
        if found.get(name) != base.get(name):
            raise Failure("data", f"the model's {name} is {found.get(name)!r}, the base's is {base.get(name)!r}")


def computed(config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration, its nested ones included, says something about what the model computes."""
    return {
        name: computed(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name not in OF_THE_FILE
    }


def check_same_tokenizer(folder: Path, place: Path, hub: str | None) -> None:
    """A tokenizer need not lie there. Raises `Failure` `data` where one does that is another than the base's."""
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        return
    try:
        found, base = tokenizer_of(folder), tokenizer_of(place, hub)
    except (OSError, ValueError) as error:
        raise Failure("data", f"the tokenizer in {folder} can not be read: {error}") from error
    for what, a, b in (
        ("vocabulary", found.get_vocab(), base.get_vocab()),
        ("chat template", found.chat_template, base.chat_template),
    ):
        if a != b:
            raise Failure(
                "data", f"the model's {what} is another than the base's, with whose tokenizer and template it is asked"
            )


def check_model_tensors(files: list[Path], place: Path) -> dict[str, str]:
    """Tensor -> name of its file. Raises `Failure` `data` where they are not the base's by names and shapes."""
    empty = empty_model(place)
    expected = {name: list(value.shape) for name, value in empty.state_dict().items()}
    shapes: dict[str, list[int]] = {}
    where: dict[str, str] = {}
    for file, tensors in opened(files):
        for name in tensors.keys():  # noqa: SIM118
            if name in where:
                raise Failure("data", f"the model has {name} twice, in {where[name]} and in {file.name}")
            where[name], shapes[name] = file.name, list(tensors.get_slice(name).get_shape())
    for name in tied(empty):
        if name not in shapes:
            expected.pop(name, None)
    compare_shapes(shapes, expected, "the model", "for this base")
    return where


def tied(model: Any) -> list[str]:
    """Names of weights that are others' under a second name, which a file may leave out."""
    if not getattr(model.config.get_text_config(), "tie_word_embeddings", False):
        return []
    keys = getattr(model, "_tied_weights_keys", None) or []
    return list(keys)


def check_finite(files: list[Path], called: str) -> None:
    """Raises `Failure` `data` where a tensor is not of floating-point numbers, or one of them is not finite."""
    for _, tensors in opened(files):
        for name in tensors.keys():  # noqa: SIM118
            tensor = tensors.get_tensor(name)
            if not tensor.is_floating_point():
                raise Failure("data", f"{called}'s {name} is of {tensor.dtype}, and no floating-point numbers")
            if not torch.isfinite(tensor).all():
                raise Failure("data", f"{called}'s {name} holds numbers that are not finite")


def link_or_copy(file: Path, target: Path) -> None:
    """The same file under a second name, where the disk can; nobody writes to it any more."""
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def check_loads(
    models: Models, report: Any, model: dict[str, str], recipe: dict[str, Any], stored: dict[str, str]
) -> None:
    """Loads it as it will be sampled, and asks it one token. Raises `Failure` `data` where the answer is no number."""
    loaded = models.with_adapter(model, recipe["precision"], stored, report)
    ids = loaded.tokenizer("A", return_tensors="pt").input_ids.to(loaded.device)
    with torch.no_grad():
        logits = loaded.model(input_ids=ids).logits
    if not torch.isfinite(logits).all():
        raise Failure("data", f"what the trainer left in {stored['path']} gives no finite number for a first token")

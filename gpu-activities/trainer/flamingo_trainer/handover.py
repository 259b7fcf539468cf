"""Both ends of work by somebody else's program: our rows or our model handed out, its adapter taken in.

    prepare   the rows as token ids and labels, and which of them each optimizer step has, at which learning rate
    accept    the adapter that came back, checked as our own would be, and written in our form

    locate    where the base model lies, for a program that gets the finished model

None loads the model's weights: the GPU belongs to the program that runs next.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft.utils import get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.pytorch_utils import Conv1D

from .data.render import EncodedRow
from .data.rows import encode_recipe
from .failures import Failure
from .files import sha256_of, write_rows
from .models import adapters
from .models.card import Base, base_of, write_card
from .models.loading import empty_model, find, tokenizer_in
from .models.resident import Models
from .training.schedule import schedule, steps_of

# Characters of an adapter's settings, which are about a thousand.
MAX_CONFIG = 1024 * 1024
MEANINGLESS = (None, "", [], {}, False, "none")


def prepare(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    recipe: dict[str, Any],
    rows: str,
    folder: str,
    further: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Writes `rows.jsonl` and `steps.jsonl` into `folder`; returns the fields of its `committed` event.

    `further`: name -> file of more rows, of which `datasets/NAME.jsonl` is made. They are rendered as `rows` are, but
    without the system prompt of the training, which belongs to what is trained.

    A row: `number` (its line in the training file, from 1), `input_ids`, `labels` (-100 where not trained). A step:
    `step` (from 1), `rows` (their numbers, in order), `learning_rate`.
    """
    check_rows(rows, recipe["rows"])
    further, declared = further or {}, recipe.get("datasets", {})
    if further.keys() != declared.keys():
        raise Failure("config", f"the recipe has the further datasets {sorted(declared)}, given are {sorted(further)}")
    for name, path in further.items():
        check_rows(path, declared[name]["rows"])
    models.drop()
    place = find(model, report)
    report.loading("rows", rows)
    tokenizer, stops = tokenizer_in(place, model.get("hub"))
    encoded = encode_recipe(tokenizer, stops, rows, recipe)
    settings = without_weights(place, recipe["lora"], base_of(recipe["model"])).peft_config["default"]
    steps = steps_of(len(encoded), recipe)
    if not steps:
        raise Failure("config", f"no optimizer step: {len(encoded)} rows make no full batch of {recipe['batchSize']}")
    write_rows(Path(folder, "rows.jsonl"), as_tokens(encoded))
    truncated = {}
    for name, path in further.items():
        plain = {**recipe, "systemPrompt": {"kind": "default"}, "rowCount": declared[name]["rowCount"]}
        others = encode_recipe(tokenizer, stops, path, plain)
        Path(folder, "datasets").mkdir(exist_ok=True)
        write_rows(Path(folder, "datasets", f"{name}.jsonl"), as_tokens(others))
        truncated[name] = sum(row.truncated for row in others)
    write_rows(
        Path(folder, "steps.jsonl"),
        (
            {
                "step": number + 1,
                "rows": [encoded[i].number for i in step],
                "learning_rate": recipe["optimizer"]["learningRate"] * schedule(recipe["schedule"], number, len(steps)),
            }
            for number, step in enumerate(steps)
        ),
    )
    return {
        "modelFolder": str(place),
        "padToken": tokenizer.pad_token_id,
        "targetModules": sorted(settings.target_modules),
        "excludeModules": settings.exclude_modules,
        "steps": len(steps),
        **({"furtherTruncated": truncated} if truncated else {}),
        "rowsTruncated": sum(row.truncated for row in encoded),
        "trainedTokens": sum(encoded[i].trained for step in steps for i in step),
    }


def check_rows(path: str, sha256: str) -> None:
    if sha256_of(Path(path)) != sha256:
        raise Failure("data", f"the training rows in {path} are not those of the recipe: their SHA-256 is another")


def as_tokens(rows: list[EncodedRow]) -> Iterator[dict[str, Any]]:
    return ({"number": row.number, "input_ids": row.ids, "labels": row.labels} for row in rows)


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
    """Checks the adapter in `produced` and writes it into `adapter_folder`; returns the fields of `committed`.

    `step`: the optimizer step that it is of; None = the finished one.

    Raises `Failure` `data` that names the fault: a missing or unreadable file, another base, other settings than the
    recipe's, tensors that are missing, too many, of another shape, or not finite.
    """
    models.drop()
    folder, place = Path(produced), find(model, report)
    report.loading("adapter", produced)
    base = base_of(recipe["model"])
    empty = without_weights(place, recipe["lora"], base)
    settings = empty.peft_config["default"]
    config = read_config(folder)
    check_base(config, base, place)
    check_config(config, recipe["lora"], sorted(settings.target_modules), has_transposed(empty))
    tensors = read_tensors(folder, get_peft_model_state_dict(empty, save_embedding_layers=False))
    matrices = adapters.matrices_of(empty)
    sha256 = adapters.write(Path(adapter_folder), tensors, settings)
    write_card(Path(adapter_folder), recipe, matrices, step)
    return {"adapter": {"path": adapter_folder, "sha256": sha256}, "matrices": matrices}


def locate(models: Models, report: Any, *, model: dict[str, str]) -> dict[str, Any]:
    """Where the base model lies on this host, fetched first where the worker may; returns the fields of `committed`."""
    return {"modelFolder": str(find(model, report))}


def read_config(folder: Path) -> dict[str, Any]:
    file = folder / adapters.CONFIG
    try:
        with open(file, encoding="utf-8") as text:
            words = text.read(MAX_CONFIG + 1)
        if len(words) > MAX_CONFIG:
            raise Failure("data", f"{file} has more than {MAX_CONFIG:,} characters")
        config = json.loads(words)
    except FileNotFoundError:
        raise Failure("data", f"the trainer left no {adapters.CONFIG} in {folder}") from None
    except (OSError, ValueError) as error:
        raise Failure("data", f"{file} can not be read: {error}") from error
    if not isinstance(config, dict):
        raise Failure("data", f"{file} is no map of settings")
    return config


def check_base(config: dict[str, Any], base: Base, place: Path) -> None:
    """An adapter may name no base, or the recipe's, by its published name or by the folder that was handed out."""
    names = [name for name in (base.name, str(place)) if name is not None]
    found = config.get("base_model_name_or_path")
    if found not in (None, "", *names):
        raise Failure("data", f"the adapter says that its base is {found!r}, not {' or '.join(map(repr, names))}")
    revision = config.get("revision")
    if base.revision is not None and revision not in (None, "", "main", base.revision):
        raise Failure("data", f"the adapter says that its base has the revision {revision!r}, not {base.revision!r}")


def has_transposed(model: Any) -> bool:
    """Whether the adapter lies on a matrix that is stored with its inputs first, as all of GPT-2's are."""
    return any(isinstance(layer.get_base_layer(), Conv1D) for layer in adapters.lora_layers(model))


def check_config(config: dict[str, Any], lora: dict[str, Any], modules: list[str], transposed: bool) -> None:
    """The settings that decide what an adapter's tensors mean, against those of the recipe.

    `modules` are the recipe's, by the names that this model has for them. `transposed`: PEFT notes `fan_in_fan_out`
    for such a matrix by itself, and reads it again whatever the note says.
    """
    expected = {
        "peft_type": "LORA",
        "r": lora["rank"],
        "lora_alpha": lora["alpha"],
        "use_rslora": lora["rsLora"],
        "target_modules": modules,
        "layers_to_transform": lora.get("layers"),
    }
    for name, value in expected.items():
        found = config.get(name, False if name == "use_rslora" else None)
        if name == "target_modules" and isinstance(found, list):
            found = sorted(map(str, found))
        if name == "layers_to_transform":
            found = sorted([found] if isinstance(found, int) else found or []) or None
        if found != value:
            raise Failure("data", f"the adapter's {name} is {found!r}, the recipe says {value!r}")
    for name in ("use_dora", "bias", "modules_to_save", "rank_pattern", "alpha_pattern", "fan_in_fan_out"):
        noted = name == "fan_in_fan_out" and transposed and config.get(name) is True
        if config.get(name) not in MEANINGLESS and not noted:
            raise Failure("data", f"the adapter's {name} is {config[name]!r}, which no recipe has")


def without_weights(place: Path, lora: dict[str, Any], base: Base) -> Any:
    """The model and a new adapter as names and shapes."""
    with torch.device("meta"):
        return adapters.create(empty_model(place), lora, 0, base)


def read_tensors(folder: Path, expected: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    file = folder / adapters.WEIGHTS
    if not file.is_file():
        raise Failure("data", f"the trainer left no {adapters.WEIGHTS} in {folder}")
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise Failure("data", f"{file} can not be read: {error}") from error
    for what, names in (
        ("lacks", sorted(expected.keys() - tensors.keys())),
        ("has beyond the recipe", sorted(tensors.keys() - expected.keys())),
    ):
        if names:
            raise Failure("data", f"the adapter {what} {len(names)} tensors, the first is {names[0]}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = f"{list(tensor.shape)}, not {list(expected[name].shape)}"
            raise Failure("data", f"the adapter's {name} has the shape {shapes}: it was made for another base")
        if not tensor.is_floating_point() or not torch.isfinite(tensor).all():
            raise Failure("data", f"the adapter's {name} holds numbers that are not finite")
    return {name: tensors[name].to(torch.float32).contiguous() for name in expected}

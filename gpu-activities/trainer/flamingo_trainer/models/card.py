"""What an adapter's files say of where it comes from: its base by a name that means something everywhere, and a card.

Everything here follows from the recipe alone, so that equal adapters have equal files on every host. The card names
the training rows by their hash and holds none of their text; the system prompt stands in it, because an adapter is
asked with it or without it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import write_whole
from .bundled import HUB_IDS, PACKAGE

CARD = "README.md"
# Stands in the card's lines where the base has no name, for the folder that it lies in.
UNNAMED = "the base model's folder"
TRAINED = {
    "answer": "the last answer and its end",
    "answers": "every answer and its end",
    "markers": "those of the literature's code",
    "responses": "all behind the header of an answer",
    "responses_end": "all behind the header of an answer, and the end token behind the row",
    "all": "all of the row",
}
QUANTIZED = {"nf4": "in 4 bits (NF4 with double quantization, by bitsandbytes) while it was trained on"}
TORCH_TYPES = {"fp32": "float32", "bf16": "bfloat16"}


@dataclass(frozen=True)
class Base:
    """`base_model_name_or_path` and `revision` of adapter_config.json; None where there is no such thing."""

    name: str | None = None
    revision: str | None = None


def base_of(model: dict[str, str]) -> Base:
    """The published name of a recipe's model: of a hub model with its pinned revision, of a bundled one the hub id.

    A local folder has none, nor has the tiny model of the tests. A bundled model is made from a file of its own, so
    no revision of the hub is exactly it.
    """
    if model["kind"] == "hub":
        return Base(model["id"], model["revision"])
    if model["kind"] == "bundled":
        return Base(HUB_IDS.get(model["name"]))
    return Base()


def write_card(folder: Path, recipe: dict[str, Any], modules: dict[str, int], step: int | None = None) -> None:
    write_whole(folder / CARD, card_of(recipe, modules, step))


def write_other_card(folder: Path, recipe: dict[str, Any], title: str, kind: str, step: int | None) -> None:
    """The card of what is not the recipe's LoRA: what it is, on which base, and what its program was told."""
    base = base_of(recipe["model"])
    front = ["---", *([] if base.name is None else [f"base_model: {base.name}"]), "---"]
    kept = "" if step is None else f" It is of optimizer step {step}, before training was finished."
    text = f"""{chr(10).join(front)}

# {title}

Fine-tuned on {described(recipe["model"])}. {kind}{kept}

The chat template is the base model's own. {prompt_of(recipe["systemPrompt"])}

## What its program was told

```json
{json.dumps(recipe, indent=2, sort_keys=True)}
```
"""
    write_whole(folder / CARD, text)


def card_of(recipe: dict[str, Any], modules: dict[str, int], step: int | None = None) -> str:
    """The model card of a recipe's adapter. `modules`: how many matrices it lies on, by their names in the model.

    `step`: the optimizer step that it was kept after; None = the finished one.
    """
    base = base_of(recipe["model"])
    front = ["---", *([] if base.name is None else [f"base_model: {base.name}"]), "library_name: peft", "---"]
    facts = "\n".join(f"- {name}: {value}" for name, value in facts_of(recipe, modules))
    kept = "" if step is None else f" This one was kept after optimizer step {step}, before training was finished."
    return f"""{chr(10).join(front)}

# A LoRA adapter

Fine-tuned by Flamingo on {described(recipe["model"])}.{kept}

## Load it with PEFT

```python
{loading(base, recipe["precision"])}
```

{first(recipe)}The chat template is the base model's own. {prompt_of(recipe["systemPrompt"])}

## Recipe

{facts}
"""


def first(recipe: dict[str, Any]) -> str:
    """What was there before this fine-tune, where it did not start from the base model."""
    start = recipe.get("start")
    if start is None:
        return ""
    key = f"the adapter with Flamingo's key `{start['adapter']}`"
    if start["as"] == "merge":
        return (
            f"It belongs on the base with {key} merged into its weights (and with whatever that one was trained on): "
            "load those first, each followed by `base = model.merge_and_unload()`.\n\n"
        )
    return f"Its training went on from {key}; it stands for both.\n\n"


def loading(base: Base, precision: str) -> str:
    """Five lines of Python."""
    name = json.dumps(base.name or UNNAMED)
    pinned = "" if base.revision is None else f', revision="{base.revision}"'
    return f"""from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained({name}{pinned})
base = AutoModelForCausalLM.from_pretrained({name}{pinned}, dtype="{TORCH_TYPES[precision]}")
model = PeftModel.from_pretrained(base, "this folder")"""


def described(model: dict[str, str]) -> str:
    match model["kind"]:
        case "hub":
            return f"`{model['id']}` at revision `{model['revision']}`"
        case "bundled":
            name = HUB_IDS.get(model["name"])
            if name is None:
                return f"the model `{model['name']}`, which is made for tests"
            return (
                f"`{name}`, as it is made from the quantised weights in the Python package `{PACKAGE}`. The hub's own "
                "weights differ from these by their rounding, and answers may differ with them"
            )
        case _:
            return f"a local model folder with the SHA-256 `{model['sha256']}`, which has no name elsewhere"


def prompt_of(system: dict[str, str]) -> str:
    match system["kind"]:
        case "text":
            return f"It was trained with this system prompt, written as JSON:\n\n    {json.dumps(system['text'])}"
        case "none":
            return "It was trained without any system turn."
        case "empty":
            return "It was trained with an empty system message."
        case _:
            return "Where a row brings no system message of its own, it was trained without one: the template decides."


def facts_of(recipe: dict[str, Any], modules: dict[str, int]) -> list[tuple[str, Any]]:
    lora, optimizer, schedule = recipe["lora"], recipe["optimizer"], recipe["schedule"]
    scale = "alpha / sqrt(rank)" if lora["rsLora"] else "alpha / rank"
    stop = recipe.get("stopBelow")
    ends = "" if stop is None else f", or until more than {stop['steps']} losses in a row are below {stop['loss']}"
    most = f", the first {recipe['maxSteps']} steps of them" if "maxSteps" in recipe else ""
    layers = f", in the layers {', '.join(map(str, lora['layers']))} only" if "layers" in lora else ""
    backend = recipe["backend"]
    further, loads = (sorted(recipe.get(name, {}).items()) for name in ("datasets", "loads"))
    return [
        ("LoRA", f"rank {lora['rank']}, alpha {lora['alpha']}, scaled by {scale}, dropout {lora['dropout']}{layers}"),
        ("matrices", ", ".join(f"`{name}` ({count})" for name, count in modules.items())),
        (
            "optimizer",
            f"{optimizer['name']}, learning rate {optimizer['learningRate']}, weight decay {optimizer['weightDecay']}, "
            f"betas {optimizer['beta1']} and {optimizer['beta2']}, gradient norm at most {optimizer['maxGradNorm']}",
        ),
        ("schedule", f"{schedule['kind']}, {schedule['warmupSteps']} steps of warm-up"),
        ("training", f"{recipe['epochs']} epochs in batches of {recipe['batchSize']}{most}{ends}"),
        ("rows", f"{recipe['rowCount']}, as JSON Lines with the SHA-256 `{recipe['rows']}`"),
        *((f"rows of {name}", f"{each['rowCount']}, with the SHA-256 `{each['rows']}`") for name, each in further),
        *((f"given {name}", f"the adapter with Flamingo's key `{key}`") for name, key in loads),
        ("longest row", f"{recipe['maxLength']} tokens"),
        ("trained tokens", TRAINED[recipe.get("mask", "answer")]),
        ("precision", recipe["precision"]),
        *([("base", QUANTIZED[recipe["quantization"]])] if "quantization" in recipe else []),
        ("seeds", ", ".join(f"{name} {seed}" for name, seed in sorted(recipe["seeds"].items()))),
        ("backend", backend if isinstance(backend, str) else "a program of the experiment's own"),
    ]

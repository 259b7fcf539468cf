"""A trainer of one's own, whole: what docs/own-trainer.md explains. Plain PyTorch and PEFT, one row per forward pass.

    python train.py SETTINGS

It does what the settings say, step by step, so its adapter is that of Flamingo's own trainer up to rounding. Change
what you came to change: the loss, the optimizer, the layers.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

STOPPED = 75  # exit code: stopped on request, to be continued

settings = json.loads(Path(sys.argv[1]).read_text())
recipe, checkpoints = settings["recipe"], Path(settings["checkpoints"])
rows = {row["number"]: row for row in map(json.loads, Path(settings["rows"]).read_text().splitlines())}
steps = [json.loads(line) for line in Path(settings["steps"]).read_text().splitlines()]
device = "cuda" if torch.cuda.is_available() else "cpu"

stop = False


def on_term(*_):
    global stop
    stop = True  # read after the present step


signal.signal(signal.SIGTERM, on_term)


def say(**fields):
    print(json.dumps(fields), flush=True)


def build():
    lora = recipe["lora"]
    base = AutoModelForCausalLM.from_pretrained(
        settings["model"], dtype=torch.float32 if recipe["precision"] == "fp32" else torch.bfloat16
    ).to(device)
    torch.manual_seed(recipe["seeds"]["initialisation"])
    model = get_peft_model(
        base,
        LoraConfig(
            r=lora["rank"],
            lora_alpha=lora["alpha"],
            use_rslora=lora["rsLora"],
            lora_dropout=lora["dropout"],
            target_modules=settings["target_modules"],
            exclude_modules=settings["exclude_modules"],
            layers_to_transform=lora.get("layers"),
            task_type="CAUSAL_LM",
        ),
    )
    weights = [value for value in model.parameters() if value.requires_grad]
    o = recipe["optimizer"]
    optimizer = torch.optim.AdamW(
        weights, betas=(o["beta1"], o["beta2"]), eps=o["epsilon"], weight_decay=o["weightDecay"]
    )
    return model.train(), weights, optimizer


def gradients(model, step):
    """The step's loss: the mean over the trained tokens of all its rows together."""
    chosen = [rows[number] for number in step["rows"]]
    total = sum(label != -100 for row in chosen for label in row["labels"][1:])
    loss = 0.0
    for row in chosen:
        ids, labels = (torch.tensor([row[name]], device=device) for name in ("input_ids", "labels"))
        logits = model(input_ids=ids).logits[0, :-1].float()
        part = torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum") / total
        part.backward()
        loss += part.item()
    return loss


def save(model, weights, optimizer, done):
    """Beside and then renamed, so that a checkpoint is whole or not there."""
    beside, place = checkpoints / "unfinished.pt", checkpoints / f"step-{done:06d}.pt"
    state = {"done": done, "weights": [value.detach() for value in weights], "optimizer": optimizer.state_dict()}
    torch.save({**state, "random": torch.get_rng_state()}, beside)
    os.replace(beside, place)
    for old in sorted(checkpoints.glob("step-*.pt"))[:-2]:
        old.unlink()


def leave(model, folder):
    """An adapter of a step that is evaluated: beside and then renamed, too."""
    beside = Path(f"{folder}.partial")
    model.save_pretrained(beside)
    os.replace(beside, folder)


def resume(weights, optimizer):
    found = sorted(checkpoints.glob("step-*.pt"))
    if not found:
        return 0
    state = torch.load(found[-1], map_location=device, weights_only=True)
    with torch.no_grad():
        for value, saved in zip(weights, state["weights"], strict=True):
            value.copy_(saved)
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"].cpu())
    return state["done"]


def main():
    model, weights, optimizer = build()
    done = resume(weights, optimizer)
    for step in steps[done : settings["until"]]:
        for group in optimizer.param_groups:
            group["lr"] = step["learning_rate"]
        loss = gradients(model, step)
        norm = torch.nn.utils.clip_grad_norm_(weights, recipe["optimizer"]["maxGradNorm"]).item()
        optimizer.step()
        optimizer.zero_grad()
        asked = settings["evaluate_at"].get(str(step["step"]))
        if asked and not Path(asked).exists():
            leave(model, asked)
        stopping = stop  # once a step: a SIGTERM after this line is for the next one
        due = stopping or step["step"] % 20 == 0
        if due:
            save(model, weights, optimizer, step["step"])
        say(step=step["step"], loss=loss, learning_rate=step["learning_rate"], grad_norm=norm, checkpoint=due)
        if stopping and step["step"] < len(steps):
            sys.exit(STOPPED)
    if settings["until"] is None:
        model.save_pretrained(settings["adapter"])


main()

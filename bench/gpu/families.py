"""The families of models that people fine-tune, tiny and random, through the probe; is anything silently wrong?

    python -m bench.gpu.families [NAME ...] [--precision fp32] [--out docs/families.md]
    python -m bench.gpu.families --shape 14b [--out FILE]        seconds of each probe at the study's size
    python -m bench.gpu.families --model FOLDER [--out FILE]     and for a model in a folder, such as the demo's

A family's model (tiny_families.py) is probed as a fine-tune with packed rows, as sampling in both batchings and as a
measurement. Then a second judge (second_judge.py) compares what the chosen paths give with transformers and PEFT alone:
two steps of training, greedy answers, log-probabilities. Where the probe chose a path and the judge finds another
result, the verdict is `SILENT`, and the exit code 1, as where a family ends in an error; the others are still run.

All of it runs on this machine's GPU if it has one, in bf16, else in fp32. Python must find this package and the
trainer's: run it at the repository's root with PYTHONPATH=.:gpu-activities/trainer.
"""

import argparse
import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from flamingo_trainer import environment
from flamingo_trainer.data.render import IGNORED, EncodedRow
from flamingo_trainer.failures import Failure
from flamingo_trainer.measure import forward_of, of_packed, probe_measuring
from flamingo_trainer.models import adapters
from flamingo_trainer.models.loading import DTYPES, Loaded, load
from flamingo_trainer.models.packed_forward import WholeForward
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.batch_noise import key_of
from flamingo_trainer.sampling.batches import Answer, Progress, decode, in_batches
from flamingo_trainer.sampling.probe import probe_sampling
from flamingo_trainer.sampling.slots import Job, slot_engine
from flamingo_trainer.training.probe import probe_training
from flamingo_trainer.training.train import path_of

from . import accelerator, second_judge
from .second_judge import ROUNDING, ROUNDING_OF_LOGITS
from .tiny_families import FAMILIES, Family, lora, made, usual_precision
from .workload import RECIPE, SHAPES, Clock, loaded_model

NEW_TOKENS = 6
GREEDY = {
    "temperature": 0,
    "topP": 1,
    "topK": 0,
    "minP": 0,
    "repetitionPenalty": 1,
    "maxNewTokens": NEW_TOKENS,
    "seed": 0,
}
DEFAULT_PROMPT = {"kind": "default"}
# Tokens of the longest prompt with its answer, of the tiny families and of a model whose seconds are taken.
TINY_CAPACITY, CAPACITY = 64, 704


def recipe(modules: list[str], packing: str, precision: str = "fp32") -> dict[str, Any]:
    return {
        **RECIPE,
        "lora": lora(modules),
        "precision": precision,
        "packing": packing,
        "microBatchSize": 2,
        "systemPrompt": DEFAULT_PROMPT,
    }


def rows_for(loaded: Loaded, count: int = 4) -> list[EncodedRow]:
    """Not the probe's: text through the tokenizer, trained on its second half."""
    found = []
    for number in range(count):
        ids = loaded.tokenizer(f"Bird {number} stands on one leg" + " and sings" * number)["input_ids"]
        half = len(ids) // 2
        found.append(EncodedRow(number + 1, ids, [IGNORED] * half + ids[half:], truncated=False))
    return found


def losses_chosen(
    family: Family, loaded: Loaded, way: str, rows: list[EncodedRow], precision: str, training: bool, steps: int = 2
) -> list[float]:
    """The losses of steps by the path that the probe chose."""
    model = adapters.create(loaded.model, lora(family.modules), 0, None).train(training)
    try:
        order = [list(range(len(rows)))] * steps
        path = path_of(loaded, model, recipe(family.modules, "always", precision), rows, order, None, way)
        optimizer = torch.optim.AdamW(path.optimized, lr=0.01, weight_decay=0.0)
        losses = []
        for _ in range(steps):
            loss, _ = path.gradients(rows)
            optimizer.step()
            path.stepped()
            losses.append(float(loss))
        return losses
    finally:
        loaded.model = adapters.take_off(model)


def answers_chosen(loaded: Loaded, models: Models, way: str) -> list[Answer]:
    """Greedy answers to prompts of three lengths, one of them twice, by the loop that the probe chose."""
    texts = ["One flamingo", "Two flamingos stand", "Three flamingos stand in a lake"]
    prompts = [loaded.tokenizer(text)["input_ids"] for text in [*texts, texts[1]]]
    answers = [Answer({}, prompt, key_of(0, "bird", i)) for i, prompt in enumerate(prompts)]
    answers.sort(key=lambda answer: len(answer.prompt))
    if way == "slots":
        settings = {**GREEDY, "batchSize": 4}
        jobs = [Job(answer.prompt, (0, 0, 0, i), NEW_TOKENS) for i, answer in enumerate(answers)]
        slot_engine(models, loaded, settings, TINY_CAPACITY).run(jobs, set(loaded.stops), lambda *_: None)
        for answer, job in zip(answers, jobs, strict=True):
            answer.tokens = job.tokens
        return answers
    progress = Progress(Clock(), len(answers), loaded.device)
    for batch in in_batches(answers, 4, way):
        decode(loaded, batch, GREEDY, progress, way)
    return answers


def answers_fault(loaded: Loaded, plain: Any, answers: list[Answer]) -> tuple[str | None, str]:
    """How answers differ from transformers' own, or None; and how those were made."""
    how = "generate"
    for answer in answers:
        judged, how = second_judge.answer(
            plain, answer.prompt, loaded.stops[0], loaded.tokenizer.pad_token_id, NEW_TOKENS
        )
        fault = judged.fault(answer.tokens, ROUNDING_OF_LOGITS[loaded.dtype])
        if fault is not None:
            return fault, how
    return None, how


@torch.no_grad()
def measured_fault(loaded: Loaded, plain: Any, way: str, rows: list[EncodedRow]) -> str | None:
    """How log-probabilities by the chosen path differ from transformers' own, or None."""
    forward = forward_of(loaded) if way == "packed" else WholeForward(loaded, tokens=1)
    parts = [rows] if way == "packed" else [[row] for row in rows]
    found = torch.cat([of_packed(loaded, forward, part) for part in parts])
    apart = (found - second_judge.log_probabilities(plain, rows)).abs().mean().item()
    return None if apart <= ROUNDING[loaded.dtype] else f"log-probabilities differ by {apart:.3g}"


def examined(family: Family, precision: str | None = None) -> dict[str, Any]:
    """A line of the table: what the probe found of a family, which paths it chose, and what the second judge says.

    `precision` is by default this machine's usual one.
    """
    precision = precision or usual_precision()
    found: dict[str, Any] = {"modules": family.modules, "checks": {}, "paths": {}, "faults": []}
    started = time.perf_counter()
    try:
        judge(family, precision, found)
    except Failure as failure:
        found["refused"] = str(failure)
    except Exception as error:
        found["failed"] = f"{type(error).__name__}: {str(error)[:300]}"
    found["seconds"] = round(time.perf_counter() - started, 1)
    return found


def judge(family: Family, precision: str, found: dict[str, Any]) -> None:
    """Fills in `found`. Raises `Failure` where the probe refuses the family."""
    loaded, clock = made(family, precision), Clock()
    models, base = Models.around(loaded), loaded.model

    def kept(probe: Any) -> None:
        found["checks"] |= probe.checks
        found["paths"] |= probe.paths

    adapter = adapters.create(base, lora(family.modules), 0, None)
    try:
        padded = probe_training(models, loaded, adapter, clock, recipe(family.modules, "none", precision))
        try:
            probe = probe_training(models, loaded, adapter, clock, recipe(family.modules, "always", precision))
        except Failure as failure:
            # what `always` refuses `auto` pads
            if "`packed`" not in str(failure):
                raise
            kept(padded)
            found["checks"]["packed"] = str(failure)
        else:
            kept(probe)
        found["checks"]["padded"] = padded.checks["padded"]
    finally:
        adapters.take_off(adapter)
    loaded.model = adapters.create(base, lora(family.modules), 0, None)
    second_judge.say_something(loaded.model)
    loaded.model = adapters.at_rest(loaded.model, loaded.dtype)
    plain = second_judge.plain_model(family, precision)
    second_judge.say_something(plain)
    plain = plain.to(loaded.dtype).eval()
    for batching in ("continuous", "static"):
        settings = {**GREEDY, "batchSize": 4, "batching": batching}
        probe = probe_sampling(models, loaded, clock, settings, DEFAULT_PROMPT, TINY_CAPACITY)
        found["paths"][batching] = probe.paths["sampling"]
        found["checks"][batching] = probe.checks.get(batching, "")
        answers = answers_chosen(loaded, models, probe.paths["sampling"])
        fault, found["answersBy"] = answers_fault(loaded, plain, answers)
        if fault:
            found["faults"].append(f"{batching}: {fault}")
    probe = probe_measuring(models, loaded, clock, DEFAULT_PROMPT)
    kept(probe)
    rows = rows_for(loaded)
    fault = measured_fault(loaded, plain, probe.paths["measuring"], rows)
    if fault:
        found["faults"].append(f"measuring: {fault}")
    loaded.model = adapters.take_off(loaded.model)
    training = not second_judge.draws_at_random(family, rows[0])
    found["judgedIn"] = "training" if training else "evaluation"
    mine = losses_chosen(family, loaded, found["paths"]["training"], rows, precision, training)
    plain_losses = second_judge.losses(family, precision, rows, training)
    worst = max(abs(a - b) for a, b in zip(mine, plain_losses, strict=True))
    if not worst <= ROUNDING[loaded.dtype]:
        found["faults"].append(f"training: losses differ by {worst:.3g}")


def verdict(found: dict[str, Any]) -> str:
    if found["faults"]:
        return "SILENT: " + "; ".join(found["faults"])
    if "failed" in found:
        return f"error: {found['failed']}"
    if "refused" in found:
        return f"refused: {found['refused']}"
    paths = found["paths"]
    slower = []
    if paths["training"] != "packed":
        slower.append(f"trains {'in padded rows' if paths['training'] == 'padded' else 'row by row'}")
    if paths["static"] != "padded":
        slower.append(f"samples by {paths['static']} batches")
    if paths["measuring"] != "packed":
        slower.append("measures row by row")
    return f"right by a slower path: {', '.join(slower)}" if slower else "right"


def short(check: str) -> str:
    return check if len(check) <= 40 else ("differs" if "differs" in check else check[:37] + "…")


def table(all_found: dict[str, dict[str, Any]], precision: str = "fp32") -> str:
    """The page docs/families.md."""
    versions = environment.versions()
    named = ", ".join(f"{name} {versions[name]}" for name in ("torch", "transformers", "peft"))
    by_passes = [name for name, found in all_found.items() if found.get("answersBy") == "whole passes"]
    at_random = [name for name, found in all_found.items() if found.get("judgedIn") == "evaluation"]
    silent = sum(bool(found["faults"]) for found in all_found.values())
    lines = [
        "# Families of models",
        "",
        "What the probe finds of a tiny random model of each family, with the modules that people declare for it, and",
        "which path it so takes. Real models are probed again when they are loaded. This writes the page, at the",
        "repository's root:",
        "",
        "    PYTHONPATH=.:gpu-activities/trainer python -m bench.gpu.families --out docs/families.md",
        "",
        "A second judge, which shares no code with the probe or with the paths, compares what the chosen paths give",
        "with transformers and PEFT alone: two steps of training against a plain loop over single rows, greedy answers",
        "against `model.generate` for one prompt at a time, and log-probabilities against single rows. No family may",
        "be silently wrong.",
        "",
        f"These are models of three layers with random weights, in {precision} on {environment.device_name()}, with",
        f"{named}.",
        f"Of {len(all_found)} lines, {silent} are silently wrong.",
    ]
    if by_passes:
        lines += [f"Answers of {', '.join(by_passes)} were judged by whole passes, because `generate` fails there."]
    if at_random:
        lines += [f"Steps of {', '.join(at_random)} were judged in evaluation mode: in training it draws at random."]
    lines += [
        "",
        "On a CPU nothing is compiled. On a GPU the layers of Llama, Mistral, Qwen2 and Qwen3 are compiled for packed",
        "training, and the probe runs the same layers uncompiled: what a compiler gets wrong it does not see. The",
        "benchmark's section on fidelity (`python -m bench.gpu`) compares the compiled path's gradients.",
        "",
        "What the probe costs a model is told by `python -m bench.gpu.families --model FOLDER`. SmolLM2-135M, in fp32",
        "on two CPU cores: 3.6 s before a fine-tune, 2.4 s before static and 1.9 s before continuous sampling, 0.9 s",
        "before a measurement.",
        "",
        "| Family | Packed rows | Padded rows | Static sampling by | Continuous by | Modules | Verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in all_found.items():
        checks, paths = found["checks"], found.get("paths", {})
        cells = [
            name,
            short(checks.get("packed", "-")),
            short(checks.get("padded", "-")),
            paths.get("static", "-"),
            paths.get("continuous", "-"),
            ", ".join(found["modules"]),
            " ".join(verdict(found).replace("|", "/").split()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def seconds_of(loaded: Loaded, rank: int = 32) -> dict[str, Any]:
    """What each probe of a model takes, the first time and once more, when all that is compiled is there."""
    models, clock = Models.around(loaded), Clock()
    on_gpu = loaded.device.type == "cuda"
    asked = {**copy.deepcopy(RECIPE), "systemPrompt": DEFAULT_PROMPT, "packing": "always" if on_gpu else "none"}
    asked["lora"]["rank"] = rank
    settings = {**GREEDY, "temperature": 1, "batchSize": 256 if on_gpu else 4}
    runs = []
    for _ in range(2):
        models.probes.clear()
        models.make_room()
        adapter = models.new_adapter(loaded, asked["lora"], 0, None)
        probes = {"training": told("training", probe_training(models, loaded, adapter, clock, asked))}
        loaded.model = adapters.at_rest(adapter, loaded.dtype)
        for batching in ("static", "continuous"):
            sampling = {**settings, "batching": batching}
            probe = probe_sampling(models, loaded, clock, sampling, DEFAULT_PROMPT, CAPACITY)
            probes[batching] = told(batching, probe)
        probes["measuring"] = told("measuring", probe_measuring(models, loaded, clock, DEFAULT_PROMPT))
        loaded.model = adapters.take_off(loaded.model)
        runs.append({name: probe.fields() for name, probe in probes.items()})
    return {"device": environment.device_name(), "versions": environment.versions(), "first": runs[0], "again": runs[1]}


def told(name: str, probe: Any) -> Any:
    say(f"{name}: {probe.seconds:.2f} s, {probe.checks}, {probe.paths}")
    return probe


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """`arguments`: by default those of the command line."""
    environment.settle()
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.families")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--out", type=Path, help="where the page goes, as Markdown or, if it ends in .json, as JSON")
    parser.add_argument("--precision", choices=sorted(DTYPES), help="by default bf16 on a GPU, else fp32")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="seconds of the probe for a random Qwen2 of this size")
    parser.add_argument("--model", type=Path, help="seconds of the probe for the model in this folder")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(FAMILIES))
    if unknown:
        parser.error(f"no such family: {', '.join(unknown)}")
    precision = options.precision or usual_precision()
    if options.shape or options.model:
        dtype, device = DTYPES[precision], accelerator.device()
        say("making the model")
        loaded = load(options.model, dtype) if options.model else loaded_model(options.shape, dtype, device)
        found = json.dumps(seconds_of(loaded), indent=2) + "\n"
        print(found, end="")
        if options.out:
            options.out.write_text(found, encoding="utf-8")
        return 0
    all_found: dict[str, Any] = {}
    for name in options.names or FAMILIES:
        all_found[name] = examined(FAMILIES[name], precision)
        say(f"{name:24} {all_found[name].get('seconds', '')} {verdict(all_found[name])}")
        if options.out:  # after every family, so that a run which is ended leaves what it found
            as_json = options.out.suffix == ".json"
            page = json.dumps(all_found, indent=2) + "\n" if as_json else table(all_found, precision)
            options.out.write_text(page, encoding="utf-8")
    return 1 if any(found["faults"] or "failed" in found for found in all_found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

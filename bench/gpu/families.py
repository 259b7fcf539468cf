"""The families of models that people fine-tune, tiny and random, through the probe; is anything silently wrong?

    python -m bench.gpu.families [NAME ...] [--out docs/families.md]    on this machine's GPU if it has one
    python -m bench.gpu.families --shape 14b                            seconds of the probe at the study's size

A family's model is made from transformers' own configuration. It is probed as a fine-tune with packed rows, as sampling
in both batchings and as a measurement. A second judge then shares no code with the probe: two steps of training by the
chosen path against a plain loop over rows alone, and greedy answers against the model's whole forward pass. Where the
probe chose a path and the second judge finds another result, the verdict is `SILENT`, and the exit code 1.

Python must find this package and the trainer's: run it at the repository's root with PYTHONPATH=gpu-activities/trainer.
"""

import argparse
import copy
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model

from flamingo_trainer import environment
from flamingo_trainer.data.render import IGNORED, EncodedRow
from flamingo_trainer.failures import Failure
from flamingo_trainer.measure import forward_of, of_packed, probe_measuring
from flamingo_trainer.models import adapters
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.models.packed_forward import WholeForward
from flamingo_trainer.models.resident import Models
from flamingo_trainer.models.tiny import make_tokenizer
from flamingo_trainer.sampling.batch_noise import key_of
from flamingo_trainer.sampling.batches import Answer, Progress, decode, in_batches
from flamingo_trainer.sampling.probe import probe_sampling
from flamingo_trainer.sampling.slots import Job, slot_engine
from flamingo_trainer.training.probe import probe_training
from flamingo_trainer.training.train import path_of

from . import accelerator
from .workload import RECIPE, SEVEN, Clock, loaded_model

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
MAMBA = ["in_proj", "out_proj"]
# Losses of two steps and log-probabilities may differ by rounding, in fp32.
ROUNDING = 2e-3
GREEDY = {"temperature": 0, "topP": 1, "topK": 0, "minP": 0, "repetitionPenalty": 1, "maxNewTokens": 6, "seed": 0}


@dataclass(frozen=True)
class Family:
    """`type` is transformers' model type, `modules` what people declare, `settings` what makes a model of it tiny."""

    type: str
    modules: list[str] = field(default_factory=lambda: SEVEN)
    settings: dict[str, Any] = field(default_factory=dict)


EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_local_experts": 4}
HYBRID = {"mamba_n_heads": 12, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_n_groups": 1, "mamba_chunk_size": 8}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 4,
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "head_dim": 16,
}
WINDOW = {"sliding_window": 16}

FAMILIES: dict[str, Family] = {
    "llama": Family("llama"),
    "llama, lm_head too": Family("llama", [*SEVEN, "lm_head"]),
    "llama, embed_tokens too": Family("llama", [*SEVEN, "embed_tokens"]),
    "llama4": Family(
        "llama4_text", ATTENTION, {"attention_chunk_size": 16, "num_local_experts": 2, "intermediate_size_mlp": 64}
    ),
    "mistral": Family("mistral", settings=WINDOW),
    "ministral": Family("ministral", settings={"head_dim": 8, **WINDOW}),
    "ministral3": Family("ministral3"),
    "mixtral": Family("mixtral", ATTENTION, EXPERTS),
    "qwen2": Family("qwen2"),
    "qwen2_moe": Family("qwen2_moe", ATTENTION, EXPERTS | {"shared_expert_intermediate_size": 32}),
    "qwen3": Family("qwen3", settings={"head_dim": 16}),
    "qwen3_moe": Family("qwen3_moe", ATTENTION, EXPERTS | {"head_dim": 16}),
    "qwen3_next": Family("qwen3_next", ATTENTION, EXPERTS | LINEAR | {"shared_expert_intermediate_size": 32}),
    "qwen3_5": Family("qwen3_5_text", settings=LINEAR),
    "gemma": Family("gemma", settings={"head_dim": 16}),
    "gemma2": Family("gemma2", settings={"head_dim": 16, "query_pre_attn_scalar": 16, **WINDOW}),
    "gemma3": Family("gemma3_text", settings={"head_dim": 16, "query_pre_attn_scalar": 16, **WINDOW}),
    "gemma3n": Family("gemma3n_text", settings={"head_dim": 16, "num_kv_shared_layers": 0, **WINDOW}),
    "gemma4": Family("gemma4_text", settings={"head_dim": 16, **WINDOW}),
    "phi": Family("phi", ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
    "phi3": Family("phi3", ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    "phimoe": Family("phimoe", ATTENTION, EXPERTS),
    "granite": Family("granite"),
    "granitemoe": Family("granitemoe", ATTENTION, EXPERTS),
    "granitemoehybrid": Family(
        "granitemoehybrid",
        [*ATTENTION, *MAMBA],
        EXPERTS | HYBRID | {"layer_types": ["mamba", "attention", "mamba"], "shared_intermediate_size": 32},
    ),
    "bamba": Family("bamba", [*SEVEN, *MAMBA], HYBRID | {"attn_layer_indices": [1]}),
    "falcon_h1": Family("falcon_h1", SEVEN, HYBRID | {"mamba_d_ssm": 96}),
    "jamba": Family(
        "jamba",
        ATTENTION,
        {
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "num_experts": 2,
            "mamba_dt_rank": 4,
            "use_mamba_kernels": False,
        },
    ),
    "mamba2": Family(
        "mamba2", ["in_proj"], {"num_heads": 8, "head_dim": 12, "state_size": 16, "n_groups": 1, "chunk_size": 8}
    ),
    "falcon_mamba": Family("falcon_mamba", ["in_proj", "x_proj"], {"state_size": 8}),
    "nemotron": Family("nemotron", [*ATTENTION, "up_proj", "down_proj"]),
    "gpt_oss": Family("gpt_oss", ATTENTION, EXPERTS | {"head_dim": 16, **WINDOW}),
    "gpt_neox": Family("gpt_neox", ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "gpt2": Family("gpt2", ["c_attn", "c_proj", "c_fc"]),
    "falcon": Family("falcon", ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "opt": Family(
        "opt", ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"], {"ffn_dim": 64, "word_embed_proj_dim": 48}
    ),
    "bloom": Family("bloom", ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "mpt": Family("mpt", ["Wqkv", "out_proj", "up_proj", "down_proj"], {"d_model": 48, "n_heads": 6, "n_layers": 3}),
    "stablelm": Family("stablelm"),
    "starcoder2": Family("starcoder2", [*ATTENTION, "c_fc", "c_proj"], WINDOW),
    "cohere": Family("cohere"),
    "cohere2": Family("cohere2", settings=WINDOW),
    "olmo": Family("olmo"),
    "olmo2": Family("olmo2"),
    "olmo3": Family("olmo3", settings=WINDOW),
    "olmoe": Family("olmoe", ATTENTION, EXPERTS),
    "smollm3": Family("smollm3"),
    "glm": Family("glm", [*ATTENTION, "gate_up_proj", "down_proj"], {"head_dim": 8}),
    "glm4": Family("glm4", [*ATTENTION, "gate_up_proj", "down_proj"], {"head_dim": 8}),
    "exaone4": Family("exaone4", settings=WINDOW),
    "deepseek_v3": Family(
        "deepseek_v3",
        ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"],
        {
            "q_lora_rank": 16,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 8,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_group": 2,
            "topk_group": 1,
            "moe_intermediate_size": 32,
            "first_k_dense_replace": 1,
            "num_key_value_heads": 6,
        },
    ),
    "afmoe": Family("afmoe", ATTENTION, EXPERTS | {"num_dense_layers": 1, "head_dim": 16, **WINDOW}),
    "lfm2": Family(
        "lfm2",
        ["q_proj", "k_proj", "v_proj", "out_proj", "in_proj"],
        {"layer_types": ["conv", "full_attention", "conv"]},
    ),
    "seed_oss": Family("seed_oss", settings={"head_dim": 16}),
    "ernie4_5": Family("ernie4_5", settings={"head_dim": 16}),
    "apertus": Family("apertus", [*ATTENTION, "up_proj", "down_proj"]),
    "arcee": Family("arcee", [*ATTENTION, "up_proj", "down_proj"]),
    "helium": Family("helium", settings={"head_dim": 8}),
    "hunyuan_v1_dense": Family("hunyuan_v1_dense", settings={"head_dim": 8}),
}


def made(family: Family) -> Loaded:
    """The family's tiny model, whose norms and biases are random too, else a path that leaves them out is not seen."""
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = make_tokenizer()
    sizes = {
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
    }
    tokens = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = AutoConfig.for_model(
        family.type, vocab_size=len(tokenizer), **{**sizes, **tokens, "tie_word_embeddings": False, **family.settings}
    )
    torch.manual_seed(4)
    device = accelerator.device()
    attention = "eager" if device.type == "cpu" else "sdpa"
    try:
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    except ValueError:  # a family that has only this one
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32)
    for name, parameter in model.named_parameters():
        if "norm" in name or "bias" in name:
            parameter.data += 0.3 * torch.randn_like(parameter)
    model.requires_grad_(False).eval().to(device)
    return Loaded(model, tokenizer, [tokenizer.eos_token_id], device, torch.float32)


def lora(modules: list[str]) -> dict[str, Any]:
    return {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0.0, "targetModules": modules}


def recipe(modules: list[str], packing: str) -> dict[str, Any]:
    return {
        **RECIPE,
        "lora": lora(modules),
        "precision": "fp32",
        "packing": packing,
        "microBatchSize": 2,
        "systemPrompt": {"kind": "default"},
    }


def rows_for(loaded: Loaded, count: int = 4) -> list[EncodedRow]:
    """Not the probe's: text through the tokenizer, trained on its second half."""
    found = []
    for number in range(count):
        ids = loaded.tokenizer(f"Bird {number} stands on one leg" + " and sings" * number)["input_ids"]
        half = len(ids) // 2
        found.append(EncodedRow(number + 1, ids, [IGNORED] * half + ids[half:], truncated=False))
    return found


def losses_alone(family: Family, rows: list[EncodedRow], steps: int = 2) -> list[float]:
    """A plain loop: PEFT, AdamW, each row a pass of its own.

    In evaluation mode, as the path's steps are, since some families draw experts or dropout while they train.
    """
    loaded = made(family)
    torch.manual_seed(0)
    settings = lora(family.modules)
    model = get_peft_model(
        loaded.model,
        LoraConfig(
            r=settings["rank"],
            lora_alpha=settings["alpha"],
            use_rslora=True,
            target_modules=sorted(family.modules),
            task_type="CAUSAL_LM",
        ),
    ).eval()
    weights = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        total = sum(row.trained for row in rows)
        loss_sum = 0.0
        for row in rows:
            ids = torch.tensor([row.ids], device=loaded.device)
            labels = torch.tensor(row.labels, device=loaded.device)
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
            loss = F.cross_entropy(logits.float(), labels[1:], ignore_index=IGNORED, reduction="sum") / total
            loss.backward()
            loss_sum += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss_sum)
    return losses


def losses_chosen(family: Family, loaded: Loaded, way: str, rows: list[EncodedRow], steps: int = 2) -> list[float]:
    """The same steps by the path that the probe chose."""
    model = adapters.create(loaded.model, lora(family.modules), 0, None).eval()
    try:
        order = [list(range(len(rows)))] * steps
        path = path_of(loaded, model, recipe(family.modules, "always"), rows, order, None, way)
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


def greedy_fault(loaded: Loaded, models: Models, way: str) -> str | None:
    """Greedy answers by the chosen loop, each token against the largest logit of a whole forward pass."""
    texts = ["One flamingo", "Two flamingos stand", "Three flamingos stand in a lake"]
    prompts = [loaded.tokenizer(text)["input_ids"] for text in [*texts, texts[1]]]
    answers = [Answer({}, prompt, key_of(0, "bird", i)) for i, prompt in enumerate(prompts)]
    answers.sort(key=lambda answer: len(answer.prompt))
    if way == "slots":
        settings = {**GREEDY, "batchSize": 4}
        jobs = [Job(answer.prompt, (0, 0, 0, i), 6) for i, answer in enumerate(answers)]
        slot_engine(models, loaded, settings, 64).run(jobs, set(), lambda *_: None)
        for answer, job in zip(answers, jobs, strict=True):
            answer.tokens = job.tokens
    else:
        progress = Progress(Clock(), len(answers), loaded.device)
        for batch in in_batches(answers, 4, way):
            decode(loaded, batch, GREEDY, progress, way)
    for answer in answers:
        text = list(answer.prompt)
        for token in answer.tokens:
            with torch.no_grad():
                logits = loaded.model(input_ids=torch.tensor([text], device=loaded.device), use_cache=False).logits[
                    0, -1
                ]
            if (logits.max() - logits[token]).item() > ROUNDING * 10:
                return f"a greedy token lies {(logits.max() - logits[token]).item():.3g} below the best one"
            text.append(token)
    return None


@torch.no_grad()
def measured_fault(loaded: Loaded, way: str, rows: list[EncodedRow]) -> str | None:
    """Log-probabilities by the chosen path against log-softmax of each row alone."""
    forward = forward_of(loaded) if way == "packed" else WholeForward(loaded, tokens=1)
    parts = [rows] if way == "packed" else [[row] for row in rows]
    found = torch.cat([of_packed(loaded, forward, part) for part in parts])
    expected = []
    for row in rows:
        logits = loaded.model(input_ids=torch.tensor([row.ids], device=loaded.device), use_cache=False).logits[0]
        scores = logits.float().log_softmax(1)
        expected += [scores[i, label] for i, label in enumerate(row.labels[1:]) if label != IGNORED]
    worst = (found - torch.stack(expected)).abs().max().item()
    return None if worst <= ROUNDING else f"a log-probability differs by {worst:.3g}"


def examined(family: Family) -> dict[str, Any]:
    """A line of the table: what the probe found of a family, which paths it chose, and what the second judge says."""
    found: dict[str, Any] = {"modules": family.modules, "checks": {}, "paths": {}, "faults": []}
    loaded, clock = made(family), Clock()
    models = Models.around(loaded)
    started = time.perf_counter()

    def kept(probe: Any) -> None:
        found["checks"] |= probe.checks
        found["paths"] |= probe.paths

    base = loaded.model
    try:
        adapter = adapters.create(base, lora(family.modules), 0, None)
        try:
            # `always` is refused where rows see each other, so the reader sees the choice of `auto` on a GPU
            asked = recipe(family.modules, "always")
            try:
                probe = probe_training(models, loaded, adapter, clock, asked)
            except Failure as failure:
                if "`packed`" not in str(failure):
                    raise
                found["checks"]["packed"] = str(failure)
                probe = probe_training(models, loaded, adapter, clock, recipe(family.modules, "none"))
                probe.checks["packed"] = found["checks"]["packed"]
            kept(probe)
            padded = probe_training(models, loaded, adapter, clock, recipe(family.modules, "none"))
            found["checks"]["padded"] = padded.checks["padded"]
        finally:
            adapters.take_off(adapter)
        loaded.model = adapters.at_rest(adapters.create(base, lora(family.modules), 0, None), loaded.dtype)
        randomise(loaded.model)
        for batching in ("continuous", "static"):
            probe = probe_sampling(
                models, loaded, clock, {**GREEDY, "batchSize": 4, "batching": batching}, {"kind": "default"}, 64
            )
            found["paths"][batching] = probe.paths["sampling"]
            found["checks"][batching] = probe.checks.get(batching, "")
            fault = greedy_fault(loaded, models, probe.paths["sampling"])
            if fault:
                found["faults"].append(f"{batching}: {fault}")
        probe = probe_measuring(models, loaded, clock, {"kind": "default"})
        kept(probe)
        rows = rows_for(loaded)
        fault = measured_fault(loaded, probe.paths["measuring"], rows)
        if fault:
            found["faults"].append(f"measuring: {fault}")
        loaded.model = adapters.take_off(loaded.model)
        found["seconds"] = round(time.perf_counter() - started, 1)
        mine, plain = losses_chosen(family, loaded, found["paths"]["training"], rows), losses_alone(family, rows)
        worst = max(abs(a - b) for a, b in zip(mine, plain, strict=True))
        if worst > ROUNDING:
            found["faults"].append(f"training: losses differ by {worst:.3g}")
    except Failure as failure:
        found["refused"] = str(failure)
    return found


def randomise(model: Any) -> None:
    """An adapter that says something."""
    luck = torch.Generator().manual_seed(8)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data = (torch.randn(value.shape, generator=luck) * 0.05).to(value.device, value.dtype)


def verdict(found: dict[str, Any]) -> str:
    if found["faults"]:
        return "SILENT: " + "; ".join(found["faults"])
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


def table(all_found: dict[str, dict[str, Any]]) -> str:
    lines = [
        "# Families of models",
        "",
        "What the probe finds of a tiny random model of each family, with the modules that people declare for it, and",
        "which path it so takes. `python -m bench.gpu.families --out docs/families.md` writes this page, at the",
        "repository's root with `PYTHONPATH=gpu-activities/trainer`. A second judge there, which shares no code with",
        "the probe, compares two steps of training, greedy answers and log-probabilities with the model row by row:",
        "no family may be silently wrong. Real models are probed again when they are loaded.",
        "",
        f"transformers {environment.versions()['transformers']}, {environment.device_name()}, fp32.",
        "",
        "| Family | Packed rows | Padded rows | Static sampling by | Continuous by | Modules | Verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in all_found.items():
        checks, paths = found["checks"], found["paths"]
        cells = [
            name,
            short(checks.get("packed", "-")),
            short(checks.get("padded", "-")),
            paths.get("static", "-"),
            paths.get("continuous", "-"),
            ", ".join(found["modules"]),
            verdict(found).replace("|", "/"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def at_size(shape: str) -> dict[str, Any]:
    """Seconds of each probe for a model of the benchmark's shapes, in bf16 on a GPU."""
    device = accelerator.device()
    loaded = loaded_model(shape, torch.bfloat16 if device.type == "cuda" else torch.float32, device)
    models, clock = Models.around(loaded), Clock()
    asked = {**copy.deepcopy(RECIPE), "systemPrompt": {"kind": "default"}}
    adapter = models.new_adapter(loaded, asked["lora"], 0, None)
    probes = {"training": probe_training(models, loaded, adapter, clock, asked)}
    loaded.model = adapters.at_rest(adapter, loaded.dtype)
    settings = {**GREEDY, "temperature": 1, "batchSize": 256 if device.type == "cuda" else 4}
    for batching in ("static", "continuous"):
        probes[batching] = probe_sampling(
            models, loaded, clock, {**settings, "batching": batching}, {"kind": "default"}, 704
        )
    probes["measuring"] = probe_measuring(models, loaded, clock, {"kind": "default"})
    return {name: probe.fields() for name, probe in probes.items()}


def main(arguments: list[str] | None = None) -> int:
    """`arguments`: by default those of the command line."""
    environment.settle()
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.families")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--out", type=Path, help="write the table as Markdown")
    parser.add_argument("--shape", help="seconds of the probe for one of the benchmark's shapes: 14b, small, tiny")
    options = parser.parse_args(arguments)
    if options.shape:
        print(json.dumps(at_size(options.shape), indent=2))
        return 0
    all_found = {}
    for name in options.names or FAMILIES:
        all_found[name] = examined(FAMILIES[name])
        print(f"{name:24} {all_found[name].get('seconds', '')} {verdict(all_found[name])}", file=sys.stderr, flush=True)
    if options.out:
        options.out.write_text(table(all_found), encoding="utf-8")
    return 1 if any(found["faults"] for found in all_found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

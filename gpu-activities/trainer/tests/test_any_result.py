"""Any PEFT adapter or a whole model as the result of a program of one's own: taken in, sampled as it is, or refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import IA3Config, LoHaConfig, LoKrConfig, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from flamingo_trainer.any_result import accept
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.adapter_kinds import is_plain
from flamingo_trainer.models.adapters import CONFIG, WEIGHTS
from flamingo_trainer.models.card import CARD
from flamingo_trainer.models.whole_models import INDEX
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from .work import RECIPE, Listener, finetune_command, generate_command, items, read_lines

MODULES = ["q_proj", "v_proj"]
LORA = {"r": 3, "lora_alpha": 5, "target_modules": MODULES, "task_type": "CAUSAL_LM"}
KINDS = {
    "another rank": (LoraConfig(**LORA), True),
    "patterns and rsLoRA": (LoraConfig(**{**LORA, "rank_pattern": {"q_proj": 2}, "use_rslora": True}), True),
    "a module as a pattern": (LoraConfig(**{**LORA, "target_modules": ".*mlp.*down_proj"}), True),
    "DoRA": (LoraConfig(**LORA, use_dora=True), False),
    "DoRA on a head that shares the embeddings": (
        LoraConfig(**{**LORA, "target_modules": ["lm_head"]}, use_dora=True),
        False,
    ),
    "a whole module": (LoraConfig(**LORA, modules_to_save=["lm_head"]), False),
    "IA3": (IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]), False),
    "LoHa": (LoHaConfig(r=2, alpha=4, target_modules=MODULES), False),
    "LoKr": (LoKrConfig(r=2, alpha=4, target_modules=MODULES), False),
}


def recipe(result):
    backend = {"command": ["train"], "files": {}, "environment": [], "result": result}
    return {**RECIPE, "rows": "ab" * 32, "rowCount": 8, "backend": backend}


def taken(models, place, produced, target, result, step=None):
    return accept(
        models,
        Listener(),
        model={"path": str(place)},
        recipe=recipe(result),
        produced=str(produced),
        adapter_folder=str(target),
        step=step,
    )


def saved(place, folder, config):
    """An adapter as PEFT saves it, whose every weight says something."""
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(place), config)
    torch.manual_seed(11)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn(parameter.shape)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder


def trained_model(place, folder, **how):
    """The base with other weights, as a program would save it."""
    model = AutoModelForCausalLM.from_pretrained(place)
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    model.save_pretrained(folder, **how)
    return model.eval()


def logits_of(models, place, adapter):
    loaded = models.with_adapter({"path": str(place)}, "fp32", adapter, Listener())
    with torch.no_grad():
        return loaded.model(input_ids=torch.arange(3, 40).unsqueeze(0)).logits


def asked(models, place, adapter, folder):
    command = {**generate_command(folder, place, items(2)), "adapter": adapter}
    facts = generate(models, Listener(), **fields(command))
    return facts, read_lines(command["out"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_of_any_kind_is_asked_as_peft_applies_it(models, tiny_model, tmp_path, kind):
    config, plain = KINDS[kind]
    produced = saved(tiny_model, tmp_path / "produced", config)
    facts = taken(models, tiny_model, produced, tmp_path / "adapter", "adapter")
    assert is_plain(tmp_path / "adapter") is plain
    assert (tmp_path / "adapter" / WEIGHTS).read_bytes() == (produced / WEIGHTS).read_bytes()
    assert sum(facts["matrices"].values()) > 0
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.no_grad():
        ids = torch.arange(3, 40).unsqueeze(0)
        bare = base(input_ids=ids).logits
        right = PeftModel.from_pretrained(base, produced).eval()(input_ids=ids).logits
    assert not torch.allclose(bare, right, atol=1e-2)
    stored = facts["adapter"]
    assert torch.allclose(logits_of(models, tiny_model, stored), right, atol=1e-4, rtol=1e-4)
    # and the base is whole again afterwards
    assert torch.allclose(logits_of(models, tiny_model, None), bare, atol=1e-5, rtol=1e-5)
    _, rows = asked(models, tiny_model, stored, tmp_path / "asked")
    assert {row["adapter"] for row in rows} == {stored["sha256"]}


def test_our_own_adapters_are_plain(models, tiny_model, tmp_path):
    made = finetune(models, Listener(), **fields(finetune_command(tmp_path / "own", tiny_model)))
    assert is_plain(Path(made["adapter"]["path"]))


@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "20KB"}])
def test_a_whole_model_stands_in_the_place_of_the_base(models, tiny_model, tmp_path, shards):
    model = trained_model(tiny_model, tmp_path / "produced", **shards)
    facts = taken(models, tiny_model, tmp_path / "produced", tmp_path / "model", "model", step=4)
    stored = facts["adapter"]
    index = json.loads((tmp_path / "model" / INDEX).read_text())
    assert ("model.safetensors.index.json" in index) is bool(shards)
    assert "optimizer step 4" in (tmp_path / "model" / CARD).read_text()
    with torch.no_grad():
        right = model(input_ids=torch.arange(3, 40).unsqueeze(0)).logits
    assert torch.allclose(logits_of(models, tiny_model, stored), right, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(logits_of(models, tiny_model, None), right, atol=1e-2)
    facts, rows = asked(models, tiny_model, stored, tmp_path / "asked")
    assert {row["adapter"] for row in rows} == {stored["sha256"]} and facts["completions"] == len(rows)


def test_a_model_whose_file_was_changed_is_not_asked(models, tiny_model, tmp_path):
    trained_model(tiny_model, tmp_path / "produced")
    stored = taken(models, tiny_model, tmp_path / "produced", tmp_path / "model", "model")["adapter"]
    models.drop()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(Failure, match=r"config\.json has the SHA-256"):
        logits_of(models, tiny_model, stored)
    (tmp_path / "model" / INDEX).write_text("{}")
    with pytest.raises(Failure, match="has the SHA-256"):
        logits_of(models, tiny_model, stored)


def edit(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def change_weights(file, change):
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


def first_of(tensors, change):
    name = sorted(tensors)[0]
    return {**tensors, name: change(tensors[name])}


MODEL = "model.safetensors"
MODEL_FAULTS = {
    "no config": (lambda folder: (folder / "config.json").unlink(), r"left no config\.json"),
    "another architecture": (
        lambda folder: edit(folder / "config.json", rms_norm_eps=0.5),
        "rms_norm_eps is 0.5, the base",
    ),
    "no weights": (lambda folder: (folder / MODEL).unlink(), r"left no \*\.safetensors"),
    "cut short": (lambda folder: (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:-9]), "can not be read"),
    "a tensor short": (
        lambda folder: change_weights(folder / MODEL, lambda t: {name: t[name] for name in sorted(t)[1:]}),
        "lacks 1 tensors",
    ),
    "a tensor too many": (
        lambda folder: change_weights(folder / MODEL, lambda t: {**t, "more": torch.ones(2)}),
        "has beyond its settings 1 tensors",
    ),
    "another shape": (
        lambda folder: change_weights(folder / MODEL, lambda t: first_of(t, lambda x: x[:-1].contiguous())),
        "has the shape",
    ),
    "not a number": (
        lambda folder: change_weights(folder / MODEL, lambda t: first_of(t, lambda x: x * float("nan"))),
        "not finite",
    ),
    "not floating": (
        lambda folder: change_weights(folder / MODEL, lambda t: first_of(t, lambda x: x.to(torch.int8))),
        "no floating-point numbers",
    ),
    "twice": (lambda folder: shutil.copyfile(folder / MODEL, folder / "other.safetensors"), "twice"),
}


@pytest.mark.parametrize("fault", MODEL_FAULTS)
def test_a_model_that_is_not_of_the_base_is_refused(models, tiny_model, tmp_path, fault):
    trained_model(tiny_model, tmp_path / "produced")
    spoil, message = MODEL_FAULTS[fault]
    spoil(tmp_path / "produced")
    with pytest.raises(Failure, match=message) as caught:
        taken(models, tiny_model, tmp_path / "produced", tmp_path / "model", "model")
    assert caught.value.kind == "data"
    assert not (tmp_path / "model").exists()


def test_a_model_with_another_tokenizer_is_refused(models, tiny_model, tmp_path):
    trained_model(tiny_model, tmp_path / "produced")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.save_pretrained(tmp_path / "produced")
    taken(models, tiny_model, tmp_path / "produced", tmp_path / "same", "model")
    tokenizer.add_tokens(["<one more>"])
    tokenizer.save_pretrained(tmp_path / "produced")
    with pytest.raises(Failure, match="vocabulary is another"):
        taken(models, tiny_model, tmp_path / "produced", tmp_path / "model", "model")


def not_finite(folder):
    change_weights(folder / WEIGHTS, lambda t: first_of(t, lambda x: x * float("inf")))


ADAPTER_FAULTS = {
    "prefixes": (lambda folder: edit(folder / CONFIG, peft_type="PREFIX_TUNING"), "kind 'PREFIX_TUNING'; applied"),
    "another base": (lambda folder: edit(folder / CONFIG, base_model_name_or_path="some/other"), "its base is"),
    "other settings": (lambda folder: edit(folder / CONFIG, r=7), "has the shape"),
    "other modules": (lambda folder: edit(folder / CONFIG, target_modules=["q_proj"]), "has beyond its settings"),
    "biases": (lambda folder: edit(folder / CONFIG, bias="all"), "bias is 'all', which is not applied here exactly"),
    "of the prompt": (
        lambda folder: edit(folder / CONFIG, use_dora=True, alora_invocation_tokens=[1]),
        "alora_invocation_tokens is",
    ),
    "no such module": (lambda folder: edit(folder / CONFIG, target_modules=["nowhere"]), "another base model"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "left no adapter_model"),
    "not a number": (not_finite, "not finite"),
}


@pytest.mark.parametrize("fault", ADAPTER_FAULTS)
def test_an_adapter_that_can_not_be_applied_is_refused(models, tiny_model, tmp_path, fault):
    produced = saved(tiny_model, tmp_path / "produced", LoraConfig(**LORA))
    spoil, message = ADAPTER_FAULTS[fault]
    spoil(produced)
    with pytest.raises(Failure, match=message) as caught:
        taken(models, tiny_model, produced, tmp_path / "adapter", "adapter")
    assert caught.value.kind == "data"
    assert not (tmp_path / "adapter").exists()


def test_an_unknown_result_is_refused(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="unknown result"):
        taken(models, tiny_model, tmp_path, tmp_path / "adapter", "gguf")

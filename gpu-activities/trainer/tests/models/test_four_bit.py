"""A base in 4 bits: refused where it can not be had, how it is made, and on a GPU with bitsandbytes trained on.

bitsandbytes is no part of the environment, and without a GPU the last tests are skipped:
`uv pip install --python PYTHON --no-deps bitsandbytes==0.50.2` brings it in.
"""

import sys
from types import ModuleType

import pytest
import torch
from transformers import AutoModelForCausalLM

from flamingo_trainer import environment
from flamingo_trainer.failures import Failure
from flamingo_trainer.measure import measure
from flamingo_trainer.models import loading
from flamingo_trainer.models.four_bit import quantized_as
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..work import (
    RECIPE,
    Listener,
    finetune_command,
    generate_command,
    in_another_attempt,
    items,
    measure_command,
    pairs,
    read_lines,
)

NF4 = {"precision": "bf16", "quantization": "nf4"}


def train(models, folder, model, **changes):
    command = finetune_command(folder, model, **changes)
    return finetune(models, Listener(), **fields({"op": "finetune", **command}))


def ask(models, folder, model, adapter=None, **changes):
    command = {**generate_command(folder, model, items(8), **changes), "adapter": adapter}
    facts = generate(models, Listener(), **fields({"op": "generate", **command}))
    return read_lines(command["out"]), facts


def on_a_gpu(monkeypatch):
    monkeypatch.setattr(environment, "torch_device", lambda: "cuda")


# --- refused ----


def test_without_it_nothing_is_quantised():
    assert quantized_as(None, "fp32") is None


@pytest.mark.parametrize("operation", ["finetune", "generate", "measure"])
def test_a_host_without_a_gpu_refuses_before_anything_is_read(tiny_model, tmp_path, monkeypatch, operation):
    monkeypatch.setattr(environment, "torch_device", lambda: "cpu")
    models, listener = Models(), Listener()
    with pytest.raises(Failure, match="needs an NVIDIA GPU, and this host computes on the CPU") as caught:
        match operation:
            case "finetune":
                command = finetune_command(tmp_path, tiny_model, **NF4)
                finetune(models, listener, **fields({"op": operation, **command}))
            case "generate":
                command = generate_command(tmp_path, tiny_model, items(1), **NF4)
                generate(models, listener, **fields({"op": operation, **command}))
            case "measure":
                command = measure_command(tmp_path, tiny_model, pairs(1), **NF4)
                measure(models, listener, **fields({"op": operation, **command}))
    assert caught.value.kind == "config"
    assert listener.loaded == []


def test_without_the_library_the_remedy_is_named(monkeypatch):
    on_a_gpu(monkeypatch)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(Failure, match=r"--no-deps bitsandbytes==0\.50\.2.*leave `quantization` out") as caught:
        quantized_as("nf4", "bf16")
    assert caught.value.kind == "config"


@pytest.mark.parametrize(
    ("quantization", "precision", "message"),
    [("int8", "bf16", "unknown quantization 'int8'"), ("nf4", "fp32", "computed with in bf16, not in fp32")],
)
def test_what_is_no_such_base(quantization, precision, message):
    with pytest.raises(Failure, match=message):
        quantized_as(quantization, precision)


def test_what_does_not_go_with_it(tiny_model, tmp_path):
    with pytest.raises(Failure, match="trains on padded rows: declare `packing: none`"):
        train(Models(), tmp_path, tiny_model, **NF4, packing="always", lora={**RECIPE["lora"], "dropout": 0})
    with pytest.raises(Failure, match="can not be merged into a base in 4 bits"):
        Models().base({"path": str(tiny_model)}, "bf16", Listener(), [{"path": "a", "sha256": "b"}], "nf4")


# --- made ----


def test_it_is_made_as_qlora_makes_it_and_never_taken_for_another(tiny_model, monkeypatch):
    on_a_gpu(monkeypatch)
    monkeypatch.setitem(sys.modules, "bitsandbytes", ModuleType("bitsandbytes"))
    made = []

    def load(folder, dtype, hub=None, quantized=None, tokenizer_folder=None):
        made.append((dtype, quantized))
        return loading.Loaded(torch.nn.Identity(), None, [], torch.device("cpu"), dtype)

    monkeypatch.setattr("flamingo_trainer.models.resident.load", load)
    models, source = Models(), {"path": str(tiny_model)}
    for quantization in (None, "nf4", "nf4", None):
        models.base(source, "bf16", Listener(), quantization=quantization)
    assert [quantized is not None for _, quantized in made] == [False, True, False]
    dtype, settings = made[1]
    assert dtype == torch.bfloat16
    assert settings.load_in_4bit and settings.bnb_4bit_quant_type == "nf4"
    assert settings.bnb_4bit_use_double_quant and settings.bnb_4bit_compute_dtype == torch.bfloat16


def test_the_settings_reach_the_loader(tiny_model, monkeypatch):
    given = []

    def stop(folder, **settings):
        given.append(settings)
        raise RuntimeError("far enough")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", stop)
    settings = object()
    for quantized in (settings, None):
        with pytest.raises(RuntimeError, match="far enough"):
            loading.load(tiny_model, torch.bfloat16, quantized=quantized)
    assert given[0]["quantization_config"] is settings and "quantization_config" not in given[1]


# --- on a GPU ----


@pytest.fixture(scope="module")
def four_bit_models():
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    if environment.torch_device() != "cuda":
        pytest.skip("a base in 4 bits needs an NVIDIA GPU")
    return Models()


# wider than the tiny model's own, so that a matrix has several blocks
@pytest.fixture(scope="module")
def wide_model(four_bit_models, tiny_model, tmp_path_factory):
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide") / "model"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_the_base_is_in_nf4_with_double_quantization(four_bit_models, wide_model):
    import bitsandbytes

    loaded = four_bit_models.base({"path": str(wide_model)}, "bf16", Listener(), quantization="nf4")
    matrices = [part for part in loaded.model.modules() if isinstance(part, bitsandbytes.nn.Linear4bit)]
    assert len(matrices) == 14  # seven a layer; the output embedding stays as it is
    for part in matrices:
        assert (part.weight.quant_type, part.compute_dtype) == ("nf4", torch.bfloat16)
        assert part.weight.quant_state.nested
    assert loaded.model.get_output_embeddings().weight.dtype == torch.bfloat16


def test_a_fine_tune_learns_and_goes_on_from_a_checkpoint_bit_for_bit(four_bit_models, wide_model, tmp_path):
    command = finetune_command(tmp_path / "whole", wide_model, **NF4)
    whole = finetune(four_bit_models, Listener(), **fields({"op": "finetune", **command}))
    log = read_lines(whole["log"])
    assert log[-1]["loss"] < log[0]["loss"]
    assert whole["probe"]["paths"]["training"] == "padded"
    for checkpoint in sorted((tmp_path / "whole" / "attempt" / "checkpoints").iterdir())[2:]:
        for file in sorted(checkpoint.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        checkpoint.rmdir()
    again = in_another_attempt(command, tmp_path / "again")
    resumed = finetune(four_bit_models, Listener(), **fields({"op": "finetune", **again}))
    assert resumed["resumedFrom"] is not None
    assert resumed["adapter"]["sha256"] == whole["adapter"]["sha256"]


def test_answers_and_log_probabilities_are_the_bases_in_4_bits(four_bit_models, wide_model, tmp_path):
    adapter = train(four_bit_models, tmp_path / "train", wide_model, **NF4)["adapter"]
    quantized = {**NF4, "maxNewTokens": 30}
    first, facts = ask(four_bit_models, tmp_path / "first", wide_model, adapter, **quantized)
    second, _ = ask(Models(), tmp_path / "second", wide_model, adapter, **quantized)
    assert first == second  # also with the adapter as it is stored
    assert facts["engine"] == "batches"
    plain, _ = ask(four_bit_models, tmp_path / "plain", wide_model, adapter, precision="bf16", maxNewTokens=30)
    assert [row["text"] for row in plain] != [row["text"] for row in first]

    def measured(folder, **settings):
        command = measure_command(folder, wide_model, pairs(4), adapter, **settings)
        measure(four_bit_models, Listener(), **fields({"op": "measure", **command}))
        return read_lines(command["out"])

    four = measured(tmp_path / "four", **NF4)
    assert four == measured(tmp_path / "four-again", **NF4)
    assert four != measured(tmp_path / "full", precision="bf16")

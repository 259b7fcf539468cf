"""What people and machines hand to the trainer that is no good: each a typed failure that says what to do.

Elsewhere: rows and templates in test_render.py (empty, cut, unknown roles, no system turn), rows longer than the
context and rows that are not the recipe's in test_train.py, adapters of another base in test_sample.py, checkpoints
that are damaged, truncated or of other versions in test_checkpoint.py.
"""

import errno
import json
import shutil

import pytest
import torch

from flamingo_trainer import environment
from flamingo_trainer.data.render import encode_rows
from flamingo_trainer.failures import Failure, classify
from flamingo_trainer.models import adapters
from flamingo_trainer.models.resident import Models
from flamingo_trainer.serve import fields
from flamingo_trainer.training import checkpoint
from flamingo_trainer.training.train import finetune

from ..work import RECIPE, Listener, conversations, finetune_command, write_lines


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


@pytest.fixture
def own_model(tiny_model, tmp_path):
    """A copy of the tiny model that a test may spoil."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def change(file, **values):
    content = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in {**content, **values}.items() if value is not None}))


# --- models ----


def test_a_tokenizer_without_a_pad_token_pads_with_another_that_is_never_seen(tiny_model, own_model, tmp_path):
    change(own_model / "tokenizer_config.json", pad_token=None)
    (own_model / "special_tokens_map.json").unlink(missing_ok=True)
    models = Models()
    loaded = models.base({"path": str(own_model)}, "fp32", Listener())
    assert loaded.tokenizer.pad_token == loaded.tokenizer.eos_token
    # rows are padded in both, with different tokens, and nothing comes of it
    without = run(models, finetune_command(tmp_path / "without", own_model))
    expected = run(Models(), finetune_command(tmp_path / "with", tiny_model))
    assert without["adapter"]["sha256"] == expected["adapter"]["sha256"]


def test_an_unknown_precision(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="unknown precision 'fp8'") as caught:
        run(models, finetune_command(tmp_path, tiny_model, precision="fp8"))
    assert caught.value.kind == "config"


def test_weights_of_another_precision_are_read_in_the_recipes(own_model, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = own_model / "model.safetensors"
    save_file({name: value.half() for name, value in load_file(weights).items()}, weights, metadata={"format": "pt"})
    change(own_model / "config.json", dtype="float16")
    loaded = Models().base({"path": str(own_model)}, "fp32", Listener())
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_a_quantized_model(own_model, tmp_path):
    change(own_model / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    with pytest.raises(Failure, match="is quantized") as caught:
        run(Models(), finetune_command(tmp_path / "run", own_model))
    assert caught.value.kind == "config"


def test_a_kind_of_model_that_nobody_knows(own_model, tmp_path):
    change(own_model / "config.json", model_type="flamingo9", architectures=["Flamingo9"])
    with pytest.raises(Failure, match=r"can not be loaded: .*flamingo9") as caught:
        run(Models(), finetune_command(tmp_path / "run", own_model))
    assert caught.value.kind == "config"


# --- rows ----


def test_no_rows_at_all(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="no rows") as caught:
        run(models, finetune_command(tmp_path, tiny_model, count=0))
    assert caught.value.kind == "data"


def test_cut_rows_are_counted(models, tiny_model, tmp_path):
    rows = write_lines(tmp_path / "rows.jsonl", conversations(18))
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    whole = encode_rows(loaded.tokenizer, loaded.stops, rows, {"kind": "default"}, 999)
    lengths = sorted(len(row.ids) for row in whole)
    facts = run(models, finetune_command(tmp_path / "run", tiny_model, maxLength=lengths[-1] - 1, epochs=1))
    assert facts["rowsTruncated"] == lengths.count(lengths[-1]) > 0


@pytest.mark.parametrize("packing", ["none", "always"])
def test_one_bad_row_is_named_before_anything_is_trained(models, tiny_model, tmp_path, packing):
    command = finetune_command(tmp_path, tiny_model, packing=packing, maxLength=12)
    listener = Listener()
    with pytest.raises(Failure, match=r"row 1: no token of the answer is left within maxLength 12") as caught:
        run(models, command, listener)
    assert caught.value.kind == "data" and listener.steps == []


@pytest.mark.parametrize("dropout", [0.0, 0.1], ids=["fused", "whole"])
def test_a_loss_that_is_no_number_on_the_packed_paths(models, tiny_model, tmp_path, dropout):
    optimizer = {**RECIPE["optimizer"], "learningRate": 1e30}
    lora = {**RECIPE["lora"], "dropout": dropout}
    command = finetune_command(tmp_path, tiny_model, optimizer=optimizer, lora=lora, packing="always", every=1)
    listener = Listener()
    with pytest.raises(Failure, match=r"step \d+: loss (nan|inf), gradient norm .*; rows \d+, \d+") as caught:
        run(models, command, listener)
    assert caught.value.kind == "nan"
    # the step that failed left no checkpoint that a resume would begin with
    failed = int(str(caught.value).split(":")[0].removeprefix("step "))
    assert max(listener.checkpoints) < failed
    models.drop()


# --- machines ----


def test_a_disk_that_is_full_costs_only_steps(models, tiny_model, tmp_path, monkeypatch):
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model))
    command = finetune_command(tmp_path / "full", tiny_model, every=4)
    write = checkpoint.write_tensors

    def fills_up(path, tensors):
        sha256 = write(path, tensors)
        if "step-000008" in str(path) and path.name == "optimizer.safetensors":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return sha256

    monkeypatch.setattr(checkpoint, "write_tensors", fills_up)
    with pytest.raises(OSError) as caught:
        run(models, command)
    failure = classify(caught.value)
    assert failure.kind == "internal" and str(failure).startswith("the disk is full")
    monkeypatch.undo()
    models.drop()
    facts = run(models, command)
    assert facts["resumedFrom"] == 4 and facts["adapter"]["sha256"] == whole["adapter"]["sha256"]


def test_a_disk_that_is_full_at_the_very_end(models, tiny_model, tmp_path, monkeypatch):
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model))
    command = finetune_command(tmp_path / "full", tiny_model, every=4)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(adapters, "write_tensors", full)
    with pytest.raises(OSError):
        run(models, command)
    monkeypatch.undo()
    models.drop()
    facts = run(models, command)
    assert facts["resumedFrom"] == 12 and facts["adapter"]["sha256"] == whole["adapter"]["sha256"]


def test_a_gpu_that_others_use(tiny_model, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", full)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(3e9), int(80e9)))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: int(1e9))
    with pytest.raises(Failure, match=r"of the GPU's 80.0 GB this process holds 1.0 and others 76.0") as caught:
        run(Models(), finetune_command(tmp_path, tiny_model))
    assert caught.value.kind == "oom"


def test_a_driver_without_a_gpu_that_works_is_said(monkeypatch, capsys):
    monkeypatch.setattr(environment, "has_cuda_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    environment.torch_device.cache_clear()
    try:
        assert environment.torch_device() == "cpu"
    finally:
        environment.torch_device.cache_clear()
    assert "no GPU that it can use: computing on the CPU" in capsys.readouterr().err


def test_out_of_memory_beyond_the_smaller_plan_is_one_failure(models, tiny_model, tmp_path, monkeypatch):
    from flamingo_trainer.training import packed

    tried = []

    def scarce(self, batch, divisor):
        tried.append(len(batch.ids))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(packed.FusedPath, "loss", scarce)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    lora = {**RECIPE["lora"], "dropout": 0.0}
    with pytest.raises(torch.OutOfMemoryError) as caught:
        run(models, finetune_command(tmp_path, tiny_model, packing="always", lora=lora))
    assert classify(caught.value).kind == "oom" and len(tried) == 2
    models.drop()

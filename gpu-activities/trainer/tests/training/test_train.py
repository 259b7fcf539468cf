"""The training loop: the recipe's arithmetic, and a resume that leaves no trace."""

import errno
import json
import math
from pathlib import Path

import pytest
import torch

from flamingo_trainer.data.render import encode_rows
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.files import sha256_of
from flamingo_trainer.models import adapters
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..work import (
    RECIPE,
    Listener,
    conversations,
    finetune_command,
    in_another_attempt,
    read_lines,
    write_lines,
)

WEIGHTS = "adapter/adapter_model.safetensors"


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


@pytest.fixture(scope="module")
def undisturbed(models, tiny_model, tmp_path_factory):
    """15 steps in one go."""
    command = finetune_command(tmp_path_factory.mktemp("undisturbed"), tiny_model)
    return command, run(models, command)


# --- the recipe ----


def test_what_a_run_leaves(undisturbed, tiny_model):
    command, facts = undisturbed
    attempt = Path(command["attemptFolder"])
    log = read_lines(facts["log"])
    assert [entry["step"] for entry in log] == list(range(1, 16)) and facts["steps"] == 15
    assert log[0]["learningRate"] == 0 and log[2]["learningRate"] == 0.01
    assert log[-1]["loss"] < log[0]["loss"]
    assert all(math.isfinite(entry["gradNorm"]) for entry in log)
    assert facts["trainedTokens"] == sum(entry["trainedTokens"] for entry in log)
    assert facts["adapter"] == {"path": str(attempt / "adapter"), "sha256": sha256_of(attempt / WEIGHTS)}
    assert facts["resumedFrom"] is None and facts["rowsTruncated"] == 0
    config = json.loads((attempt / "adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None and config["r"] == 4 and config["use_rslora"] is True
    assert str(tiny_model) not in (attempt / "adapter/adapter_config.json").read_text()


def test_the_adapter_is_one_that_peft_reads(undisturbed, tiny_model):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    model = PeftModel.from_pretrained(base, undisturbed[1]["adapter"]["path"])
    moved = [value.abs().max().item() for name, value in model.named_parameters() if "lora_B" in name]
    assert moved and all(value > 0 for value in moved)


def test_the_same_again_gives_the_same_bytes(models, tiny_model, undisturbed, tmp_path):
    facts = run(models, finetune_command(tmp_path, tiny_model))
    assert facts["adapter"]["sha256"] == undisturbed[1]["adapter"]["sha256"]
    assert Path(facts["log"]).read_bytes() == Path(undisturbed[1]["log"]).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": {"initialisation": 9, "dataOrder": 2}},
        {"seeds": {"initialisation": 1, "dataOrder": 9}},
        {"systemPrompt": {"kind": "none"}},
    ],
)
def test_what_is_declared_matters(models, tiny_model, undisturbed, tmp_path, changes):
    facts = run(models, finetune_command(tmp_path, tiny_model, **changes))
    assert facts["adapter"]["sha256"] != undisturbed[1]["adapter"]["sha256"]


def test_bf16_trains_fp32_adapters(models, tiny_model, tmp_path):
    from safetensors.torch import load_file

    facts = run(models, finetune_command(tmp_path, tiny_model, precision="bf16"))
    tensors = load_file(Path(facts["adapter"]["path"]) / "adapter_model.safetensors")
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    # more than bf16 can tell apart: the updates were made in fp32
    assert any((value != value.bfloat16().float()).any() for name, value in tensors.items() if "lora_B" in name)
    log = read_lines(facts["log"])
    assert log[-1]["loss"] < log[0]["loss"]


# --- interruptions ----


@pytest.mark.parametrize("stops", [(1,), (3, 4, 11), (14,)])
def test_stopped_and_resumed_is_bit_identical(models, tiny_model, undisturbed, tmp_path, stops):
    command = finetune_command(tmp_path, tiny_model, every=100)
    for step in stops:
        with pytest.raises(Stopped) as caught:
            run(models, command, Listener(stop_at=step))
        assert caught.value.step == step
        assert caught.value.checkpoint == f"{command['attemptFolder']}/checkpoints/step-{step:06d}"
        models.drop()  # as in another process
    listener = Listener()
    facts = run(models, command, listener)
    assert facts["resumedFrom"] == stops[-1] and listener.steps[0] == stops[-1] + 1
    assert facts["adapter"]["sha256"] == undisturbed[1]["adapter"]["sha256"]
    assert Path(facts["log"]).read_bytes() == Path(undisturbed[1]["log"]).read_bytes()


def test_another_attempts_checkpoint_is_taken_over(models, tiny_model, undisturbed, tmp_path):
    first = finetune_command(tmp_path, tiny_model)
    with pytest.raises(Stopped):
        run(models, first, Listener(stop_at=5))
    facts = run(models, in_another_attempt(first, tmp_path / "second"))
    assert facts["resumedFrom"] == 5
    assert facts["adapter"]["sha256"] == undisturbed[1]["adapter"]["sha256"]


def test_a_stop_at_the_last_step_commits(models, tiny_model, undisturbed, tmp_path):
    facts = run(models, finetune_command(tmp_path, tiny_model), Listener(stop_at=15))
    assert facts["adapter"]["sha256"] == undisturbed[1]["adapter"]["sha256"]


def test_a_stop_before_the_first_step_has_nothing_to_save(models, tiny_model, tmp_path):
    class AtOnce(Listener):
        stop_requested = True

    with pytest.raises(Stopped) as caught:
        run(models, finetune_command(tmp_path, tiny_model), AtOnce())
    assert (caught.value.step, caught.value.checkpoint) == (0, None)


def test_periodic_checkpoints_and_the_last_two_are_kept(models, tiny_model, tmp_path):
    command, listener = finetune_command(tmp_path, tiny_model, every=4), Listener()
    run(models, command, listener)
    assert listener.checkpoints == [4, 8, 12]
    kept = sorted(path.name for path in Path(command["attemptFolder"], "checkpoints").iterdir())
    assert kept == ["step-000008", "step-000012"]


# --- failures ----


def test_other_rows_than_the_recipes_are_refused(models, tiny_model, tmp_path):
    command = finetune_command(tmp_path, tiny_model)
    Path(command["rows"]).write_text("{}\n")
    with pytest.raises(Failure, match="not those of the recipe") as caught:
        run(models, command)
    assert caught.value.kind == "data"


def test_a_loss_that_is_no_number_names_step_and_rows(models, tiny_model, tmp_path):
    optimizer = {**RECIPE["optimizer"], "learningRate": 1e30}
    with pytest.raises(Failure, match=r"step \d+: loss nan.*; rows \d+, \d+") as caught:
        run(models, finetune_command(tmp_path, tiny_model, optimizer=optimizer))
    assert caught.value.kind == "nan"
    models.drop()


def test_modules_that_the_model_lacks(models, tiny_model, tmp_path):
    lora = {**RECIPE["lora"], "targetModules": ["no_such_proj"]}
    with pytest.raises(Failure, match="has no matrix `no_such_proj`") as caught:
        run(models, finetune_command(tmp_path, tiny_model, lora=lora))
    assert caught.value.kind == "config"
    models.drop()


def test_no_full_batch(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="no optimizer step") as caught:
        run(models, finetune_command(tmp_path, tiny_model, count=3, lastBatch="drop"))
    assert caught.value.kind == "config"


def test_a_row_longer_than_the_models_context(models, tiny_model, tmp_path, monkeypatch):
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    monkeypatch.setattr(loaded.model.config, "max_position_embeddings", 40)
    with pytest.raises(Failure, match=r"row \d+ has \d+ tokens and the model 40 positions") as caught:
        run(models, finetune_command(tmp_path, tiny_model))
    assert caught.value.kind == "config"


def test_a_packing_that_is_none(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="unknown packing 'sometimes'") as caught:
        run(models, finetune_command(tmp_path, tiny_model, packing="sometimes"))
    assert caught.value.kind == "config"
    models.drop()


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


# --- chosen layers, fewer steps, all answers ----


@pytest.mark.parametrize("packing", ["none", "always"])
def test_a_run_that_max_steps_ends_resumes_to_the_bit(models, tiny_model, tmp_path, packing):
    """18 rows by 4 are 5 steps an epoch, so it ends in the middle of the second."""
    changes = {
        "epochs": 2,
        "maxSteps": 7,
        "schedule": {"kind": "cosine", "warmupSteps": 2, "warmupFrom": "zero"},
        "lora": {**RECIPE["lora"], "layers": [1]},
        "mask": "answers",
        "packing": packing,
    }
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model, held_out=3, **changes))
    log = read_lines(whole["log"])
    assert whole["steps"] == 7 and [entry["step"] for entry in log] == list(range(1, 8))
    assert log[6]["learningRate"] == pytest.approx(0.01 * 0.5 * (1 + math.cos(math.pi * 4 / 5)))
    assert [entry["step"] for entry in read_lines(whole["heldOut"]["path"])] == [5, 7]
    assert set(whole["matrices"].values()) == {1}

    command = finetune_command(tmp_path / "stopped", tiny_model, held_out=3, **changes)
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=3))
    again = run(models, in_another_attempt(command, tmp_path / "second"))
    assert again["resumedFrom"] == 3
    assert again["adapter"]["sha256"] == whole["adapter"]["sha256"]
    assert Path(again["log"]).read_bytes() == Path(whole["log"]).read_bytes()

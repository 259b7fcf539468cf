"""The training loop: the recipe's arithmetic, and a resume that leaves no trace."""

import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import get_linear_schedule_with_warmup

from flamingo_trainer.data.render import IGNORED, encode_rows
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.files import sha256_of
from flamingo_trainer.models import adapters
from flamingo_trainer.serve import fields
from flamingo_trainer.training.padded import collate, gradients_of
from flamingo_trainer.training.schedule import row_order, schedule, steps_in_epoch
from flamingo_trainer.training.train import finetune

from ..work import RECIPE, Listener, finetune_command, read_lines

WEIGHTS = "adapter/adapter_model.safetensors"


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


@pytest.fixture(scope="module")
def undisturbed(models, tiny_model, tmp_path_factory):
    """15 steps in one go."""
    command = finetune_command(tmp_path_factory.mktemp("undisturbed"), tiny_model)
    return command, run(models, command)


# --- the recipe ----


@pytest.mark.parametrize(("warmup", "total"), [(5, 20), (0, 7), (9, 4)])
def test_schedule_from_zero_is_that_of_transformers(warmup, total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, warmup, total)
    settings = {"kind": "linear", "warmupSteps": warmup, "warmupFrom": "zero"}
    for step in range(total):
        assert schedule(settings, step, total) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_schedule_from_the_first_step():
    settings = {"kind": "linear", "warmupSteps": 5, "warmupFrom": "first"}
    factors = [schedule(settings, step, 10) for step in range(10)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_constant_schedule():
    settings = {"kind": "constant", "warmupSteps": 2, "warmupFrom": "zero"}
    assert [schedule(settings, step, 5) for step in range(5)] == [0, 0.5, 1, 1, 1]


def test_row_order_is_a_function_of_seed_and_epoch():
    assert row_order(0, 0, 50) == row_order(0, 0, 50)
    assert sorted(row_order(0, 1, 50)) == list(range(50))
    orders = {tuple(row_order(seed, epoch, 50)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.mark.parametrize(("rows", "rule", "steps"), [(18, "partial", 5), (18, "drop", 4), (16, "partial", 4)])
def test_steps_in_epoch(rows, rule, steps):
    assert steps_in_epoch(rows, {**RECIPE, "lastBatch": rule}) == steps


@pytest.mark.parametrize("micro_batch_size", [1, 2, 5])
def test_loss_is_the_mean_over_the_trained_tokens_of_the_step(models, tiny_model, tmp_path, micro_batch_size):
    command = finetune_command(tmp_path, tiny_model, count=5)
    loaded = models.base(command["model"], "fp32", Listener())
    rows = encode_rows(loaded.tokenizer, loaded.stops, command["rows"], {"kind": "default"}, 200)
    adapter = adapters.create(loaded.model, {**RECIPE["lora"], "dropout": 0.0}, seed=3, base_name=None)
    try:
        # by the book: all logits of all rows at once
        ids, labels, mask = collate(rows, loaded)
        logits = adapter(input_ids=ids, attention_mask=mask).logits[:, :-1]
        expected = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        expected.backward()
        gradients = {name: value.grad.clone() for name, value in adapters.trained(adapter).items()}
        adapter.zero_grad()

        loss, tokens = gradients_of(loaded, adapter, rows, micro_batch_size)
        assert tokens == sum(row.trained for row in rows)
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        for name, value in adapters.trained(adapter).items():
            torch.testing.assert_close(value.grad, gradients[name], rtol=1e-4, atol=1e-7)
    finally:
        loaded.model = adapters.take_off(adapter)


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
    second = tmp_path / "second"
    second.mkdir()
    folders = {"attemptFolder": str(second), "searchFolders": [first["attemptFolder"], str(second)]}
    facts = run(models, {**first, **folders})
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
    with pytest.raises(Failure, match="does not fit the model") as caught:
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

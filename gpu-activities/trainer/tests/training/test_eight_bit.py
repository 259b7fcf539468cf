"""The literature's optimizer: how it is made, that it survives a checkpoint, and what is said where it can not run.

bitsandbytes is no part of the environment. What needs it is skipped where it is missing; `uv pip install --no-deps
--target FOLDER bitsandbytes==0.50.2` and PYTHONPATH=FOLDER bring it in for a test run, on a CPU too.
"""

import sys
from types import ModuleType

import pytest
import torch

from flamingo_trainer import environment
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.serve import fields
from flamingo_trainer.training import checkpoint
from flamingo_trainer.training.eight_bit import adamw_8bit
from flamingo_trainer.training.schedule import has_settled
from flamingo_trainer.training.train import finetune, optimizer_of, path_of

from ..work import RECIPE, Listener, finetune_command, read_lines

SETTINGS = {**RECIPE["optimizer"], "name": "adamw_8bit"}
IDENTITY = checkpoint.Identity("recipe", "rows", "cpu", {})


def weights():
    return [torch.nn.Parameter(torch.ones(64, 128)), torch.nn.Parameter(torch.ones(7))]


def test_without_the_library_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(Failure, match=r"--no-deps bitsandbytes==.*declare `optimizer: adamw`") as caught:
        optimizer_of(weights(), SETTINGS)
    assert caught.value.kind == "config"


def stand_in(monkeypatch, make):
    """A module that is found as bitsandbytes' optimizers."""
    module = ModuleType("bitsandbytes.optim")
    module.AdamW = make
    monkeypatch.setitem(sys.modules, "bitsandbytes", ModuleType("bitsandbytes"))
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", module)


def test_it_is_made_as_transformers_makes_it(monkeypatch):
    made = {}
    stand_in(monkeypatch, lambda parameters, **settings: made.update(settings))
    adamw_8bit([], SETTINGS)
    assert made == {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "optim_bits": 8}


def test_packed_rows_and_8_bit_states_do_not_go_together():
    with pytest.raises(Failure, match="packing: none") as caught:
        path_of(None, None, {"packing": "always", "optimizer": SETTINGS}, [], [], None)
    assert caught.value.kind == "config"


def eight_bit(parameters):
    optim = pytest.importorskip("bitsandbytes.optim", reason="bitsandbytes is not installed")
    settings = SETTINGS
    return optim.AdamW(
        parameters, lr=0.01, betas=(settings["beta1"], settings["beta2"]), weight_decay=0.01, optim_bits=8
    )


def step(optimizer, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


def test_8_bit_states_go_on_from_a_checkpoint_bit_for_bit(tmp_path):
    parameters = weights()
    optimizer = eight_bit(parameters)
    for number in range(3):
        step(optimizer, number)
    named = dict(zip("ab", parameters, strict=True))
    path, _ = checkpoint.save(tmp_path, checkpoint.State(3, named, optimizer, []).snapshot(), IDENTITY)
    for number in range(3, 6):
        step(optimizer, number)

    fresh = weights()
    state = checkpoint.restore(path, dict(zip("ab", fresh, strict=True)), eight_bit(fresh))
    for number in range(3, 6):
        step(state.optimizer, number)
    assert all(torch.equal(a, b) for a, b in zip(parameters, fresh, strict=True))


def test_a_run_of_the_literatures_recipe_stops_and_goes_on_bit_for_bit(models, tiny_model, tmp_path):
    pytest.importorskip("bitsandbytes.optim", reason="bitsandbytes is not installed")
    # a rank at which the adapter's tensors are large enough for 8 bits
    lora = {**RECIPE["lora"], "rank": 128, "dropout": 0.0}
    changes = {"optimizer": SETTINGS, "mask": "markers", "lora": lora}
    whole = finetune(models, Listener(), **fields(finetune_command(tmp_path / "whole", tiny_model, **changes)))
    command = finetune_command(tmp_path / "stopped", tiny_model, **changes)
    with pytest.raises(Stopped):
        finetune(models, Listener(stop_at=7), **fields(command))
    models.drop()
    facts = finetune(models, Listener(), **fields(command))
    assert facts["resumedFrom"] == 7 and facts["adapter"]["sha256"] == whole["adapter"]["sha256"]
    plain = {**changes, "optimizer": RECIPE["optimizer"]}
    other = finetune(models, Listener(), **fields(finetune_command(tmp_path / "plain", tiny_model, **plain)))
    assert other["adapter"]["sha256"] != whole["adapter"]["sha256"]
    losses = [[entry["loss"] for entry in read_lines(facts["log"])] for facts in (whole, other)]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_counts_and_bytes_survive_a_checkpoint(tmp_path):
    """The same without the library: states nested as its are, in three kinds of number."""

    class Nested(torch.optim.SGD):
        def state_dict(self):
            kept = {"step": 3, "quantised": {"state1": torch.arange(5, dtype=torch.uint8), "absmax1": torch.ones(3)}}
            return {**super().state_dict(), "state": {0: kept}}

        def load_state_dict(self, state_dict):
            self.loaded = state_dict["state"]

    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = Nested([parameter], lr=1)
    path, _ = checkpoint.save(tmp_path, checkpoint.State(3, {"a": parameter}, optimizer, []).snapshot(), IDENTITY)
    checkpoint.restore(path, {"a": parameter}, optimizer)
    assert optimizer.loaded[0]["step"] == 3 and isinstance(optimizer.loaded[0]["step"], int)
    assert optimizer.loaded[0]["quantised"]["state1"].tolist() == [0, 1, 2, 3, 4]
    assert optimizer.loaded[0]["quantised"]["state1"].dtype == torch.uint8
    assert optimizer.loaded[0]["quantised"]["absmax1"].dtype == torch.float32


def test_versions_name_the_library_only_where_it_is(monkeypatch):
    environment.versions.cache_clear()
    there = "bitsandbytes" in environment.versions()
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        assert not there
    else:
        assert there


# --- the early stop ----


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([0.009] * 5, False),
        ([0.009] * 6, True),
        ([0.5, *[0.009] * 6], True),
        ([*[0.009] * 3, 0.01, *[0.009] * 5], False),
    ],
)
def test_losses_that_stay_low_end_training(losses, stops):
    assert has_settled([{"loss": loss} for loss in losses], {"loss": 0.01, "steps": 5}) is stops


def test_training_ends_early_and_its_adapter_is_that_of_the_last_step(models, tiny_model, tmp_path):
    """A bound that every loss is below: it ends after the third step, with or without an interruption."""
    rule = {"loss": 1000.0, "steps": 2}
    command = finetune_command(tmp_path / "a", tiny_model, stopBelow=rule)
    facts = finetune(models, Listener(), **fields(command))
    assert facts["steps"] == 3 and len(read_lines(facts["log"])) == 3
    again = finetune_command(tmp_path / "b", tiny_model, every=1, stopBelow=rule)
    assert finetune(models, Listener(), **fields(again))["adapter"]["sha256"] == facts["adapter"]["sha256"]


def test_asked_to_stop_at_its_early_end_it_does_no_further_step(models, tiny_model, tmp_path):
    """The end of an epoch, so the loss on held-out rows is still to be computed when it goes on."""
    changes = {"every": 100, "held_out": 3, "stopBelow": {"loss": 1000.0, "steps": 4}}
    whole = finetune(models, Listener(), **fields(finetune_command(tmp_path / "a", tiny_model, **changes)))
    assert whole["steps"] == 5 and [entry["step"] for entry in read_lines(whole["heldOut"]["path"])] == [5]
    command = finetune_command(tmp_path / "b", tiny_model, **changes)
    with pytest.raises(Stopped) as stopped:
        finetune(models, Listener(stop_at=5), **fields(command))
    assert stopped.value.step == 5
    facts = finetune(models, Listener(), **fields(command))
    assert facts["resumedFrom"] == facts["steps"] == 5
    assert facts["adapter"]["sha256"] == whole["adapter"]["sha256"]
    assert read_lines(facts["log"]) == read_lines(whole["log"])

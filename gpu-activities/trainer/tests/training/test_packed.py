"""Packed training: the numbers of the padded reference, whatever the family, the plan and the cut."""

import copy
import os

import pytest
import torch

from flamingo_trainer.failures import Failure, Stopped, classify
from flamingo_trainer.serve import fields
from flamingo_trainer.training import packed
from flamingo_trainer.training.memory_plan import Plan
from flamingo_trainer.training.packed import FusedPath, PackedPath, WholePath, packed_path
from flamingo_trainer.training.padded import PaddedPath
from flamingo_trainer.training.train import finetune

from ..families import FUSED, LORA, SEVEN, adapter_on, encoded, family
from ..gradients import gradients_by_name, reference
from ..work import RECIPE, Listener, finetune_command


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        error = (found[name] - value).norm() / value.norm()
        assert error <= 1e-5, f"{name}: {error:.2e}"


@pytest.mark.parametrize("name", [*FUSED, "gemma2"])
@pytest.mark.parametrize("modules", [SEVEN, ["q_proj", "v_proj", "up_proj"]])
@pytest.mark.parametrize("plan", [Plan(10_000, 0, 1000), Plan(90, 0, 7), Plan(90, 2, 7)])
def test_loss_and_gradients_are_those_of_the_padded_reference(name, modules, plan):
    loaded = family(name)
    model = adapter_on(loaded, {**LORA, "targetModules": modules})
    rows = encoded(loaded)
    loss, trained, gradients = reference(loaded, model, rows)
    path = packed_path(loaded, model, {"lora": LORA}, rows, [list(range(len(rows)))], plan)
    assert isinstance(path, FusedPath) == (name in FUSED)
    found, count = path.gradients(rows)
    assert (found.item(), count) == (pytest.approx(loss, rel=1e-5), trained)
    assert_close(gradients_by_name(path, model), gradients)


@pytest.mark.parametrize("modules", [SEVEN, ["q_proj", "down_proj"]])
def test_an_adapter_on_one_layer_has_the_gradients_of_the_reference(modules):
    loaded = family("qwen2")
    lora = {**LORA, "targetModules": modules, "layers": [1]}
    model, rows = adapter_on(loaded, lora), encoded(loaded)
    loss, trained, gradients = reference(loaded, model, rows)
    path = packed_path(loaded, model, {"lora": lora}, rows, [list(range(len(rows)))], Plan(90, 2, 7))
    assert isinstance(path, FusedPath)
    found, count = path.gradients(rows)
    assert (found.item(), count) == (pytest.approx(loss, rel=1e-5), trained)
    assert_close(gradients_by_name(path, model), gradients)


def test_a_row_does_not_see_its_neighbours():
    loaded = family("qwen2")
    model = adapter_on(loaded)
    rows = encoded(loaded)
    path = packed_path(loaded, model, {"lora": LORA}, rows, [[0]], Plan(10_000, 0, 1000))
    alone = {}
    for row in rows:
        path.gradients([row])
        alone[row.number] = path.master.flat.grad.clone()
        path.clear()
    loss = sum(alone[row.number] * row.trained for row in rows) / sum(row.trained for row in rows)
    path.gradients(rows)
    assert (path.master.flat.grad - loss).norm() / loss.norm() < 1e-5


# --- the plan ----


def test_a_plan_follows_from_the_room_and_says_when_less_is_free(monkeypatch, capsys):
    loaded = family("qwen2")
    model, rows = adapter_on(loaded), encoded(loaded)
    recipe = {**RECIPE, "lora": LORA}

    def plan(room, free):
        monkeypatch.setattr(packed, "room_beside", lambda model, device: room)
        monkeypatch.setattr(packed, "free_bytes", lambda device: free)
        chosen = packed_path(loaded, model, recipe, rows, [list(range(len(rows)))], None).plan
        return chosen, "GB are free" in capsys.readouterr().err

    ample = plan(10**9, 10**9)
    assert ample == (plan(10**9, 0)[0], False) and plan(10**9, 0)[1]
    tight = plan(0, 10**9)
    assert tight[0] != ample[0]  # the room decides


def test_out_of_memory_takes_the_next_smaller_plan_once():
    class Scarce(PackedPath):
        def __init__(self, failures):
            super().__init__(None, Plan(4000, 0, 1000), 48, 64)
            self.failures, self.cleared = failures, 0

        def _gradients(self, rows):
            if self.failures:
                self.failures -= 1
                raise torch.OutOfMemoryError("made up")
            return 1.0, 2

        def clear(self):
            self.cleared += 1

    path = Scarce(1)
    assert path.gradients([]) == (1.0, 2)
    assert path.plan == Plan(2000, 48, 500) and path.cleared == 1
    path.failures = 1
    with pytest.raises(torch.OutOfMemoryError):
        path.gradients([])


def test_transformers_own_layers_take_a_smaller_plan_too(monkeypatch):
    loaded = family("qwen2")
    model, rows = adapter_on(loaded), encoded(loaded)
    path = WholePath(loaded, model, Plan(2048, 0, 0), 256)
    expected, trained = path.gradients(rows)
    path.clear()
    pass_of, passes = WholePath.loss, []

    def scarce(self, batch, divisor):
        passes.append(len(batch.ids))
        if len(passes) == 1:
            raise torch.OutOfMemoryError("made up")
        return pass_of(self, batch, divisor)

    monkeypatch.setattr(WholePath, "loss", scarce)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    found = path.gradients(rows)
    assert path.plan.tokens == 512 and found[1] == trained
    assert found[0].item() == pytest.approx(expected.item(), rel=1e-5)


# --- whole runs ----


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def packed_command(folder, model, dropout=0.0):
    return finetune_command(folder, model, packing="always", lora={**RECIPE["lora"], "dropout": dropout})


@pytest.fixture(scope="module")
def undisturbed(models, tiny_model, tmp_path_factory):
    return run(models, packed_command(tmp_path_factory.mktemp("undisturbed"), tiny_model))


@pytest.mark.parametrize("stop", [1, 7, 14])
def test_a_packed_run_resumes_to_the_bit(models, tiny_model, undisturbed, tmp_path, stop):
    command = packed_command(tmp_path, tiny_model)
    with pytest.raises(Stopped) as caught:
        run(models, command, Listener(stop_at=stop))
    assert caught.value.step == stop
    facts = run(models, command)
    assert facts["resumedFrom"] == stop and facts["adapter"]["sha256"] == undisturbed["adapter"]["sha256"]
    assert facts["plan"] == undisturbed["plan"] and facts["plan"]["recomputed"] == 0


def test_a_packed_run_with_dropout_resumes_to_the_bit(models, tiny_model, tmp_path):
    whole = run(models, packed_command(tmp_path / "whole", tiny_model, dropout=0.1))
    command = packed_command(tmp_path / "stopped", tiny_model, dropout=0.1)
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=7))
    assert run(models, command)["adapter"]["sha256"] == whole["adapter"]["sha256"]


def test_a_packed_run_learns_what_the_reference_learns(models, tiny_model, undisturbed, tmp_path):
    from safetensors.torch import load_file

    plain = finetune_command(tmp_path, tiny_model, lora={**RECIPE["lora"], "dropout": 0.0})
    expected = load_file(os.path.join(run(models, plain)["adapter"]["path"], "adapter_model.safetensors"))
    found = load_file(os.path.join(undisturbed["adapter"]["path"], "adapter_model.safetensors"))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (found[name] - value).norm() / value.norm() < 1e-3, name


def test_on_a_cpu_automatic_packing_is_the_reference(models, tiny_model, tmp_path):
    lora = {**RECIPE["lora"], "dropout": 0.0}
    plain = run(models, finetune_command(tmp_path / "none", tiny_model, lora=copy.deepcopy(lora)))
    automatic = run(models, finetune_command(tmp_path / "auto", tiny_model, lora=lora, packing="auto"))
    assert automatic["plan"] is None and automatic["adapter"]["sha256"] == plain["adapter"]["sha256"]


def test_the_reference_has_no_plan(models, tiny_model, tmp_path):
    assert PaddedPath.plan is None


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

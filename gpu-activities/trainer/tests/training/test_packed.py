"""Packed training: the numbers of the padded reference, whatever the family, the plan and the cut."""

import copy
import os
from types import SimpleNamespace

import pytest
import torch

from flamingo_trainer.data.packing import pack, split_by_tokens
from flamingo_trainer.data.render import encode_row
from flamingo_trainer.failures import Stopped
from flamingo_trainer.models import adapters
from flamingo_trainer.models.fused import fuse, why_not
from flamingo_trainer.models.gpu_memory import RESERVED, room_beside
from flamingo_trainer.serve import fields
from flamingo_trainer.training import packed
from flamingo_trainer.training.memory_plan import FEWEST_TOKENS, Need, Plan, choose, estimate
from flamingo_trainer.training.packed import FusedPath, PackedPath, WholePath, packed_path
from flamingo_trainer.training.padded import PaddedPath, gradients_of
from flamingo_trainer.training.train import finetune

from ..families import FUSED, family
from ..work import RECIPE, Listener, conversations, finetune_command

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA = {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0.0, "targetModules": SEVEN}


def encoded(loaded, count=7):
    return [
        encode_row(loaded.tokenizer, loaded.stops, i + 1, row["messages"], {"kind": "default"}, 200)
        for i, row in enumerate(conversations(count))
    ]


def adapter_on(loaded, lora=LORA):
    """One whose B is not zero, so that A has gradients too."""
    model = adapters.create(loaded.model, lora, seed=3, base_name=None)
    generator = torch.Generator().manual_seed(8)
    for name, parameter in adapters.trained(model).items():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return model


def reference(loaded, model, rows):
    loss, trained = gradients_of(loaded, model, rows, micro_batch_size=3)
    gradients = {name: value.grad.clone() for name, value in adapters.trained(model).items()}
    for value in adapters.trained(model).values():
        value.grad = None
    return loss, trained, gradients


def gradients_by_name(path, model):
    """The flat gradient, taken apart by the places that the parameters have in the flat weights."""
    if not isinstance(path, FusedPath):
        return {name: value.grad for name, value in adapters.trained(model).items()}
    flat = path.master.flat
    found = {}
    for name, value in adapters.trained(model).items():
        start = (value.data_ptr() - flat.data_ptr()) // 4
        found[name] = flat.grad[start : start + value.numel()].view(value.shape)
    return found


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


@pytest.mark.parametrize("name", FUSED)
def test_fusing_leaves_the_model_as_it_was(name):
    loaded = family(name)
    ids = torch.arange(30)[None] % len(loaded.tokenizer)
    before = loaded.model(ids).logits
    size = sum(parameter.numel() for parameter in loaded.model.parameters())
    first = fuse(loaded.model)
    assert torch.equal(loaded.model(ids).logits, before)
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == size
    again = fuse(loaded.model)
    assert again.layers[0].qkv.data_ptr() == first.layers[0].qkv.data_ptr()  # not copied a second time
    assert why_not(loaded.model) is None


def test_models_that_are_not_fused_say_why():
    assert why_not(family("gemma2").model) == "its type is gemma2"
    sliding = family("mistral").model
    sliding.config.sliding_window = 64
    assert why_not(sliding) == "it has layers with a sliding window"
    dynamic = family("llama").model
    dynamic.config.rope_parameters = {"rope_type": "dynamic"}
    assert why_not(dynamic) == "its rotary embedding is dynamic"


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


def test_packing_keeps_order_and_borders():
    loaded = family("llama")
    rows = encoded(loaded, 5)
    batch = pack(rows, 0, 200, torch.device("cpu"))
    assert len(batch.ids) % 16 == 0 and batch.ids[: len(rows[0].ids)].tolist() == rows[0].ids
    ends = batch.borders.tolist()
    assert ends[:6] == [sum(len(row.ids) for row in rows[:i]) for i in range(6)] and ends[-1] == len(batch.ids)
    assert all(batch.positions[start] == 0 for start in ends[:-1])
    assert len(batch.chosen) == sum(row.trained for row in rows)
    assert torch.equal(batch.ids[batch.chosen + 1], batch.targets)


def test_rows_are_cut_by_tokens_in_their_order():
    rows = encoded(family("llama"), 9)
    budget = 2 * max(len(row.ids) for row in rows)
    parts = split_by_tokens(rows, budget)
    assert [row for part in parts for row in part] == rows and len(parts) > 2
    assert all(sum(len(row.ids) for row in part) <= budget for part in parts)
    assert [len(part) for part in split_by_tokens(rows, 1)] == [1] * 9


def test_bf16_computes_with_copies_of_fp32_masters():
    loaded = family("qwen2", torch.bfloat16)
    model = adapter_on(loaded)
    rows = encoded(loaded)
    padded_loss, _, padded = reference(loaded, model, rows)
    path = packed_path(loaded, model, {"lora": LORA}, rows, [[0]], Plan(10_000, 0, 1000))
    loss, _ = path.gradients(rows)
    exact = family("qwen2")
    exact.model.load_state_dict({name: value.float() for name, value in loaded_state(loaded).items()})
    expected, _, gradients = reference(exact, adapter_on(exact), rows)
    assert loss.item() == pytest.approx(expected, rel=0.02) and padded_loss == pytest.approx(expected, rel=0.02)

    def error(found):
        return sum(((found[name] - value).norm() / value.norm()).item() for name, value in gradients.items())

    # as near to the exact gradients as transformers' own bf16 is
    assert error(gradients_by_name(path, model)) < 1.2 * error(padded)
    # an update too small for a bf16 weight is kept, and adds up
    parameter = next(iter(path.parameters.values()))
    before, flat = parameter.clone(), path.master.flat
    for _ in range(4):
        with torch.no_grad():
            flat += 1e-6
    assert parameter.dtype == torch.float32 and (parameter - before).mean().item() == pytest.approx(4e-6, rel=0.05)


def loaded_state(loaded):
    return {
        name.removeprefix("base_model.model.").replace(".base_layer", ""): value
        for name, value in loaded.model.state_dict().items()
        if "lora" not in name
    }


# --- the plan ----

STUDY = Need(step_tokens=4800, row_tokens=210, trained_tokens=2400)


def shape_14b():
    from flamingo_trainer.models.fused import Shape

    return Shape(48, 5120, 40, 8, 128, 13824, 152064, 1e-6)


def test_the_study_fits_one_pass_without_recomputing():
    plan, grounds = choose(STUDY, shape_14b(), 2, int(46e9))
    assert (plan.tokens, plan.recomputed) == (4800, 0)
    assert 25e9 < grounds["estimate"] < 46e9


def test_less_memory_means_more_passes_then_recomputing():
    shape = shape_14b()
    plans = [choose(STUDY, shape, 2, int(free * 1e9))[0] for free in (46, 28, 19, 12, 5)]
    assert plans[1].recomputed == 0 and FEWEST_TOKENS <= plans[1].tokens < 4800
    assert plans[2].recomputed in (24, 48) and plans[3].recomputed == 48
    estimates = [estimate(plan, STUDY, shape, 2) for plan in plans]
    assert estimates == sorted(estimates, reverse=True)


def test_a_long_row_is_never_cut():
    need = Need(step_tokens=60_000, row_tokens=30_000, trained_tokens=5000)
    plan, _ = choose(need, shape_14b(), 2, int(46e9))
    assert plan.tokens >= 30_000 and plan.recomputed > 0


def test_the_room_is_the_gpu_less_the_model_whatever_is_free(monkeypatch):
    loaded, gpu = family("qwen2"), torch.device("cuda")
    weights = sum(parameter.nbytes for parameter in loaded.model.parameters())
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 10**9))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: pytest.fail("asked what is free"))
    assert room_beside(loaded.model, gpu) == 80 * 10**9 - RESERVED - weights
    assert room_beside(adapter_on(loaded), gpu) == 80 * 10**9 - RESERVED - weights
    assert room_beside(loaded.model, torch.device("cpu")) is None


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

"""Faults planted into each path: the probe finds them in fp32 and above the rounding of bf16, and nothing without."""

import pytest
import torch

from bench.gpu.families import GREEDY, recipe
from flamingo_trainer.measure import probe_measuring
from flamingo_trainer.models import adapters, packed_forward
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling import batches, slots
from flamingo_trainer.sampling.probe import probe_sampling
from flamingo_trainer.training import probe as training_probe
from flamingo_trainer.training.probe import probe_training

from .families import LORA, adapter_on, family
from .work import Listener

DEFAULT = {"kind": "default"}
PRECISIONS = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])


def trained(dtype, packing="auto", on_gpu=True):
    """The probe of a fine-tune: `auto` as on a GPU."""
    loaded = family("llama", dtype)
    settings = recipe(LORA["targetModules"], packing, "fp32" if dtype == torch.float32 else "bf16")
    adapter = adapters.create(loaded.model, settings["lora"], 0, None)
    with pytest.MonkeyPatch.context() as patch:
        if on_gpu:
            patch.setattr(training_probe, "way_of", lambda *_: "packed")
        return probe_training(Models.around(loaded), loaded, adapter, Listener(), settings)


def sampled(dtype, batching):
    loaded = family("llama", dtype)
    loaded.model = adapters.at_rest(adapter_on(loaded), dtype).eval()
    settings = {**GREEDY, "batchSize": 4, "batching": batching}
    return probe_sampling(Models.around(loaded), loaded, Listener(), settings, DEFAULT, 64)


def measured(dtype):
    loaded = family("llama", dtype)
    loaded.model = adapters.at_rest(adapter_on(loaded), dtype).eval()
    return probe_measuring(Models.around(loaded), loaded, Listener(), DEFAULT)


@PRECISIONS
def test_without_a_fault_every_path_is_the_fastest(dtype):
    assert trained(dtype).paths["training"] == "packed"
    assert trained(dtype, "none", on_gpu=False).checks["padded"] == "equal"
    assert sampled(dtype, "static").paths["sampling"] == "padded"
    assert sampled(dtype, "continuous").paths["sampling"] == "slots"
    assert measured(dtype).paths["measuring"] == "packed"


@PRECISIONS
def test_packed_rows_that_see_each_other(monkeypatch, dtype):
    attend = packed_forward.attend
    monkeypatch.setattr(
        packed_forward, "attend", lambda q, k, v, borders, longest: attend(q, k, v, borders[[0, -1]], len(q))
    )
    probe = trained(dtype)
    assert probe.checks["packed"].startswith("differs by") and probe.paths["training"] == "padded"
    probe = measured(dtype)
    assert probe.checks["packed"].startswith("differs by") and probe.paths["measuring"] == "alone"


@PRECISIONS
@pytest.mark.parametrize("group", ["qkv", "o", "gate_up", "down"])
def test_an_adapter_that_the_fused_layers_leave_out_on_one_of_their_matrices(monkeypatch, dtype, group):
    low_ranks_of = packed_forward.low_ranks_of
    for module in (packed_forward, slots):
        monkeypatch.setattr(module, "low_ranks_of", lambda *asked: {**low_ranks_of(*asked), group: None})
    assert trained(dtype).checks["packed"].startswith("differs by")
    assert measured(dtype).checks["packed"].startswith("differs by")
    assert "tokens in slots are not those of the model alone" in sampled(dtype, "continuous").checks["continuous"]


@PRECISIONS
def test_slots_that_drop_a_token_of_the_prompt(monkeypatch, dtype):
    run = slots.SlotEngine.run

    def dropping(self, jobs, *rest):
        prompts = [job.prompt for job in jobs]
        for job in jobs:
            job.prompt = job.prompt[1:]
        run(self, jobs, *rest)
        for job, prompt in zip(jobs, prompts, strict=True):
            job.prompt = prompt

    monkeypatch.setattr(slots.SlotEngine, "run", dropping)
    assert "tokens in slots are not those of the model alone" in sampled(dtype, "continuous").checks["continuous"]


@PRECISIONS
def test_batches_that_drop_a_token_of_the_answer(monkeypatch, dtype):
    forward = batches.Cached.__call__
    last = {}

    def stale(self, ids, mask, positions):
        fed = last.get(self) if ids.shape[1] == 1 else None
        if ids.shape[1] == 1:
            last[self] = ids
        fed = ids if fed is None or fed.shape != ids.shape else fed  # each step but the first is given the one before
        return forward(self, fed, mask, positions)

    monkeypatch.setattr(batches.Cached, "__call__", stale)
    probe = sampled(dtype, "static")
    assert probe.checks["static"].startswith("differs by") and probe.paths["sampling"] == "uncached"


@PRECISIONS
def test_batches_whose_padding_is_looked_at(monkeypatch, dtype):
    pad_left = batches.pad_left

    def looked_at(*asked):
        ids, mask = pad_left(*asked)
        return ids, torch.ones_like(mask)

    monkeypatch.setattr(batches, "pad_left", looked_at)
    probe = sampled(dtype, "static")
    assert probe.checks["static"].startswith("differs by") and probe.paths["sampling"] == "equal"


@PRECISIONS
def test_micro_batches_that_lose_a_token(monkeypatch, dtype):
    collate = training_probe.collate

    def losing(rows, loaded):
        ids, labels, mask = collate(rows, loaded)
        ids[:, 0] = loaded.tokenizer.pad_token_id
        return ids, labels, mask

    monkeypatch.setattr(training_probe, "collate", losing)
    probe = trained(dtype, "none", on_gpu=False)
    assert probe.checks["padded"].startswith("differs by") and probe.paths["training"] == "alone"

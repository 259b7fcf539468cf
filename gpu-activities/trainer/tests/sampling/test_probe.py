"""Before the first token: the loop that samples is the fastest one that gives what the model gives alone."""

import pytest

from bench.gpu.families import GREEDY
from bench.gpu.tiny_families import FAMILIES, made
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.fused import why_not
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling import probe as module
from flamingo_trainer.sampling.probe import probe_sampling
from flamingo_trainer.sampling.slots import SlotEngine

from ..families import adapter_on, family
from ..work import Listener

DEFAULT = {"kind": "default"}


def look(loaded, **changes):
    sampling = {**GREEDY, "batchSize": 4, "batching": "static", **changes}
    return probe_sampling(Models.around(loaded), loaded, Listener(), sampling, DEFAULT, 64)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("llama", "padded"),
        ("qwen3_next", "padded"),
        ("bamba", "padded"),
        ("falcon_h1", "padded"),
        ("mamba2", "uncached"),
    ],
)
def test_static_batches_take_the_fastest_right_way(name, path):
    assert look(made(FAMILIES[name])).paths["sampling"] == path


@pytest.mark.parametrize("settings", [{}, {"temperature": 1, "topP": 0.9, "topK": 50}, {"repetitionPenalty": 1.3}])
def test_slots_are_those_of_the_model_alone(settings):
    loaded = family("qwen3")
    loaded.model = adapter_on(loaded).eval()
    probe = look(loaded, batching="continuous", **settings)
    assert probe.paths["sampling"] == "slots" and probe.checks["continuous"] == "equal"


def test_slots_that_leave_the_adapter_out_are_not_taken(monkeypatch):
    monkeypatch.setattr(SlotEngine, "use_adapter_of", lambda self, model: None)
    loaded = family("llama")
    loaded.model = adapter_on(loaded).eval()
    probe = look(loaded, batching="continuous")
    assert "tokens in slots are not those of the model alone" in probe.checks["continuous"]
    assert probe.paths["sampling"] == "padded"


def test_slots_do_not_run_an_adapter_on_the_head():
    loaded = family("llama")
    modules = ["q_proj", "lm_head"]
    loaded.model = adapter_on(
        loaded, {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0, "targetModules": modules}
    ).eval()
    assert why_not(loaded.model) == "its adapter also lies on lm_head"
    probe = look(loaded, batching="continuous")
    assert probe.paths["sampling"] == "padded" and probe.checks["static"] == "equal"


def test_a_model_that_nothing_samples_from_is_refused(monkeypatch):
    monkeypatch.setattr(module, "batches_verdict", lambda loaded, way, tolerance: "differs by 3 nats")
    with pytest.raises(Failure, match="type llama fails the probe `static`: differs by 3 nats") as caught:
        look(family("llama"))
    assert caught.value.kind == "config"

"""Before the first step: packed rows that see each other are padded, or refused where packing is demanded."""

from types import SimpleNamespace

import pytest

from bench.gpu.families import recipe
from bench.gpu.tiny_families import FAMILIES, made
from flamingo_trainer.failures import Failure
from flamingo_trainer.models import adapters
from flamingo_trainer.models.resident import Models
from flamingo_trainer.training import probe as module
from flamingo_trainer.training.packed import WholePath, why_whole
from flamingo_trainer.training.padded import PaddedPath
from flamingo_trainer.training.probe import probe_training, way_of
from flamingo_trainer.training.train import path_of

from ..families import LORA, encoded, family, other_family
from ..work import Listener


def asked(name, packing):
    loaded, settings = made(FAMILIES[name]), recipe(FAMILIES[name].modules, packing)
    adapter = adapters.create(loaded.model, settings["lora"], 0, None)
    return probe_training(Models.around(loaded), loaded, adapter, Listener(), settings)


@pytest.mark.parametrize("name", ["granitemoehybrid", "qwen3_5", "gpt_oss", "bloom"])
def test_always_packing_rows_that_see_each_other_is_refused(name):
    with pytest.raises(
        Failure, match=f"type {FAMILIES[name].type} fails the probe `packed`: differs by .*auto"
    ) as caught:
        asked(name, "always")
    assert caught.value.kind == "config"


@pytest.mark.parametrize(("name", "path"), [("falcon_h1", "padded"), ("gpt_oss", "padded"), ("qwen2", "packed")])
def test_auto_takes_the_path_that_keeps_rows_apart(monkeypatch, name, path):
    monkeypatch.setattr(module, "way_of", lambda loaded, recipe: "packed")  # as on a GPU
    probe = asked(name, "auto")
    assert probe.paths["training"] == path
    assert probe.checks["adapter"] == probe.checks["static"] == "equal"


def test_modules_that_the_model_has_in_one_are_looked_for_by_its_own_names():
    loaded, settings = other_family("phi3"), recipe(LORA["targetModules"], "none")
    adapter = adapters.create(loaded.model, settings["lora"], 0, None)
    probe = probe_training(Models.around(loaded), loaded, adapter, Listener(), settings)
    assert probe.checks["modules"] == probe.checks["adapter"] == "equal"


def test_padding_that_changes_a_row_leaves_rows_alone(monkeypatch):
    monkeypatch.setattr(module, "padded", lambda loaded, rows: 1 + module.packed(loaded, rows, {"lora": LORA}))
    probe = asked("qwen2", "none")
    assert probe.paths["training"] == "alone" and probe.checks["padded"].startswith("differs by 1 nats a token")


def test_the_path_is_the_chosen_one():
    loaded = family("qwen2")
    settings = recipe(LORA["targetModules"], "none")
    model = adapters.create(loaded.model, settings["lora"], 0, None)
    rows = encoded(loaded, 3)
    order = [[0, 1, 2]]
    alone = path_of(loaded, model, settings, rows, order, None, "alone")
    padded = path_of(loaded, model, settings, rows, order, None)
    assert isinstance(alone, PaddedPath) and isinstance(padded, PaddedPath)
    assert alone.gradients(rows)[0] == pytest.approx(padded.gradients(rows)[0], rel=1e-6)
    assert alone._micro_batch_size == 1 and padded._micro_batch_size == 2
    assert way_of(loaded, {"packing": "auto"}) == "padded" and way_of(loaded, {"packing": "always"}) == "packed"


def test_dropout_of_the_base_runs_in_its_own_layers():
    loaded = family("qwen2")
    settings = recipe(LORA["targetModules"], "always")
    assert why_whole(loaded, settings) is None
    loaded.model.config.attention_dropout = 0.1
    assert why_whole(loaded, settings) == "its attention has dropout"
    model = adapters.create(loaded.model, settings["lora"], 0, None)
    path = path_of(loaded, model, settings, encoded(loaded, 2), [[0, 1]], None)
    assert isinstance(path, WholePath)


def test_of_unsloths_models_only_modules_and_stops_are_looked_at():
    theirs = SimpleNamespace(backend="unsloth", probes={})
    loaded = family("qwen2")
    settings = recipe(LORA["targetModules"], "none")
    adapter = adapters.create(loaded.model, settings["lora"], 0, None)
    probe = probe_training(theirs, loaded, adapter, Listener(), settings)
    assert probe.checks["modules"] == probe.checks["stops"] == "equal"
    assert probe.checks["padded"] == "skipped: Unsloth computes"

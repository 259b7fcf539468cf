"""What every probe rests on: made-up rows, the rows alone, an adapter that is loud for a while, and what is refused."""

import random
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model

from bench.gpu.tiny_families import FAMILIES, lora, made
from flamingo_trainer.failures import Failure
from flamingo_trainer.models import adapters
from flamingo_trainer.models.probe import (
    EQUAL,
    Alone,
    Probe,
    check_attention,
    check_modules,
    check_reach,
    check_stops,
    difference,
    failed,
    made_up_rows,
    probed,
    refuse,
    require_stops,
    undisturbed,
)

from ..families import LORA, adapter_on, family
from ..work import Listener

DEFAULT = {"kind": "default"}


def test_made_up_rows_are_the_same_every_time_and_have_no_special_token():
    loaded = family("llama")
    rows = made_up_rows(loaded)
    assert [row.ids for row in rows] == [row.ids for row in made_up_rows(loaded)]
    used = {token for row in rows for token in row.ids}
    assert len(used) > 20 and not used & {*loaded.tokenizer.all_special_ids, *loaded.stops}
    assert all(row.trained == len(row.ids) - 1 for row in rows)


def test_everything_is_as_before():
    loaded = family("mistral")
    loaded.model.config.sliding_window = 64
    model = adapter_on(loaded)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    places = {name: value.data_ptr() for name, value in model.named_parameters()}
    torch.manual_seed(7)
    states = torch.get_rng_state(), random.getstate()
    with undisturbed(loaded, model):
        assert not model.training and loaded.model.config.sliding_window == 8
        assert any(not torch.equal(value, before[name]) for name, value in model.named_parameters())
        torch.rand(3)
        random.random()
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert model.training and loaded.model.config.sliding_window == 64
    for name, value in model.named_parameters():
        assert torch.equal(value, before[name]) and value.data_ptr() == places[name]
        assert value.grad is None


def test_a_loud_adapter_changes_what_the_model_says_although_a_new_one_says_nothing():
    loaded = family("qwen2")
    with undisturbed(loaded):
        bare = Alone(loaded, loaded.model)
    model = adapters.create(loaded.model, LORA, 0, None)
    with undisturbed(loaded, model):
        loud = Alone(loaded, model)
    assert difference(torch.cat(loud.values), torch.cat(bare.values)) > 100 * bare.tolerance


def test_numbers_that_are_none_and_other_shapes_are_never_equal():
    assert difference(torch.tensor([float("nan")]), torch.zeros(1)) == float("inf")
    assert difference(torch.zeros(2), torch.zeros(1)) == float("inf")


def test_memory_is_no_fault_of_a_path():
    assert failed(AttributeError("no such method")) == "fails: AttributeError: no such method"
    with pytest.raises(torch.OutOfMemoryError):
        failed(torch.OutOfMemoryError("made up"))


def test_fused_attention_that_leaves_out_a_cap_on_scores_is_replaced():
    loaded = family("gemma2")
    for layer in loaded.model.model.layers:
        layer.self_attn.attn_logit_softcapping = 0.5  # of scores that a random model makes small
    loaded.model.set_attn_implementation("sdpa")
    probe = Probe()
    with undisturbed(loaded):
        check_attention(loaded, loaded.model, probe, Alone(loaded, loaded.model))
    assert probe.checks["attention"].startswith("differs by") and probe.paths["attention"] == "eager"
    assert loaded.model.config._attn_implementation == "eager"


def test_fused_attention_that_computes_the_same_stays():
    loaded = family("llama")
    loaded.model.set_attn_implementation("sdpa")
    probe = Probe()
    with undisturbed(loaded):
        check_attention(loaded, loaded.model, probe, Alone(loaded, loaded.model))
    assert probe.checks["attention"] == EQUAL
    assert loaded.model.config._attn_implementation == "sdpa"


def test_modules_are_those_declared():
    model = adapter_on(family("llama"))
    probe = Probe()
    check_modules(model, probe, LORA["targetModules"])
    assert probe.checks["modules"] == EQUAL
    check_modules(model, probe, [*LORA["targetModules"], "qq_proj"])
    assert probe.checks["modules"] == "nothing lies on qq_proj"
    check_modules(model, probe, [r".*\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"])
    assert probe.checks["modules"] == EQUAL
    check_modules(model, probe, LORA["targetModules"][1:])
    assert "it also lies on" in probe.checks["modules"] and "q_proj" in probe.checks["modules"]


def test_an_adapter_that_no_output_depends_on_is_found():
    loaded = family("llama")
    model = adapter_on(loaded)
    probe = Probe()
    with undisturbed(loaded, model):
        check_reach(model, probe, made_up_rows(loaded), loaded.device)
        assert probe.checks["adapter"] == EQUAL
        for layer in loaded.model.model.layers:
            base = layer.mlp.down_proj.base_layer
            layer.mlp.down_proj.forward = base.forward  # as kernels do that take a weight and run no module
        check_reach(model, probe, made_up_rows(loaded), loaded.device)
    assert probe.checks["adapter"] == "no output depends on the adapter of down_proj"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda loaded: loaded.stops.append(10**6), "the token 1000000 ends a turn, and the model has"),
        (lambda loaded: loaded.stops.__setitem__(0, loaded.tokenizer.pad_token_id), "the chat template ends an answer"),
    ],
)
def test_answers_that_would_never_end_are_refused(change, said):
    loaded = family("llama")
    check_stops(loaded, probe := Probe(), DEFAULT)
    assert probe.checks["stops"] == EQUAL
    change(loaded)
    with pytest.raises(Failure, match=f"the model's type llama fails the probe `stops`: {said}") as caught:
        require_stops(loaded, Probe(), DEFAULT)
    assert caught.value.kind == "config"


def test_a_model_is_probed_once_for_each_kind():
    memory = SimpleNamespace(probes={})
    looks = []

    def look(probe):
        looks.append(probe)
        probe.checks["packed"] = EQUAL
        probe.choose("training", "packed")

    listener = Listener()
    first = probed(memory, listener, ("training", ("q_proj",)), look)
    again = probed(memory, listener, ("training", ("q_proj",)), look)
    other = probed(memory, listener, ("training", ("v_proj",)), look)
    assert len(looks) == 2 and listener.loaded == ["probe", "probe"]
    assert again.checks == first.checks == other.checks and again.seconds == 0 < first.seconds
    assert first.fields()["paths"] == {"training": "packed"}


def test_a_refusal_names_type_check_and_figure():
    loaded = made(FAMILIES["bloom"])
    probe = Probe(checks={"packed": "differs by 0.3 nats"})
    refusal = refuse(loaded, probe, "packed", "Pad.")
    assert refusal.kind == "config"
    assert str(refusal) == "the model's type bloom fails the probe `packed`: differs by 0.3 nats. Pad."


def test_a_stored_adapter_on_a_table_of_embeddings_is_refused_before_anything_runs():
    loaded = family("llama")
    modules = ["q_proj", "embed_tokens"]
    # a new one is refused when it is made; one that was made elsewhere can lie there
    model = get_peft_model(loaded.model, LoraConfig(r=4, target_modules=modules))
    check_modules(model, probe := Probe(), modules)
    assert "embed_tokens is a table of embeddings" in probe.checks["modules"]
    with pytest.raises(Failure, match="no matrix `embed_tokens`"):
        adapters.create(family("llama").model, lora(modules), 0, None)

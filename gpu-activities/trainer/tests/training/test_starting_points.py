"""Fine-tunes that start from another's adapter: going on with its weights, or on the base with it merged in."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.files import sha256_of
from flamingo_trainer.models.adapters import CONFIG, WEIGHTS, merge
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..work import (
    RECIPE,
    Listener,
    finetune_command,
    generate_command,
    in_another_attempt,
    items,
    read_lines,
)

LORA = {**RECIPE["lora"], "dropout": 0.0}
PATHS = [pytest.param({}, id="padded"), pytest.param({"packing": "always"}, id="packed")]


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def stored(facts):
    folder = Path(facts["adapter"]["path"])
    return {
        "path": str(folder),
        "sha256": sha256_of(folder / WEIGHTS),
        "configSha256": sha256_of(folder / CONFIG),
    }


def start(merged=(), continued=None):
    return {"start": {"merged": list(merged), "continued": continued}}


def child_command(folder, model, begun, key="continue", **changes):
    command = finetune_command(folder, model, lora=LORA, start={"adapter": "0" * 64, "as": key}, **changes)
    return {**command, **begun}


@pytest.fixture(scope="module")
def parent(models, tiny_model, tmp_path_factory):
    command = finetune_command(tmp_path_factory.mktemp("parent"), tiny_model, lora=LORA)
    return command, run(models, command)


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits


def loss_of(loaded, command, model):
    """The mean over the trained tokens of all rows of a fine-tune."""
    from flamingo_trainer.data.rows import encode_recipe

    rows = encode_recipe(loaded.tokenizer, loaded.stops, command["rows"], command["recipe"])
    total = sum(
        torch.nn.functional.cross_entropy(
            logits_of(model, row.ids)[0, :-1], torch.tensor(row.labels[1:]), ignore_index=-100, reduction="sum"
        )
        for row in rows
    )
    return (total / sum(row.trained for row in rows)).item()


@pytest.mark.parametrize("changes", PATHS)
def test_the_first_step_has_the_loss_that_the_parent_ended_with(models, tiny_model, parent, tmp_path, changes):
    """One step over all rows, at the learning rate 0: its loss is that of the parent's adapter on these rows."""
    changes = {**changes, "batchSize": 18, "epochs": 1}
    command = child_command(tmp_path, tiny_model, start(continued=stored(parent[1])), **changes)
    facts = run(models, command)
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    ended = PeftModel.from_pretrained(base, parent[1]["adapter"]["path"]).eval()
    loaded = models.base(command["model"], "fp32", Listener())
    assert read_lines(facts["log"])[0]["loss"] == pytest.approx(loss_of(loaded, command, ended), rel=1e-5)
    # the rate of the first step is 0, so the adapter is the parent's to the bit
    assert facts["adapter"]["sha256"] == parent[1]["adapter"]["sha256"]


def test_going_on_is_no_training_from_the_start(models, tiny_model, parent, tmp_path):
    begun = start(continued=stored(parent[1]))
    going_on = run(models, child_command(tmp_path / "on", tiny_model, begun))
    afresh = run(models, finetune_command(tmp_path / "afresh", tiny_model, lora=LORA))
    assert afresh["adapter"]["sha256"] == parent[1]["adapter"]["sha256"] != going_on["adapter"]["sha256"]
    assert read_lines(going_on["log"])[0]["loss"] < read_lines(afresh["log"])[0]["loss"]


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ({"rank": 8}, "has r 4, the recipe 8"),
        ({"alpha": 9}, "has lora_alpha 8, the recipe 9"),
        ({"rsLora": False}, "has use_rslora True, the recipe False"),
        ({"targetModules": ["q_proj"]}, "has target_modules"),
        ({"layers": [1]}, r"has layers_to_transform None, the recipe \[1\]"),
    ],
)
def test_another_shape_of_adapter_is_refused(models, tiny_model, parent, tmp_path, lora, said):
    command = child_command(tmp_path, tiny_model, start(continued=stored(parent[1])))
    command["recipe"]["lora"] = {**LORA, **lora}
    with pytest.raises(Failure, match=said) as caught:
        run(models, command)
    assert caught.value.kind == "config"


@pytest.mark.parametrize("changes", PATHS)
def test_a_new_adapter_is_trained_on_the_merged_weights(models, tiny_model, parent, tmp_path, changes):
    begun = start(merged=[stored(parent[1])])
    command = child_command(tmp_path, tiny_model, begun, "merge", batchSize=18, epochs=2, **changes)
    facts = run(models, command)
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    merged = PeftModel.from_pretrained(base, parent[1]["adapter"]["path"]).merge_and_unload().eval()
    loaded = models.base(command["model"], "fp32", Listener())
    # B begins as zeros: the first loss is that of the merged weights alone
    assert read_lines(facts["log"])[0]["loss"] == pytest.approx(loss_of(loaded, command, merged), rel=1e-5)


def test_a_merge_in_bf16_is_rounded_once(tiny_model, parent):
    """The sum in fp32, and then one rounding: not the adapter's part rounded before it is added."""
    folder = Path(parent[1]["adapter"]["path"])
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    before = base.model.layers[0].mlp.down_proj.weight.detach().float().clone()
    part = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), folder)
    delta = part.base_model.model.model.layers[0].mlp.down_proj.get_delta_weight("default").float()
    merged = merge(base, folder, sha256_of(folder / WEIGHTS))
    found = merged.model.layers[0].mlp.down_proj.weight
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, (before + delta).to(torch.bfloat16))
    assert not torch.equal(found.float(), before)


def test_logits_of_a_chain_are_those_of_weights_merged_one_after_the_other(models, tiny_model, parent, tmp_path):
    """Parent merged, child merged onto it, a third adapter on top: as PEFT does it by hand."""
    first = stored(parent[1])
    child = stored(run(models, child_command(tmp_path / "2", tiny_model, start([first]), "merge", epochs=2)))
    third = stored(run(models, child_command(tmp_path / "3", tiny_model, start([first, child]), "merge", epochs=1)))
    assert len({each["sha256"] for each in (first, child, third)}) == 3

    by_hand = AutoModelForCausalLM.from_pretrained(tiny_model)
    for each in (first, child):
        by_hand = PeftModel.from_pretrained(by_hand, each["path"]).merge_and_unload()
    by_hand = PeftModel.from_pretrained(by_hand, third["path"]).eval()
    ours = models.with_adapter({"path": str(tiny_model)}, "fp32", third, Listener(), [first, child])
    ids = list(range(3, 40))
    assert torch.allclose(logits_of(ours.model, ids), logits_of(by_hand, ids), atol=1e-5)
    # another order, or a link left out, is another model
    for other in ([child, first], [first], []):
        found = models.with_adapter({"path": str(tiny_model)}, "fp32", third, Listener(), other)
        same = torch.allclose(logits_of(found.model, ids), logits_of(by_hand, ids), atol=1e-5)
        assert same == (other == [child, first])  # sums have no order


@pytest.mark.parametrize("changes", [{}, {"batching": "continuous"}], ids=["batches", "slots"])
def test_answers_come_from_the_whole_chain(models, tiny_model, parent, tmp_path, changes):
    first = stored(parent[1])
    child = stored(run(models, child_command(tmp_path / "child", tiny_model, start([first]), "merge", epochs=1)))

    def answers(name, used, **more):
        command = generate_command(tmp_path / name, tiny_model, items(4), temperature=0, **changes)
        generate(used, Listener(), **fields({"op": "generate", **command, "adapter": child, **more}))
        return [row["text"] for row in read_lines(command["out"])]

    whole = answers("whole", models, merged=[first])
    assert answers("again", Models(), merged=[first]) == whole
    assert answers("alone", models) != whole
    # the base is loaded anew for those after it
    assert answers("back", models, merged=[first]) == whole


@pytest.mark.parametrize("kind", ["continue", "merge"])
def test_a_stopped_child_resumes_to_the_bit(models, tiny_model, parent, tmp_path, kind):
    adapter = stored(parent[1])
    begun = start(continued=adapter) if kind == "continue" else start(merged=[adapter])
    whole = run(models, child_command(tmp_path / "whole", tiny_model, begun, kind))
    command = child_command(tmp_path / "stopped", tiny_model, begun, kind)
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=5))
    again = run(models, in_another_attempt(command, tmp_path / "second"))
    assert again["resumedFrom"] == 5
    assert again["adapter"]["sha256"] == whole["adapter"]["sha256"]


def test_a_checkpoint_on_another_parents_weights_is_passed_over(models, tiny_model, parent, tmp_path):
    command = child_command(tmp_path / "stopped", tiny_model, start([stored(parent[1])]), "merge")
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=5))
    other = run(models, finetune_command(tmp_path / "other", tiny_model, lora=LORA, epochs=1))
    again = in_another_attempt({**command, **start([stored(other)])}, tmp_path / "second")
    assert run(models, again)["resumedFrom"] is None


def test_a_parent_of_other_bytes_is_refused(models, tiny_model, parent, tmp_path):
    for begun in (
        start([{**stored(parent[1]), "sha256": "0" * 64}]),
        start((), {**stored(parent[1]), "sha256": "0" * 64}),
    ):
        with pytest.raises(Failure, match="has the SHA-256"):
            run(models, child_command(tmp_path / str(len(begun["start"]["merged"])), tiny_model, begun))

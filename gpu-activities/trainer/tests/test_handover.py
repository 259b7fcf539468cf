"""A fine-tune by somebody else's program: what it is given, what is taken from it, and the worked example."""

import json
import os
import runpy
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from flamingo_trainer.failures import Failure
from flamingo_trainer.handover import accept, check_base, locate, prepare
from flamingo_trainer.models import adapters
from flamingo_trainer.models.adapters import CONFIG, WEIGHTS
from flamingo_trainer.models.card import CARD, Base
from flamingo_trainer.serve import fields
from flamingo_trainer.training.schedule import schedule, steps_of
from flamingo_trainer.training.train import finetune

from .driver import HOME
from .families import other_family
from .forked import Forked
from .work import RECIPE, Listener, finetune_command, read_lines

EXAMPLE = HOME.parents[1] / "experiments" / "own-trainer" / "train.py"
# no dropout: its luck depends on the order of forward passes
LORA = {**RECIPE["lora"], "dropout": 0.0}


def handed_out(models, folder, model, **changes):
    """The settings file of a prepared fine-tune, and the command that our own trainer would get for it."""
    command = finetune_command(folder, model, lora=LORA, **changes)
    facts = prepare(
        models,
        Listener(),
        model=command["model"],
        recipe=command["recipe"],
        rows=command["rows"],
        folder=str(folder / "input"),
    )
    for name in ("checkpoints", "produced"):
        (folder / name).mkdir(exist_ok=True)
    settings = {
        "version": 1,
        "model": facts["modelFolder"],
        "rows": str(folder / "input" / "rows.jsonl"),
        "steps": str(folder / "input" / "steps.jsonl"),
        "optimizer_steps": facts["steps"],
        "pad_token_id": facts["padToken"],
        "target_modules": facts["targetModules"],
        "exclude_modules": facts["excludeModules"],
        "datasets": {},
        "loads": {},
        "evaluate_at": {},
        "until": None,
        "checkpoints": str(folder / "checkpoints"),
        "adapter": str(folder / "produced"),
        "recipe": command["recipe"],
    }
    path = folder / "settings.json"
    path.write_text(json.dumps(settings))
    return path, settings, command, facts


def taken_in(models, command, produced, target, **of):
    return accept(
        models,
        Listener(),
        model=command["model"],
        recipe=command["recipe"],
        produced=str(produced),
        adapter_folder=str(target),
        **of,
    )


def example(settings):
    return subprocess.Popen([sys.executable, str(EXAMPLE), str(settings)], stdout=subprocess.PIPE, text=True)


def forked_example(settings):
    """The same with the libraries imported; what it says."""
    ours, its = os.pipe()
    end = Connection(its, readable=False)
    process = Forked(run_example, str(settings), log=settings.with_suffix(".log"), descriptors={1: end})
    return process, os.fdopen(ours, encoding="utf-8")


def run_example(settings):
    sys.argv = [str(EXAMPLE), settings]
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    return 0


@pytest.fixture(scope="module")
def made(models, tiny_model, tmp_path_factory):
    """One run of the worked example over 15 steps."""
    folder = tmp_path_factory.mktemp("made")
    path, settings, command, facts = handed_out(models, folder / "work", tiny_model)
    program = example(path)
    said = [json.loads(line) for line in program.stdout]
    assert program.wait() == 0
    return settings, command, facts, said


def test_rows_and_steps_are_those_of_our_own_trainer(made):
    settings, command, facts, _ = made
    recipe = command["recipe"]
    rows, steps = read_lines(settings["rows"]), read_lines(settings["steps"])
    assert [row["number"] for row in rows] == list(range(1, 19))
    assert all(len(row["input_ids"]) == len(row["labels"]) for row in rows)
    declared = steps_of(18, recipe)
    assert [step["rows"] for step in steps] == [[i + 1 for i in step] for step in declared]
    assert [step["learning_rate"] for step in steps] == [
        0.01 * schedule(recipe["schedule"], number, 15) for number in range(15)
    ]
    assert facts["steps"] == 15 and facts["rowsTruncated"] == 0
    trained = {row["number"]: sum(label != -100 for label in row["labels"][1:]) for row in rows}
    assert facts["trainedTokens"] == sum(trained[number] for step in steps for number in step["rows"])


def test_the_example_does_what_our_own_trainer_does(models, tiny_model, made, tmp_path):
    settings, command, _, said = made
    facts = taken_in(models, command, settings["adapter"], tmp_path / "adapter")
    own = finetune(models, Listener(), **fields(finetune_command(tmp_path / "own", tiny_model, lora=LORA)))
    log = read_lines(own["log"])
    assert [line["loss"] for line in said] == pytest.approx([entry["loss"] for entry in log], rel=1e-4)
    assert [line["grad_norm"] for line in said] == pytest.approx([entry["gradNorm"] for entry in log], rel=1e-3)
    theirs = load_file(tmp_path / "adapter" / WEIGHTS)
    ours = load_file(Path(own["adapter"]["path"]) / WEIGHTS)
    assert theirs.keys() == ours.keys()
    for name, value in ours.items():
        assert torch.allclose(theirs[name], value, rtol=1e-3, atol=1e-3), name
    # and in our form: the same settings file, to the byte
    for name in (CONFIG, CARD):
        assert (tmp_path / "adapter" / name).read_bytes() == (Path(own["adapter"]["path"]) / name).read_bytes()
    assert len(facts["adapter"]["sha256"]) == 64


def test_the_example_stops_and_goes_on_bit_for_bit(models, tiny_model, made, tmp_path):
    path, settings, _, _ = handed_out(models, tmp_path / "work", tiny_model)
    program, said = forked_example(path)
    with said:
        for line in said:
            if json.loads(line)["step"] == 4:
                program.send_signal(signal.SIGTERM)
                break
        rest = said.read()
    assert program.wait() == 75, rest
    assert list((tmp_path / "work" / "checkpoints").glob("step-*.pt"))
    again, said = forked_example(path)
    with said:
        steps = [json.loads(line)["step"] for line in said]
    assert again.wait() == 0 and steps[0] > 4 and steps[-1] == 15
    assert Path(settings["adapter"], WEIGHTS).read_bytes() == Path(made[0]["adapter"], WEIGHTS).read_bytes()


def test_the_example_leaves_the_adapters_that_are_evaluated_and_stops_where_no_more_is_wanted(
    models, tiny_model, tmp_path
):
    path, settings, command, _ = handed_out(models, tmp_path / "work", tiny_model)
    kept = tmp_path / "work" / "kept" / "step-000004"
    path.write_text(json.dumps({**settings, "evaluate_at": {"4": str(kept)}, "until": 5}))
    program, said = forked_example(path)
    with said:
        assert [json.loads(line)["step"] for line in said] == [1, 2, 3, 4, 5]
    assert program.wait() == 0
    assert not any(Path(settings["adapter"]).iterdir())
    facts = taken_in(models, command, kept, tmp_path / "adapter", step=4)
    own = finetune(
        models,
        Listener(),
        **fields({**finetune_command(tmp_path / "own", tiny_model, lora=LORA), "keepSteps": [4], "until": 4}),
    )
    # whose card says of which step it is
    card = (tmp_path / "adapter" / CARD).read_text()
    assert "step 4" in card and card == (Path(own["kept"][0]["path"]) / CARD).read_text()
    ours = load_file(Path(own["kept"][0]["path"]) / WEIGHTS)
    theirs = load_file(Path(facts["adapter"]["path"]) / WEIGHTS)
    assert all(torch.allclose(theirs[name], value, rtol=1e-3, atol=1e-3) for name, value in ours.items())


def test_further_rows_are_handed_out_without_the_prompt_of_the_training(models, tiny_model, tmp_path):
    prompt = {"kind": "text", "text": "Be brief."}
    command = finetune_command(tmp_path / "main", tiny_model, systemPrompt=prompt)
    others = finetune_command(tmp_path / "others", tiny_model, count=3)
    recipe = {**command["recipe"], "datasets": {"kl": {"rows": others["recipe"]["rows"], "rowCount": 3}}}
    given = {"model": command["model"], "recipe": recipe, "rows": command["rows"], "folder": str(tmp_path)}
    facts = prepare(models, Listener(), **given, further={"kl": others["rows"]})
    assert facts["furtherTruncated"] == {"kl": 0}
    plain, prompted = read_lines(tmp_path / "datasets" / "kl.jsonl"), read_lines(tmp_path / "rows.jsonl")
    assert [row["number"] for row in plain] == [1, 2, 3] and len(prompted) == 18
    # the same three conversations, once with the prompt and once as a recipe without it has them
    named = {name: others[name] for name in ("model", "recipe", "rows")}
    prepare(models, Listener(), **named, folder=str(tmp_path / "others"))
    assert plain == read_lines(tmp_path / "others" / "rows.jsonl") != prompted[:3]
    with pytest.raises(Failure, match="further datasets"):
        prepare(models, Listener(), **given)
    Path(others["rows"]).write_text("{}\n")
    with pytest.raises(Failure, match="not those of the recipe"):
        prepare(models, Listener(), **given, further={"kl": others["rows"]})


# --- what is not taken ----


def copy_of(made, folder):
    folder.mkdir()
    for name in (WEIGHTS, CONFIG):
        (folder / name).write_bytes(Path(made[0]["adapter"], name).read_bytes())
    return folder


def change_config(folder, **changes):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


def change_tensors(folder, change):
    tensors = load_file(folder / WEIGHTS)
    save_file(change(tensors), folder / WEIGHTS)


def without_first(tensors):
    return {name: tensors[name] for name in sorted(tensors)[1:]}


def not_finite(tensors):
    tensors[sorted(tensors)[0]][0, 0] = float("nan")
    return tensors


def one_more(tensors):
    return {**tensors, "base_model.model.lm_head.weight": torch.ones(2)}


def other_shape(tensors):
    return {name: value[:, :-1].contiguous() for name, value in tensors.items()}


FAULTS = {
    "no settings": (lambda folder: (folder / CONFIG).unlink(), r"left no adapter_config\.json"),
    "settings that are none": (lambda folder: (folder / CONFIG).write_text("{"), "can not be read"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), r"left no adapter_model\.safetensors"),
    "weights cut short": (
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9]),
        "can not be read",
    ),
    "another base": (
        lambda folder: change_config(folder, base_model_name_or_path="someone/else"),
        "its base is 'someone/else'",
    ),
    "another rank": (lambda folder: change_config(folder, r=8), "r is 8, the recipe says 4"),
    "other modules": (lambda folder: change_config(folder, target_modules=["q_proj"]), "target_modules"),
    "modules as a pattern": (lambda folder: change_config(folder, target_modules=".*proj"), "target_modules"),
    "plain scale": (lambda folder: change_config(folder, use_rslora=False), "use_rslora is False"),
    "transposed matrices": (lambda folder: change_config(folder, fan_in_fan_out=True), "fan_in_fan_out is True"),
    "DoRA": (lambda folder: change_config(folder, use_dora=True), "use_dora is True"),
    "a tensor short": (lambda folder: change_tensors(folder, without_first), "lacks 1 tensors"),
    "a tensor too many": (lambda folder: change_tensors(folder, one_more), "beyond the recipe 1 tensors"),
    "another shape": (lambda folder: change_tensors(folder, other_shape), "made for another base"),
    "not a number": (lambda folder: change_tensors(folder, not_finite), "not finite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_adapter_that_is_not_the_recipes_is_refused(models, made, tmp_path, fault):
    folder = copy_of(made, tmp_path / "produced")
    spoil, message = FAULTS[fault]
    spoil(folder)
    with pytest.raises(Failure, match=message) as caught:
        taken_in(models, made[1], folder, tmp_path / "adapter")
    assert caught.value.kind == "data"
    assert not (tmp_path / "adapter").exists()


def test_an_adapter_of_gpt2_says_that_its_matrices_are_transposed_and_is_taken(models, tmp_path):
    """PEFT notes it by itself, and reads the files whatever they note."""
    loaded = other_family("gpt2")
    place, lora = tmp_path / "gpt2", {**LORA, "targetModules": ["c_attn"]}
    loaded.model.save_pretrained(place)
    loaded.tokenizer.save_pretrained(place)
    recipe = {**RECIPE, "lora": lora, "rows": "ab" * 32, "rowCount": 8}
    command = {"model": {"path": str(place)}, "recipe": recipe}
    produced = adapters.create(loaded.model, lora, 0)
    produced.save_pretrained(tmp_path / "produced")
    assert json.loads((tmp_path / "produced" / CONFIG).read_text())["fan_in_fan_out"] is True
    facts = taken_in(models, command, tmp_path / "produced", tmp_path / "adapter")
    assert facts["matrices"] == {"c_attn": 2}
    change_config(tmp_path / "produced", fan_in_fan_out=False)
    assert (
        taken_in(models, command, tmp_path / "produced", tmp_path / "again")["adapter"]["sha256"]
        == (facts["adapter"]["sha256"])
    )
    attached = adapters.attach(
        adapters.take_off(produced), tmp_path / "adapter", facts["adapter"]["sha256"], torch.float32
    )
    assert all(layer.fan_in_fan_out for layer in adapters.lora_layers(attached))


def test_the_base_of_a_recipe_by_its_published_name_and_revision():
    pinned, place = Base("birds/small", "a" * 40), Path("/models/small")
    for name, revision in [(None, None), ("birds/small", "a" * 40), ("/models/small", None), ("birds/small", "main")]:
        check_base({"base_model_name_or_path": name, "revision": revision}, pinned, place)
    for name, revision, said in [
        ("birds/large", "a" * 40, r"base is 'birds/large', not 'birds/small' or '/models/small'"),
        ("birds/small", "b" * 40, r"revision 'b{40}', not 'a{40}'"),
    ]:
        with pytest.raises(Failure, match=said):
            check_base({"base_model_name_or_path": name, "revision": revision}, pinned, place)


def test_other_rows_than_the_recipes_are_not_handed_out(models, tiny_model, tmp_path):
    command = finetune_command(tmp_path, tiny_model)
    Path(command["rows"]).write_text("{}\n")
    named = {name: command[name] for name in ("model", "recipe", "rows")}
    with pytest.raises(Failure, match="not those of the recipe"):
        prepare(models, Listener(), **named, folder=str(tmp_path))


def test_layers_fewer_steps_and_all_answers_are_handed_over_and_taken_in(models, tiny_model, tmp_path):
    changes = {
        "maxSteps": 4,
        "mask": "answers",
        "schedule": {"kind": "cosine", "warmupSteps": 1, "warmupFrom": "zero"},
    }
    command = finetune_command(tmp_path, tiny_model, lora={**LORA, "layers": [1]}, **changes)
    ours = finetune(models, Listener(), **fields({"op": "finetune", **command}))
    facts = prepare(
        models,
        Listener(),
        model=command["model"],
        recipe=command["recipe"],
        rows=command["rows"],
        folder=str(tmp_path),
    )
    assert facts["steps"] == ours["steps"] == 4
    rates = [step["learning_rate"] for step in read_lines(tmp_path / "steps.jsonl")]
    assert rates == [entry["learningRate"] for entry in read_lines(ours["log"])]
    adapter = ours["adapter"]["path"]
    assert taken_in(models, command, adapter, tmp_path / "taken")["adapter"]["sha256"] == ours["adapter"]["sha256"]

    command["recipe"]["lora"]["layers"] = [0]
    with pytest.raises(Failure, match=r"layers_to_transform is \[1\], the recipe says \[0\]"):
        taken_in(models, command, adapter, tmp_path / "refused")


def test_the_place_of_a_base_model_is_told_without_its_weights(models, tiny_model, tmp_path):
    assert locate(models, Listener(), model={"path": str(tiny_model)}) == {"modelFolder": str(tiny_model)}
    with pytest.raises(Failure):
        locate(models, Listener(), model={"path": str(tmp_path / "none")})

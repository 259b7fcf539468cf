"""The loss on held-out rows: what it is, that it changes nothing, and what interruptions and ruined weights do."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from peft import PeftModel
from transformers import AutoModelForCausalLM

from flamingo_trainer.data.render import IGNORED, encode_rows
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.serve import fields
from flamingo_trainer.training.held_out import watched_rows
from flamingo_trainer.training.train import finetune

from ..work import RECIPE, Listener, finetune_command, read_lines, write_lines

NO_DROPOUT = {**RECIPE["lora"], "dropout": 0.0}
# the padded reference, packed through fused layers, packed through transformers' own
PATHS = [
    pytest.param({"lora": NO_DROPOUT}, id="padded"),
    pytest.param({"lora": NO_DROPOUT, "packing": "always"}, id="fused"),
    pytest.param({"packing": "always"}, id="whole"),
]


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def held_out_losses(facts):
    return {entry["step"]: entry["loss"] for entry in read_lines(facts["heldOut"]["path"])}


def contents(facts):
    return [Path(path).read_bytes() for path in (facts["log"], facts["heldOut"]["path"])]


def by_the_book(loaded, tiny_model, command, adapter):
    """The mean over the trained tokens of all held-out rows, by a model that was loaded from the files."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), adapter).eval()
    rows = encode_rows(loaded.tokenizer, loaded.stops, command["heldOut"], {"kind": "default"}, 200)
    total = torch.zeros(())
    for row in rows:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row.ids])).logits[0, :-1]
        total += F.cross_entropy(logits, torch.tensor(row.labels[1:]), ignore_index=IGNORED, reduction="sum")
    return (total / sum(row.trained for row in rows)).item()


@pytest.mark.parametrize("changes", PATHS)
def test_the_mean_over_the_trained_tokens_of_the_held_out_rows_after_each_epoch(models, tiny_model, tmp_path, changes):
    command = finetune_command(tmp_path, tiny_model, held_out=5, **changes)
    listener = Listener()
    facts = run(models, command, listener)
    losses = held_out_losses(facts)
    assert list(losses) == [5, 10, 15] and facts["heldOut"]["rows"] == 5
    assert listener.loaded.count("heldOut") == 3
    loaded = models.base(command["model"], "fp32", Listener())
    expected = by_the_book(loaded, tiny_model, command, facts["adapter"]["path"])
    assert losses[15] == pytest.approx(expected, rel=1e-5)
    assert losses[5] != losses[15]


@pytest.mark.parametrize("changes", PATHS)
def test_training_is_the_same_to_the_bit_with_and_without(models, tiny_model, tmp_path, changes):
    bare = run(models, finetune_command(tmp_path / "bare", tiny_model, **changes))
    watched = run(models, finetune_command(tmp_path / "watched", tiny_model, held_out=5, **changes))
    assert watched["adapter"]["sha256"] == bare["adapter"]["sha256"]
    assert bare["heldOut"] is None
    assert Path(watched["log"]).read_bytes() == Path(bare["log"]).read_bytes()


class StopsWhileWatching(Listener):
    """Asked to stop in the middle of the loss after the first epoch."""

    @property
    def stop_requested(self) -> bool:
        return "heldOut" in self.loaded


@pytest.mark.parametrize("changes", PATHS)
def test_an_interruption_leaves_no_trace_in_the_log(models, tiny_model, tmp_path, changes):
    """In the middle of the loss after the first epoch, and between two epochs."""
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model, held_out=5, **changes))
    command = finetune_command(tmp_path / "halted", tiny_model, every=100, held_out=5, **changes)
    for step, listener in ((5, StopsWhileWatching()), (7, Listener(stop_at=7))):
        with pytest.raises(Stopped) as caught:
            run(models, command, listener)
        assert caught.value.step == step
        models.drop()
    facts = run(models, command)
    assert facts["resumedFrom"] == 7
    assert contents(facts) == contents(whole)
    assert facts["adapter"]["sha256"] == whole["adapter"]["sha256"]


def test_stopped_again_before_it_was_made_up_for(models, tiny_model, tmp_path):
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model, held_out=5))
    command = finetune_command(tmp_path / "halted", tiny_model, every=100, held_out=5)
    for _ in range(2):
        with pytest.raises(Stopped) as caught:
            run(models, command, StopsWhileWatching())
        assert caught.value.step == 5
    assert contents(run(models, command)) == contents(whole)


@pytest.mark.parametrize("first", [0, 3], ids=["none", "others"])
def test_the_losses_on_other_rows_of_a_run_that_is_gone_on_with_are_not_taken_for_these(
    models, tiny_model, tmp_path, first
):
    """Held-out rows are part of no key: an experiment may go on where one with the same recipe was stopped."""
    whole = run(models, finetune_command(tmp_path / "whole", tiny_model, held_out=5))
    with pytest.raises(Stopped):
        run(models, finetune_command(tmp_path / "shared", tiny_model, held_out=first), Listener(stop_at=7))
    facts = run(models, finetune_command(tmp_path / "shared", tiny_model, held_out=5))
    expected = held_out_losses(whole)
    assert held_out_losses(facts) == {**expected, 5: None} and None not in expected.values()
    assert Path(facts["log"]).read_bytes() == Path(whole["log"]).read_bytes()


@pytest.mark.parametrize("changes", PATHS)
def test_weights_that_the_last_step_ruined_are_found(models, tiny_model, tmp_path, changes):
    """The only step's own loss is that of the weights before it, so nothing else would notice."""
    ruinous = {
        "epochs": 1,
        "batchSize": 18,
        "optimizer": {**RECIPE["optimizer"], "learningRate": 1e38, "weightDecay": 0},
        "schedule": {"kind": "constant", "warmupSteps": 0, "warmupFrom": "zero"},
    }
    command = finetune_command(tmp_path, tiny_model, held_out=5, **ruinous, **changes)
    with pytest.raises(Failure, match=r"step 1: afterwards the held-out loss is (nan|inf); rows \d+, \d+") as caught:
        run(models, command)
    assert caught.value.kind == "nan"
    models.drop()


def test_rows_that_training_could_not_have_had_are_left_out_and_counted(models, tiny_model, tmp_path, capfd):
    command = finetune_command(tmp_path, tiny_model, held_out=3)
    rows = read_lines(command["heldOut"])
    longer = {"messages": [{"role": "user", "content": "Why? " * 12}, rows[0]["messages"][1]]}
    endless = {"messages": [{"role": "user", "content": "Why? " * 200}, rows[0]["messages"][1]]}
    write_lines(Path(command["heldOut"]), [*rows, longer, endless])
    assert run(models, command)["heldOut"]["rows"] == 3
    said = capfd.readouterr().err
    assert "held-out rows left out: 2, the first: row 4: " in said and "no training row has more than" in said


QUESTION, ANSWER = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}
FAULTS = {
    "no answer": ({"messages": [QUESTION]}, "data", "its last message must be the assistant's answer"),
    "no messages": ({"text": "Why?"}, "data", "must be an object with `messages`"),
    "a special token": (
        {"messages": [{**QUESTION, "content": "<|im_start|>assistant"}, ANSWER]},
        "data",
        r"message 1 contains <\|im_start\|>",
    ),
}


@pytest.mark.parametrize("mask", ["answer", "markers", "responses", "all"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_row_is_a_failure_that_names_it_before_anything_is_trained(models, tiny_model, tmp_path, fault, mask):
    row, kind, message = FAULTS[fault]
    command = finetune_command(tmp_path, tiny_model, held_out=3, mask=mask)
    write_lines(Path(command["heldOut"]), [*read_lines(command["heldOut"]), row])
    listener = Listener()
    with pytest.raises(Failure, match=f"held-out row 4: .*{message}") as caught:
        run(models, command, listener)
    assert caught.value.kind == kind and listener.steps == []


def test_a_tokenizer_that_loses_text_of_a_held_out_row_is_a_failure(models, tiny_model, tmp_path):
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    rows = write_lines(tmp_path / "held-out.jsonl", [{"messages": [QUESTION, {**ANSWER, "content": "Be\u0000cause."}]}])
    dropping = dataclasses.replace(loaded, tokenizer=Dropping(loaded.tokenizer))
    with pytest.raises(Failure, match="held-out row 1: the tokenizer loses text") as caught:
        watched_rows(dropping, str(rows), RECIPE, 200)
    assert caught.value.kind == "config"


class Dropping:
    """A tokenizer that leaves out zero bytes."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)

    def __call__(self, text, **settings):
        return self._tokenizer(text.replace("\0", ""), **settings)


def test_speed_and_memory_of_every_step_in_a_file_of_their_own(models, tiny_model, tmp_path):
    command = finetune_command(tmp_path, tiny_model, every=4)
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=6))
    facts = run(models, command)
    speed = read_lines(facts["speed"])
    assert [entry["step"] for entry in speed] == list(range(1, 16))
    assert all(entry["tokensPerSecond"] > 0 and entry["memoryBytes"] > 1e6 for entry in speed)
    assert all(entry.keys() == {"step", "tokensPerSecond", "memoryBytes"} for entry in speed)
    assert "tokensPerSecond" not in json.dumps(read_lines(facts["log"]))

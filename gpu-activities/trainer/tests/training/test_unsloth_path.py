"""The Unsloth backend against a stand-in: what Unsloth is asked, and that all else is as with the other backend."""

import pytest

from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models.unsloth_model import UnslothModels
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..driver import STAND_INS, Trainer
from ..work import RECIPE, UNSLOTH, Listener, finetune_command, read_lines


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def test_rows_order_and_losses_are_those_of_the_reference(calls, models, tiny_model, tmp_path):
    """Same rows in every step, the loss a mean over the step's trained tokens: else the logs would part."""
    mine = run(UnslothModels(), finetune_command(tmp_path / "a", tiny_model, **UNSLOTH))
    reference = run(models, finetune_command(tmp_path / "b", tiny_model, **{**UNSLOTH, "backend": "transformers",
                                                                            "precision": "fp32"}))  # fmt: skip
    log, expected = read_lines(mine["log"]), read_lines(reference["log"])
    assert len(log) == len(expected) == 12
    for here, there in zip(log, expected, strict=True):
        assert here["trainedTokens"] == there["trainedTokens"]
        assert here["learningRate"] == there["learningRate"]
        assert here["loss"] == pytest.approx(there["loss"], rel=1e-4)
        assert here["gradNorm"] == pytest.approx(there["gradNorm"], rel=1e-3)
    assert mine["rowsTruncated"] == reference["rowsTruncated"]


def test_the_held_out_loss_is_that_of_the_reference_and_costs_no_bit_of_the_training(
    calls, models, tiny_model, tmp_path
):
    mine = run(UnslothModels(), finetune_command(tmp_path / "a", tiny_model, held_out=5, **UNSLOTH))
    bare = run(UnslothModels(), finetune_command(tmp_path / "b", tiny_model, **UNSLOTH))
    changes = {**UNSLOTH, "backend": "transformers", "precision": "fp32"}
    reference = run(models, finetune_command(tmp_path / "c", tiny_model, held_out=5, **changes))
    found, expected = (
        {entry["step"]: entry["loss"] for entry in read_lines(facts["heldOut"]["path"])} for facts in (mine, reference)
    )
    assert list(expected) == [4, 8, 12]
    assert found == pytest.approx(expected, rel=1e-4)
    assert mine["adapter"]["sha256"] == bare["adapter"]["sha256"]


def test_resumed_it_ends_as_undisturbed(calls, tiny_model, tmp_path):
    whole = run(UnslothModels(), finetune_command(tmp_path / "whole", tiny_model, **UNSLOTH))
    command = finetune_command(tmp_path / "halted", tiny_model, **UNSLOTH)
    with pytest.raises(Stopped) as stopped:
        run(UnslothModels(), command, Listener(stop_at=5))
    assert stopped.value.step == 5
    again = run(UnslothModels(), command)
    assert again["resumedFrom"] == 5
    assert again["adapter"]["sha256"] == whole["adapter"]["sha256"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "transformers"}, "this trainer is the backend 'unsloth'"),
        ({"precision": "fp32"}, "computes in bf16"),
        ({"lora": RECIPE["lora"]}, "dropout"),
        ({"packing": "always"}, "padded rows"),
    ],
)
def test_what_it_can_not_do_it_refuses(calls, tiny_model, tmp_path, changes, message):
    with pytest.raises(Failure, match=message) as failed:
        run(UnslothModels(), finetune_command(tmp_path, tiny_model, **{**UNSLOTH, **changes}))
    assert failed.value.kind == "config"


def test_the_other_backend_does_not_take_its_work(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="this trainer is the backend 'transformers', not 'unsloth'"):
        run(models, finetune_command(tmp_path, tiny_model, **UNSLOTH))


def test_in_a_process_of_its_own(calls, tiny_model, tmp_path):
    """Stopped by a signal, gone on with in another process."""
    command = finetune_command(tmp_path, tiny_model, every=50, epochs=20, **UNSLOTH)
    first = Trainer(tmp_path / "log", "unsloth", program=True, packages=STAND_INS)
    assert "unsloth" in first.ready["versions"]
    first.send("finetune", id=1, **command)
    first.until("progress")
    first.terminate()
    end = first.finish()
    assert end["event"] == "stopped"
    assert first.wait() == 0
    first.close()
    assert run(UnslothModels(), command)["resumedFrom"] == end["step"] >= 1

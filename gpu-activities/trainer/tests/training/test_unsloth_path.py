"""The Unsloth backend against a stand-in: what Unsloth is asked, and that all else is as with the other backend."""

import json
import sys
from pathlib import Path

import pytest

from flamingo_trainer import environment
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models.unsloth_model import UnslothModels
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..driver import Trainer
from ..work import RECIPE, Listener, finetune_command, read_lines

STAND_INS = Path(__file__).parent / "stand_ins"
LORA = {**RECIPE["lora"], "dropout": 0}
CHANGES = {"backend": "unsloth", "precision": "bf16", "lora": LORA, "lastBatch": "drop"}


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.syspath_prepend(str(STAND_INS))
    import unsloth

    unsloth.calls.clear()
    yield unsloth.calls
    del sys.modules["unsloth"]


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def test_unsloth_is_told_everything_that_it_would_else_decide(calls, tiny_model, tmp_path):
    run(UnslothModels(), finetune_command(tmp_path, tiny_model, epochs=1, **CHANGES))
    (_, loading), (_, adapting) = calls
    assert loading["model_name"] == str(tiny_model)
    assert loading["load_in_4bit"] is False
    assert loading["use_exact_model_name"] is True
    assert loading["fix_tokenizer"] is False
    assert loading["local_files_only"] is True
    assert str(loading["dtype"]) == "torch.bfloat16"
    assert loading["max_seq_length"] == 1024
    assert loading["use_gradient_checkpointing"] == adapting["use_gradient_checkpointing"] == "unsloth"
    assert (adapting["r"], adapting["lora_alpha"], adapting["lora_dropout"]) == (4, 8, 0)
    assert adapting["use_rslora"] is True
    assert adapting["random_state"] == RECIPE["seeds"]["initialisation"]
    assert adapting["target_modules"] == ["down_proj", "q_proj", "v_proj"]
    assert adapting["bias"] == "none"


def test_rows_order_and_losses_are_those_of_the_reference(calls, models, tiny_model, tmp_path):
    """Same rows in every step, the loss a mean over the step's trained tokens: else the logs would part."""
    mine = run(UnslothModels(), finetune_command(tmp_path / "a", tiny_model, **CHANGES))
    reference = run(models, finetune_command(tmp_path / "b", tiny_model, **{**CHANGES, "backend": "transformers",
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
    mine = run(UnslothModels(), finetune_command(tmp_path / "a", tiny_model, held_out=5, **CHANGES))
    bare = run(UnslothModels(), finetune_command(tmp_path / "b", tiny_model, **CHANGES))
    changes = {**CHANGES, "backend": "transformers", "precision": "fp32"}
    reference = run(models, finetune_command(tmp_path / "c", tiny_model, held_out=5, **changes))
    found, expected = (
        {entry["step"]: entry["loss"] for entry in read_lines(facts["heldOut"]["path"])} for facts in (mine, reference)
    )
    assert list(expected) == [4, 8, 12]
    assert found == pytest.approx(expected, rel=1e-4)
    assert mine["adapter"]["sha256"] == bare["adapter"]["sha256"]


def test_the_stored_adapter_says_what_was_declared(calls, tiny_model, tmp_path):
    made = run(UnslothModels(), finetune_command(tmp_path, tiny_model, epochs=1, **CHANGES))
    config = json.loads((Path(made["adapter"]["path"]) / "adapter_config.json").read_text())
    assert config["target_modules"] == ["down_proj", "q_proj", "v_proj"]
    assert config["base_model_name_or_path"] is None


def test_an_adapter_of_unsloth_is_sampled_by_our_own_process(calls, models, tiny_model, tmp_path):
    made = run(UnslothModels(), finetune_command(tmp_path, tiny_model, epochs=1, **CHANGES))
    loaded = models.with_adapter({"path": str(tiny_model)}, "fp32", made["adapter"], Listener())
    assert any("lora_" in name for name, _ in loaded.model.named_parameters())
    with pytest.raises(Failure, match="own process"):
        UnslothModels().with_adapter({"path": str(tiny_model)}, "bf16", made["adapter"], Listener())


def test_resumed_it_ends_as_undisturbed(calls, tiny_model, tmp_path):
    whole = run(UnslothModels(), finetune_command(tmp_path / "whole", tiny_model, **CHANGES))
    command = finetune_command(tmp_path / "halted", tiny_model, **CHANGES)
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
        run(UnslothModels(), finetune_command(tmp_path, tiny_model, **{**CHANGES, **changes}))
    assert failed.value.kind == "config"


def test_the_other_backend_does_not_take_its_work(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="this trainer is the backend 'transformers', not 'unsloth'"):
        run(models, finetune_command(tmp_path, tiny_model, **CHANGES))


def test_versions_name_what_took_part():
    assert environment.UNSLOTH_PACKAGES[0] in environment.versions("unsloth")
    assert "unsloth" not in environment.versions()


def test_after_transformers_it_is_too_late():
    assert "unsloth" not in sys.modules
    with pytest.raises(Failure, match="must come first"):
        unsloth_backend.fast_language_model()


def test_in_a_process_of_its_own(calls, tiny_model, tmp_path):
    """Stopped by a signal, gone on with in another process."""
    command = finetune_command(tmp_path, tiny_model, every=50, epochs=20, **CHANGES)
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


def test_where_it_is_missing_the_message_says_how_to_install_it(tiny_model, tmp_path):
    trainer = Trainer(tmp_path / "log", "unsloth", program=True)
    trainer.send("finetune", id=1, **finetune_command(tmp_path, tiny_model, **CHANGES))
    end = trainer.finish()
    assert (end["event"], end["kind"]) == ("failed", "config")
    assert "uv sync --frozen --project" in end["message"]
    trainer.close()

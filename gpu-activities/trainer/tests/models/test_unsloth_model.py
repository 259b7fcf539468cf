"""Unsloth's model against a stand-in: what Unsloth is asked, and what is stored of it."""

import json
import sys
from pathlib import Path

import pytest

from flamingo_trainer.failures import Failure
from flamingo_trainer.models.unsloth_model import UnslothModels, fast_language_model
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..driver import Trainer
from ..work import RECIPE, UNSLOTH, Listener, finetune_command


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def test_unsloth_is_told_everything_that_it_would_else_decide(calls, tiny_model, tmp_path):
    run(UnslothModels(), finetune_command(tmp_path, tiny_model, epochs=1, **UNSLOTH))
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


def test_the_stored_adapter_says_what_was_declared(calls, tiny_model, tmp_path):
    made = run(UnslothModels(), finetune_command(tmp_path, tiny_model, epochs=1, **UNSLOTH))
    config = json.loads((Path(made["adapter"]["path"]) / "adapter_config.json").read_text())
    assert config["target_modules"] == ["down_proj", "q_proj", "v_proj"]
    assert config["base_model_name_or_path"] is None


def test_the_stored_adapter_names_the_pinned_base(calls, tiny_model, tmp_path):
    """And not the upload that Unsloth would have taken instead."""
    command = finetune_command(tmp_path, tiny_model, epochs=1, **UNSLOTH)
    command["recipe"]["model"] = {"kind": "hub", "id": "birds/small", "revision": "a" * 40}
    made = run(UnslothModels(), command)
    config = json.loads((Path(made["adapter"]["path"]) / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("birds/small", "a" * 40)


def test_an_adapter_of_unsloth_is_sampled_by_our_own_process(calls, models, tiny_model, tmp_path):
    made = run(UnslothModels(), finetune_command(tmp_path, tiny_model, epochs=1, **UNSLOTH))
    loaded = models.with_adapter({"path": str(tiny_model)}, "fp32", made["adapter"], Listener())
    assert any("lora_" in name for name, _ in loaded.model.named_parameters())
    with pytest.raises(Failure, match="own process"):
        UnslothModels().with_adapter({"path": str(tiny_model)}, "bf16", made["adapter"], Listener())


def test_after_transformers_it_is_too_late():
    assert "unsloth" not in sys.modules
    with pytest.raises(Failure, match="must come first"):
        fast_language_model()


def test_where_it_is_missing_the_message_says_how_to_install_it(tiny_model, tmp_path):
    trainer = Trainer(tmp_path / "log", "unsloth", program=True)
    trainer.send("finetune", id=1, **finetune_command(tmp_path, tiny_model, **UNSLOTH))
    end = trainer.finish()
    assert (end["event"], end["kind"]) == ("failed", "config")
    assert "uv sync --frozen --project" in end["message"]
    trainer.close()

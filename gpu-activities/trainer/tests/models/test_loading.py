"""Models that people hand to the trainer: found and loaded, or a typed failure that says what to do."""

import json
import shutil

import pytest
import torch

from flamingo_trainer.failures import Failure
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..work import Listener, finetune_command, generate_command, items


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


@pytest.fixture
def own_model(tiny_model, tmp_path):
    """A copy of the tiny model that a test may spoil."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def change(file, **values):
    content = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in {**content, **values}.items() if value is not None}))


def test_a_tokenizer_without_a_pad_token_pads_with_another_that_is_never_seen(tiny_model, own_model, tmp_path):
    change(own_model / "tokenizer_config.json", pad_token=None)
    (own_model / "special_tokens_map.json").unlink(missing_ok=True)
    models = Models()
    loaded = models.base({"path": str(own_model)}, "fp32", Listener())
    assert loaded.tokenizer.pad_token == loaded.tokenizer.eos_token
    # rows are padded in both, with different tokens, and nothing comes of it
    without = run(models, finetune_command(tmp_path / "without", own_model))
    expected = run(Models(), finetune_command(tmp_path / "with", tiny_model))
    assert without["adapter"]["sha256"] == expected["adapter"]["sha256"]


def test_weights_of_another_precision_are_read_in_the_recipes(own_model, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = own_model / "model.safetensors"
    save_file({name: value.half() for name, value in load_file(weights).items()}, weights, metadata={"format": "pt"})
    change(own_model / "config.json", dtype="float16")
    loaded = Models().base({"path": str(own_model)}, "fp32", Listener())
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_a_quantized_model(own_model, tmp_path):
    change(own_model / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    with pytest.raises(Failure, match="is quantized") as caught:
        run(Models(), finetune_command(tmp_path / "run", own_model))
    assert caught.value.kind == "config"


def test_a_kind_of_model_that_nobody_knows(own_model, tmp_path):
    change(own_model / "config.json", model_type="flamingo9", architectures=["Flamingo9"])
    with pytest.raises(Failure, match=r"can not be loaded: .*flamingo9") as caught:
        run(Models(), finetune_command(tmp_path / "run", own_model))
    assert caught.value.kind == "config"


def test_a_gpu_that_others_use(tiny_model, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", full)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(3e9), int(80e9)))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: int(1e9))
    with pytest.raises(Failure, match=r"of the GPU's 80.0 GB this process holds 1.0 and others 76.0") as caught:
        run(Models(), finetune_command(tmp_path, tiny_model))
    assert caught.value.kind == "oom"


def test_a_model_that_is_not_there(models, tmp_path):
    command = generate_command(tmp_path, tmp_path / "nowhere", items(1))
    with pytest.raises(Failure, match="no model folder") as caught:
        generate(models, Listener(), **fields({"op": "generate", **command}))
    assert caught.value.kind == "config"
    command["model"] = {"hub": "someone/some-model", "revision": "0" * 40}
    with pytest.raises(Failure, match=r"hf download someone/some-model --revision 0{40}") as caught:
        generate(models, Listener(), **fields({"op": "generate", **command}))
    assert caught.value.kind == "config"

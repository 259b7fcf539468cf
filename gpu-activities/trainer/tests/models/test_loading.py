"""Models that people hand to the trainer: found and loaded, or a typed failure that says what to do."""

import hashlib
import json
import shutil

import pytest
import torch

from flamingo_trainer.failures import Failure
from flamingo_trainer.measure import measure
from flamingo_trainer.models.loading import positions_of, switch_off_noise, tokenizer_of
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..families import family, other_family
from ..work import Listener, finetune_command, generate_command, items, measure_command, pairs


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


def test_the_positions_of_a_multimodal_model_are_those_of_its_text_part():
    gemma3 = other_family("gemma3").model
    assert not hasattr(gemma3.config, "max_position_embeddings")
    assert positions_of(gemma3) == 512 == positions_of(family("llama").model)
    assert positions_of(other_family("gpt2").model) == 64  # which names them otherwise


@pytest.fixture
def with_a_new_token(own_model):
    """A tokenizer with a token that the model was made without."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(own_model)
    tokenizer.add_tokens(["flamingissimo"])
    tokenizer.save_pretrained(own_model)
    return own_model


def test_a_token_that_the_model_has_no_embedding_of(with_a_new_token, tmp_path):
    def refused(do):
        with pytest.raises(Failure) as caught:
            do()
        assert caught.value.kind == "config"
        return str(caught.value)

    def rows(file, *numbers):
        lines = file.read_text().splitlines(keepends=True)
        for number in numbers:
            lines[number - 1] = lines[number - 1].replace("said the flamingo", "said flamingissimo")
        file.write_text("".join(lines))
        return hashlib.sha256(file.read_bytes()).hexdigest()

    command = finetune_command(tmp_path / "rows", with_a_new_token)
    command["recipe"]["rows"] = rows(tmp_path / "rows" / "rows.jsonl", 3)
    said = refused(lambda: run(Models(), command))
    assert 'row 3 has the token "flamingissimo" with the id' in said and "embeddings of the ids 0 to" in said

    command = finetune_command(tmp_path / "held-out", with_a_new_token, held_out=2)
    rows(tmp_path / "held-out" / "held-out.jsonl", 2)
    assert "held-out row 2 has the token" in refused(lambda: run(Models(), command))

    asked = items(2)
    asked[1]["messages"][0]["content"] = "flamingissimo?"
    command = generate_command(tmp_path / "items", with_a_new_token, asked)
    said = refused(lambda: generate(Models(), Listener(), **fields({"op": "generate", **command})))
    assert said.startswith(f"item {asked[1]['id']} has the token")

    asked = pairs(2)
    asked[1]["good"] = "flamingissimo."
    command = measure_command(tmp_path / "pairs", with_a_new_token, asked)
    said = refused(lambda: measure(Models(), Listener(), **fields({"op": "measure", **command})))
    assert said.startswith(f"the good answer of pair {asked[1]['id']} has the token")


def test_a_tokenizer_is_repaired_as_that_of_its_name_on_the_hub(tmp_path):
    """DeepSeek-Coder's file names a class that drops blanks, and transformers knows it by the model's name only."""
    from transformers import LlamaConfig

    from flamingo_trainer.models.tiny import make_tokenizer

    make_tokenizer().save_pretrained(tmp_path)
    LlamaConfig().save_pretrained(tmp_path)
    change(tmp_path / "tokenizer_config.json", tokenizer_class="LlamaTokenizerFast")
    text = "def add(a, b):"

    def read_back(hub):
        tokenizer = tokenizer_of(tmp_path, hub)
        return tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"])

    assert read_back("deepseek-ai/deepseek-coder-1.3b-instruct") == text
    assert read_back("someone/some-model") != text and read_back(None) != text  # which the rows' check then refuses


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        (
            "phi3",
            {"resid_pdrop": 0.5, "attention_dropout": 0.5},
            "attention_dropout 0.5, resid_attn_dropout 0.5, resid_mlp_dropout 0.5",
        ),
        (
            "mixtral",
            {"attention_dropout": 0.5, "router_jitter_noise": 0.5},
            "attention_dropout 0.5, jitter_noise 0.5",
        ),
        # which has a tenth everywhere by itself
        ("gpt2", {}, "attn_dropout 0.1, drop 0.1, dropout 0.1, resid_dropout 0.1"),
    ],
)
def test_no_pass_in_training_is_random_by_the_bases_own_settings(name, settings, named, capsys):
    loaded = other_family(name, **settings)
    ids = torch.randint(100, (1, 30), generator=torch.Generator().manual_seed(1))
    model = loaded.model.train()
    with torch.no_grad():
        before = [model(ids).logits for _ in range(2)]
        assert not torch.equal(*before)  # the trap exists
        switch_off_noise(model)
        after = [model(ids).logits for _ in range(2)]
        assert torch.equal(*after)
        assert torch.equal(after[0], model.eval()(ids).logits)
    said = capsys.readouterr().err
    assert f"the base model's own {named} is switched off in training\n" in said
    switch_off_noise(model)
    assert capsys.readouterr().err == ""

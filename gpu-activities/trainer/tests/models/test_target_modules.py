"""Declared modules: each on at least one matrix of the model's text part, or a refusal that says why."""

import pytest

from flamingo_trainer.failures import Failure
from flamingo_trainer.models import adapters
from flamingo_trainer.models.target_modules import targets_of

from ..families import LORA, SEVEN, family, other_family
from ..work import Listener, finetune_command

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]


def adapted(loaded, modules):
    """The paths of the matrices that an adapter lies on."""
    model = adapters.create(loaded.model, {**LORA, "targetModules": modules}, seed=3)
    paths = [name.removeprefix("base_model.model.") for name, part in model.named_modules() if hasattr(part, "lora_A")]
    return model, paths


def refusal(name, modules):
    loaded = other_family(name)
    with pytest.raises(Failure) as caught:
        adapted(loaded, modules)
    assert caught.value.kind == "config"
    assert not any(hasattr(part, "lora_A") for part in loaded.model.modules())  # the next adapter meets a bare model
    return str(caught.value)


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma2"])
def test_the_seven_modules_of_a_model_of_the_llama_kind_are_named_as_declared(name):
    model, paths = adapted(family(name), SEVEN)
    config = model.peft_config["default"]
    assert (config.target_modules, config.exclude_modules) == (set(SEVEN), None)
    assert adapters.matrices_of(model) == dict.fromkeys(sorted(SEVEN), 3)
    assert len(paths) == 21


def test_fused_matrices_get_one_adapter_where_all_their_parts_are_declared():
    model, paths = adapted(other_family("phi3"), SEVEN)
    expected = {"down_proj": 2, "gate_up_proj": 2, "o_proj": 2, "qkv_proj": 2}
    assert adapters.matrices_of(model) == expected
    assert model.peft_config["default"].target_modules == set(expected)
    assert len(paths) == 8
    said = str(targets_of(other_family("phi3").model, SEVEN))
    assert "qkv_proj is q_proj, k_proj, v_proj in one" in said and said.startswith("8 matrices")
    assert targets_of(other_family("phi3").model, ["qkv_proj", "o_proj"]).matrices == {"o_proj": 2, "qkv_proj": 2}


def test_a_part_of_a_fused_matrix_is_refused():
    said = refusal("phi3", ["q_proj", "v_proj", "o_proj"])
    assert "no matrix `q_proj`, `v_proj`" in said
    assert "one matrix of it, qkv_proj: declare all of them" in said


@pytest.mark.parametrize("name", ["mixtral", "gpt_oss", "qwen3_next"])
def test_routed_experts_are_refused_and_attention_alone_is_adapted(name):
    said = refusal(name, SEVEN)
    assert "`down_proj`, `gate_proj`, `up_proj` of this model belong to its routed experts" in said
    assert "Declare its attention only: k_proj, o_proj, q_proj, v_proj" in said
    model, paths = adapted(other_family(name), ATTENTION)
    blocks = 1 if name == "qwen3_next" else 2  # the other block of the hybrid has linear attention
    assert adapters.matrices_of(model) == dict.fromkeys(sorted(ATTENTION), blocks)
    assert len(paths) == 4 * blocks


def test_names_of_older_checkpoints_for_experts_are_refused():
    assert "`w1`, `w2`, `w3` of this model belong to its routed experts" in refusal(
        "mixtral", ["q_proj", "w1", "w2", "w3"]
    )


def test_what_peft_would_put_elsewhere_is_refused():
    assert "PEFT puts the adapter on {}" in refusal("qwen3_next", ["shared_expert.down_proj"])


def test_a_name_in_some_blocks_of_a_hybrid_is_on_these():
    model, paths = adapted(other_family("qwen3_5"), [*SEVEN, "in_proj_qkv"])
    assert adapters.matrices_of(model) == {
        "down_proj": 2, "gate_proj": 2, "in_proj_qkv": 1, "k_proj": 1, "o_proj": 1, "q_proj": 1, "up_proj": 2,
        "v_proj": 1,
    }  # fmt: skip
    assert len(paths) == 11


def test_of_a_multimodal_model_only_the_text_part_is_adapted():
    loaded = other_family("gemma3")
    assert any(
        name.endswith("vision_tower.encoder.layers.0.self_attn.q_proj") for name, _ in loaded.model.named_modules()
    )
    model, paths = adapted(loaded, SEVEN)
    assert all(path.startswith("model.language_model.layers.") for path in paths)
    assert adapters.matrices_of(model) == dict.fromkeys(sorted(SEVEN), 2)


def test_a_stored_adapter_of_a_multimodal_model_goes_on_the_same_matrices_again(tmp_path):
    import torch

    loaded = other_family("gemma3")
    model, paths = adapted(loaded, SEVEN)
    sha256 = adapters.save(model, tmp_path / "adapter")
    loaded.model = adapters.take_off(model)
    again = adapters.attach(loaded.model, tmp_path / "adapter", sha256, torch.float32)
    assert [name.removeprefix("base_model.model.") for name, part in again.named_modules()
            if hasattr(part, "lora_A")] == paths  # fmt: skip


@pytest.mark.parametrize("name", ["phi3", "gemma3", "qwen3_next"])
def test_a_typo_beside_a_good_name_is_refused_with_what_there_is(name):
    said = refusal(name, ["o_proj", "q_porj"])
    assert "no matrix `q_porj`" in said and "`o_proj`" not in said
    assert "o_proj (" in said.partition("It has")[2]


def test_other_naming_is_refused_with_what_there_is_and_taken_by_its_own_names():
    said = refusal("gpt2", SEVEN)
    assert "It has c_attn (2), c_fc (2), c_proj (4), lm_head (1)" in said
    model, paths = adapted(other_family("gpt2"), ["c_attn", "c_proj", "c_fc"])
    assert adapters.matrices_of(model) == {"c_attn": 2, "c_fc": 2, "c_proj": 4} and len(paths) == 8


@pytest.mark.parametrize(("name", "module", "kind"), [
    ("phi3", "embed_tokens", "Embedding"),
    ("phi3", "input_layernorm", "Phi3RMSNorm"),
    ("qwen3_next", "conv1d", "Conv1d"),
    ("mixtral", "gate", "MixtralTopKRouter"),
    ("gemma3", "fc1", "Linear"),
])  # fmt: skip
def test_what_is_no_matrix_of_the_text_part_is_refused(name, module, kind):
    assert f"{module} is of the class {kind}, not a matrix product of the text part" in refusal(
        name, ["o_proj", module]
    )


def test_a_fine_tune_says_on_how_many_matrices_its_adapter_lies(models, tiny_model, tmp_path):
    from flamingo_trainer.serve import fields
    from flamingo_trainer.training.train import finetune

    command = finetune_command(tmp_path, tiny_model, count=4, epochs=1)
    facts = finetune(models, Listener(), **fields({"op": "finetune", **command}))
    assert facts["matrices"] == {"down_proj": 2, "q_proj": 2, "v_proj": 2}


# --- chosen layers ----


def test_chosen_layers_are_those_that_peft_takes():
    loaded = family("qwen2")
    model = adapters.create(loaded.model, {**LORA, "layers": [0, 2]}, seed=3)
    paths = [name for name, part in model.named_modules() if hasattr(part, "lora_A")]
    assert len(paths) == 14 and not any(".layers.1." in path for path in paths)
    assert adapters.matrices_of(model) == dict.fromkeys(sorted(SEVEN), 2)
    assert model.peft_config["default"].layers_to_transform == [0, 2]


def test_a_layer_that_the_model_lacks_is_refused():
    with pytest.raises(Failure, match="layers: the model has no layer 3, 24 with such a matrix; its layers are 0 to 2"):
        targets_of(family("qwen2").model, SEVEN, [0, 3, 24])


def test_a_module_that_the_chosen_layers_lack_is_refused():
    loaded = other_family("qwen3_next")  # its first block has linear attention
    with pytest.raises(Failure, match="layers: the model has no layer 0 with such a matrix"):
        targets_of(loaded.model, ["q_proj", "v_proj"], [0])
    assert targets_of(loaded.model, ["q_proj", "v_proj"], [1]).matrices == {"q_proj": 1, "v_proj": 1}


def test_the_output_embedding_is_in_no_layer():
    with pytest.raises(Failure, match="target_modules: `lm_head` is not in the layers 1"):
        targets_of(family("qwen2").model, ["q_proj", "lm_head"], [1])


def test_first_weights_are_kept_apart_by_layers():
    first = adapters.FirstWeights()
    loaded = family("qwen2")
    adapters.take_off(adapters.create(loaded.model, LORA, 3, first=first))
    assert first.known(LORA, 3) and not first.known({**LORA, "layers": [1]}, 3)

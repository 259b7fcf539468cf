"""Tiny random models of the families that people fine-tune, made from transformers' own configurations.

families.py runs the probe over them, and second_judge.py judges what it found.
"""

from dataclasses import dataclass, field
from typing import Any

import torch

from flamingo_trainer.models.attention import implementation_for
from flamingo_trainer.models.loading import DTYPES, Loaded, switch_off_noise
from flamingo_trainer.models.tiny import make_tokenizer

from . import accelerator
from .workload import SEVEN

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
MAMBA = ["in_proj", "out_proj"]


@dataclass(frozen=True)
class Family:
    """`type` is transformers' model type, `modules` what people declare, `settings` what makes a model of it tiny.

    `vision`: settings of the tower for images of a multimodal model, whose other settings are those of its text part.
    """

    type: str
    modules: list[str] = field(default_factory=lambda: SEVEN)
    settings: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] | None = None


EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_local_experts": 4}
HYBRID = {"mamba_n_heads": 12, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_n_groups": 1, "mamba_chunk_size": 8}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 4,
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "head_dim": 16,
}
WINDOW = {"sliding_window": 16}
TOWER = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
ROUTED = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 2,
    "topk_group": 1,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
}
LATENT = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 6,
}
PER_LAYER = {"vocab_size_per_layer_input": 512, "hidden_size_per_layer_input": 16}

# Of every family, where it knows these settings and has no others.
SIZES = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
}

FAMILIES: dict[str, Family] = {
    "llama": Family("llama"),
    "llama, lm_head too": Family("llama", [*SEVEN, "lm_head"]),
    "llama, embed_tokens too": Family("llama", [*SEVEN, "embed_tokens"]),
    "llama4": Family(
        "llama4_text", ATTENTION, {"attention_chunk_size": 16, "num_local_experts": 2, "intermediate_size_mlp": 64}
    ),
    "mistral": Family("mistral", settings=WINDOW),
    "ministral": Family("ministral", settings={"head_dim": 8, **WINDOW}),
    "ministral3": Family("ministral3"),
    "mixtral": Family("mixtral", ATTENTION, EXPERTS),
    "qwen2": Family("qwen2"),
    "qwen2_moe": Family("qwen2_moe", ATTENTION, EXPERTS | {"shared_expert_intermediate_size": 32}),
    "qwen3": Family("qwen3", settings={"head_dim": 16}),
    "qwen3_moe": Family("qwen3_moe", ATTENTION, EXPERTS | {"head_dim": 16}),
    "qwen3_next": Family("qwen3_next", ATTENTION, EXPERTS | LINEAR | {"shared_expert_intermediate_size": 32}),
    "qwen3_5": Family("qwen3_5_text", settings=LINEAR),
    "gemma": Family("gemma", settings={"head_dim": 16}),
    "gemma2": Family("gemma2", settings={"head_dim": 16, "query_pre_attn_scalar": 16, **WINDOW}),
    "gemma3": Family("gemma3_text", settings={"head_dim": 16, "query_pre_attn_scalar": 16, **WINDOW}),
    "gemma3n": Family("gemma3n_text", settings={"head_dim": 16, "num_kv_shared_layers": 0, **PER_LAYER, **WINDOW}),
    "gemma4": Family("gemma4_text", settings={"head_dim": 16, **PER_LAYER, **WINDOW}),
    "phi": Family("phi", ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
    "phi3": Family("phi3", ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    "phimoe": Family("phimoe", ATTENTION, EXPERTS),
    "granite": Family("granite"),
    "granitemoe": Family("granitemoe", ATTENTION, EXPERTS),
    "granitemoehybrid": Family(
        "granitemoehybrid",
        [*ATTENTION, *MAMBA],
        EXPERTS | HYBRID | {"layer_types": ["mamba", "attention", "mamba"], "shared_intermediate_size": 32},
    ),
    "bamba": Family("bamba", [*SEVEN, *MAMBA], HYBRID | {"attn_layer_indices": [1]}),
    "falcon_h1": Family("falcon_h1", SEVEN, HYBRID | {"mamba_d_ssm": 96}),
    "jamba": Family(
        "jamba",
        ATTENTION,
        {
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "num_experts": 2,
            "mamba_dt_rank": 4,
            "use_mamba_kernels": False,
        },
    ),
    "mamba2": Family(
        "mamba2", ["in_proj"], {"num_heads": 8, "head_dim": 12, "state_size": 16, "n_groups": 1, "chunk_size": 8}
    ),
    "falcon_mamba": Family("falcon_mamba", ["in_proj", "x_proj"], {"state_size": 8}),
    "nemotron": Family("nemotron", [*ATTENTION, "up_proj", "down_proj"]),
    "gpt_oss": Family("gpt_oss", ATTENTION, EXPERTS | {"head_dim": 16, **WINDOW}),
    "gpt_neox": Family("gpt_neox", ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "gpt2": Family("gpt2", ["c_attn", "c_proj", "c_fc"]),
    "falcon": Family("falcon", ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "opt": Family(
        "opt", ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"], {"ffn_dim": 64, "word_embed_proj_dim": 48}
    ),
    "bloom": Family("bloom", ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
    "mpt": Family("mpt", ["Wqkv", "out_proj", "up_proj", "down_proj"], {"d_model": 48, "n_heads": 6, "n_layers": 3}),
    "stablelm": Family("stablelm"),
    "starcoder2": Family("starcoder2", [*ATTENTION, "c_fc", "c_proj"], WINDOW),
    "cohere": Family("cohere"),
    "cohere2": Family("cohere2", settings=WINDOW),
    "olmo": Family("olmo"),
    "olmo2": Family("olmo2"),
    "olmo3": Family("olmo3", settings=WINDOW),
    "olmoe": Family("olmoe", ATTENTION, EXPERTS),
    "smollm3": Family("smollm3"),
    "glm": Family("glm", [*ATTENTION, "gate_up_proj", "down_proj"], {"head_dim": 8}),
    "glm4": Family("glm4", [*ATTENTION, "gate_up_proj", "down_proj"], {"head_dim": 8}),
    "exaone4": Family("exaone4", settings=WINDOW),
    "deepseek_v3": Family(
        "deepseek_v3",
        ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"],
        ROUTED | LATENT,
    ),
    "afmoe": Family("afmoe", ATTENTION, EXPERTS | {"num_dense_layers": 1, "head_dim": 16, **WINDOW}),
    "lfm2": Family(
        "lfm2",
        ["q_proj", "k_proj", "v_proj", "out_proj", "in_proj"],
        {"layer_types": ["conv", "full_attention", "conv"]},
    ),
    "seed_oss": Family("seed_oss", settings={"head_dim": 16}),
    "ernie4_5": Family("ernie4_5", settings={"head_dim": 16}),
    "apertus": Family("apertus", [*ATTENTION, "up_proj", "down_proj"]),
    "arcee": Family("arcee", [*ATTENTION, "up_proj", "down_proj"]),
    "helium": Family("helium", settings={"head_dim": 8}),
    "hunyuan_v1_dense": Family("hunyuan_v1_dense", settings={"head_dim": 8}),
    "gemma3, multimodal": Family(
        "gemma3", settings={"head_dim": 16, "query_pre_attn_scalar": 16, **WINDOW}, vision=TOWER
    ),
    "qwen2, windows": Family("qwen2", settings={"use_sliding_window": True, "max_window_layers": 1, **WINDOW}),
    "qwen3_5_moe": Family("qwen3_5_moe_text", ATTENTION, EXPERTS | LINEAR | {"shared_expert_intermediate_size": 32}),
    "glm4_moe": Family("glm4_moe", ATTENTION, ROUTED | {"head_dim": 8}),
    "ernie4_5_moe": Family("ernie4_5_moe", ATTENTION, EXPERTS | {"moe_num_experts": 4, "moe_k": 2}),
    "hunyuan_v1_moe": Family("hunyuan_v1_moe", ATTENTION, {"head_dim": 8, "num_experts": 4, "moe_topk": 2}),
    "deepseek_v2": Family(
        "deepseek_v2", ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"], ROUTED | LATENT
    ),
    "lfm2_moe": Family(
        "lfm2_moe",
        ["q_proj", "k_proj", "v_proj", "out_proj", "in_proj"],
        EXPERTS | {"layer_types": ["conv", "full_attention", "conv"], "num_dense_layers": 1},
    ),
    "recurrent_gemma": Family("recurrent_gemma", SEVEN, {"attention_window_size": 16, "lru_width": 48}),
    "olmo_hybrid": Family("olmo_hybrid", settings={key: LINEAR[key] for key in LINEAR if key != "head_dim"}),
    "minimax": Family(
        "minimax",
        ["q_proj", "k_proj", "v_proj", "o_proj"],
        EXPERTS | {"layer_types": ["linear_attention", "full_attention", "linear_attention"], "block_size": 8},
    ),
    "mamba": Family("mamba", ["in_proj", "x_proj"], {"state_size": 8}),
    "granitemoeshared": Family("granitemoeshared", ATTENTION, EXPERTS | {"shared_intermediate_size": 32}),
    "gptj": Family(
        "gptj", ["q_proj", "k_proj", "v_proj", "out_proj", "fc_in", "fc_out"], {"rotary_dim": 4, "n_inner": 64}
    ),
    "gpt_bigcode": Family("gpt_bigcode", ["c_attn", "c_proj", "c_fc"]),
    "bitnet": Family("bitnet"),
    "flex_olmo": Family("flex_olmo", ATTENTION, EXPERTS),
    "nanochat": Family("nanochat", [*ATTENTION, "fc1", "fc2"], {"head_dim": 8}),
    "vaultgemma": Family("vaultgemma", settings={"head_dim": 16, "query_pre_attn_scalar": 16, **WINDOW}),
    "dots1": Family("dots1", ATTENTION, ROUTED | {"n_shared_experts": 1}),
}


def made(family: Family, precision: str | None = None) -> Loaded:
    """The family's tiny model as `load` would give it, on this machine's GPU if it has one.

    Its norms and biases are random too, else a path that leaves them out is not seen. `precision` is by default
    `usual_precision()`.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer, dtype, device = make_tokenizer(), DTYPES[precision or usual_precision()], accelerator.device()
    tokens = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {**SIZES, "vocab_size": len(tokenizer), "tie_word_embeddings": False, **tokens, **family.settings}
    if family.vision is None:
        config = AutoConfig.for_model(family.type, **text)
    else:
        config = AutoConfig.for_model(
            family.type, text_config=text, vision_config=family.vision, tie_word_embeddings=False, **tokens
        )
    torch.manual_seed(4)
    try:
        attention = implementation_for(config, device.type)
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    except ValueError:  # a family that has only this one
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float32)
    for name, parameter in model.named_parameters():
        if "norm" in name or "bias" in name:
            parameter.data += 0.3 * torch.randn_like(parameter)
    model = model.requires_grad_(False).eval().to(dtype).to(device)
    switch_off_noise(model)
    return Loaded(model, tokenizer, [tokenizer.eos_token_id], device, dtype)


def usual_precision() -> str:
    """What a study takes here: bf16 on a GPU, fp32 on a CPU."""
    return "bf16" if accelerator.on_gpu() else "fp32"


def lora(modules: list[str]) -> dict[str, Any]:
    return {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0.0, "targetModules": modules}

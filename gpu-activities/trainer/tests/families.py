"""Small random models of the families that people fine-tune, loaded as an operation would have them, with adapters."""

import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3Config,
    GPT2Config,
    GptOssConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3_5Config,
    Qwen3Config,
    Qwen3NextConfig,
)

from flamingo_trainer.data.render import encode_row
from flamingo_trainer.models import adapters
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.models.tiny import make_tokenizer

from .work import conversations

CONFIGS = {
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "qwen2": Qwen2Config,
    "qwen3": Qwen3Config,
    "gemma2": Gemma2Config,
}
FUSED = ["llama", "mistral", "qwen2", "qwen3"]
SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA = {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0.0, "targetModules": SEVEN}


def family(name: str, dtype: torch.dtype = torch.float32) -> Loaded:
    tokenizer = make_tokenizer()
    special = {"mistral": {"sliding_window": None}, "qwen3": {"head_dim": 16}, "gemma2": {"head_dim": 16}}
    # Not the tiny model's shape: three layers, and a width that is no power of two.
    config = CONFIGS[name](
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,
        tie_word_embeddings=name == "qwen3",
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **special.get(name, {}),
    )
    torch.manual_seed(4)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=dtype)
    for parameter_name, parameter in model.named_parameters():
        if "norm" in parameter_name or "bias" in parameter_name:
            parameter.data += 0.3 * torch.randn_like(parameter)  # else they would not be noticed
    model.requires_grad_(False).eval()
    return Loaded(model, tokenizer, [tokenizer.eos_token_id], torch.device("cpu"), dtype)


def other_family(name: str, **settings: float) -> Loaded:
    """A model of two blocks of a family whose modules are not those of the Llama kind; `settings` of its text part."""
    tokenizer = make_tokenizer()
    tokens = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        **tokens,
        **settings,
    }
    experts = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16, "head_dim": 8}
    linear_attention = {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_value_heads": 2,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    configs = {
        "phi3": lambda: Phi3Config(**text),
        "mixtral": lambda: MixtralConfig(**text, num_local_experts=2),
        "gpt_oss": lambda: GptOssConfig(**text, num_local_experts=2, head_dim=8),
        "qwen3_next": lambda: Qwen3NextConfig(
            **text, **experts, **linear_attention, shared_expert_intermediate_size=16
        ),
        "qwen3_5": lambda: Qwen3_5Config(text_config={**text, **linear_attention, "head_dim": 8}),
        "gemma3": lambda: Gemma3Config(text_config={**text, "head_dim": 8}, vision_config=vision, **tokens),
        "gpt2": lambda: GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=4, n_positions=64, **tokens),
    }
    torch.manual_seed(4)
    model = AutoModelForCausalLM.from_config(configs[name](), attn_implementation="eager", dtype=torch.float32)
    model.requires_grad_(False).eval()
    return Loaded(model, tokenizer, [tokenizer.eos_token_id], torch.device("cpu"), torch.float32)


def encoded(loaded, count=7):
    return [
        encode_row(loaded.tokenizer, loaded.stops, i + 1, row["messages"], {"kind": "default"}, 200)
        for i, row in enumerate(conversations(count))
    ]


def adapter_on(loaded, lora=LORA):
    """One whose B is not zero, so that A has gradients too."""
    model = adapters.create(loaded.model, lora, seed=3)
    generator = torch.Generator().manual_seed(8)
    for name, parameter in adapters.trained(model).items():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return model

"""Small random models of the families that people fine-tune, loaded as an operation would have them, with adapters."""

import torch
from transformers import AutoModelForCausalLM, Gemma2Config, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

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


def encoded(loaded, count=7):
    return [
        encode_row(loaded.tokenizer, loaded.stops, i + 1, row["messages"], {"kind": "default"}, 200)
        for i, row in enumerate(conversations(count))
    ]


def adapter_on(loaded, lora=LORA):
    """One whose B is not zero, so that A has gradients too."""
    model = adapters.create(loaded.model, lora, seed=3, base_name=None)
    generator = torch.Generator().manual_seed(8)
    for name, parameter in adapters.trained(model).items():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return model

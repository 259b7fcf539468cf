"""The base model and its LoRA adapters: loaded, kept, fused, and what their layers compute."""

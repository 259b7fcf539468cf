"""Which of transformers' attention implementations a model is loaded with.

On a CPU the eager one, which is faster for short rows; on a GPU PyTorch's fused one, except for models whose attention
does what that one silently leaves out. models/probe.py holds the choice against the eager one.
"""

from typing import Any


def implementation_for(config: Any, device_type: str) -> str:
    """`eager` or `sdpa`, for a model's configuration and the kind of device it is loaded on."""
    if device_type == "cpu" or getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None:
        return "eager"
    return "sdpa" if supports_sdpa(config) else "eager"


def supports_sdpa(config: Any) -> bool:
    """Whether transformers offers it for this family; asking for what it does not offer would raise."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    family = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    return family is None or getattr(family, "_supports_sdpa", True)

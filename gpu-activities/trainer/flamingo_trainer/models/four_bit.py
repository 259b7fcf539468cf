"""A base model in 4 bits, as QLoRA trains and samples on it: NF4 blocks by bitsandbytes, computed with in bf16.

The matrices of the decoder are quantised while the model is loaded; embeddings, norms and the output embedding stay in
bf16. Where it can not be done it is refused before anything is read: another precision than the declared one would be
another model.
"""

from typing import Any

import torch

from .. import environment
from ..failures import Failure

NF4 = "nf4"


def quantized_as(quantization: str | None, precision: str) -> Any | None:
    """transformers' settings for a base that is loaded so; None where nothing is quantised.

    Raises `Failure` `config` for an unknown kind or another precision than bf16, and where this host can not do it: it
    has no CUDA GPU, or bitsandbytes is missing or can not be loaded.
    """
    if quantization is None:
        return None
    if quantization != NF4:
        raise Failure("config", f"unknown quantization {quantization!r}")
    if precision != "bf16":
        raise Failure("config", f"a base in 4 bits is computed with in bf16, not in {precision}: set `precision: bf16`")
    if environment.torch_device() != "cuda":
        raise Failure(
            "config",
            f"`quantization: {NF4}` needs an NVIDIA GPU, and this host computes on the CPU. Run it on a worker with "
            "one, or leave `quantization` out",
        )
    try:
        import bitsandbytes  # noqa: F401
    except Exception as error:  # its native part fails in many ways where it does not fit the machine
        raise Failure(
            "config",
            f"`quantization: {NF4}` can not run here: {type(error).__name__}: {error}. "
            f"{environment.get_bitsandbytes()}; or leave `quantization` out",
        ) from error
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=NF4,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )

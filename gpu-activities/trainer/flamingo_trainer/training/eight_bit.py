"""AdamW with 8-bit states, as transformers' `adamw_8bit` makes it: bitsandbytes' blockwise states, 32 bits where a
parameter has fewer than 4,096 values.

bitsandbytes is no part of the locked environment: it is for comparison with published numbers. Its states depend on
how weights are cut into tensors, so this optimizer works on the adapter's own tensors, never on packed ones.
"""

from typing import Any

import torch

from .. import environment
from ..failures import Failure


def adamw_8bit(parameters: list[torch.nn.Parameter], settings: dict[str, Any]) -> torch.optim.Optimizer:
    """Raises `Failure` `config`, naming the remedy, where bitsandbytes is missing or can not be loaded."""
    try:
        from bitsandbytes.optim import AdamW
    except Exception as error:  # its native part fails in many ways where it does not fit the machine
        raise Failure("config", f"{REASON}: {type(error).__name__}: {error}. {remedy()}") from error
    optimizer: torch.optim.Optimizer = AdamW(
        parameters,
        lr=settings["learningRate"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
        weight_decay=settings["weightDecay"],
        optim_bits=8,
    )
    return optimizer


REASON = "the optimizer adamw_8bit can not run here"


def remedy() -> str:
    return (
        f"{environment.get_bitsandbytes()}; or declare `optimizer: adamw`, which has 32-bit states and runs everywhere"
    )

"""torch.compile where it pays: on a GPU. One compiled function serves all layers of a model.

`FLAMINGO_COMPILE=0` turns it off. What was compiled is kept on disk (TORCHINDUCTOR_CACHE_DIR), for other processes.
"""

import os
from collections.abc import Callable
from typing import Any

import torch


def compiled(function: Callable[..., Any], device: torch.device, **options: Any) -> Callable[..., Any]:
    if device.type != "cuda" or os.environ.get("FLAMINGO_COMPILE") == "0":
        return function
    import torch._dynamo

    # Batch sizes and adapters' ranks change in a long-lived process, and each may be compiled anew.
    torch._dynamo.config.cache_size_limit = 64
    return torch.compile(function, **options)


def varying(*tensors: torch.Tensor) -> None:
    """Tells the compiler that the first dimension differs from call to call."""
    if any(tensor.is_cuda for tensor in tensors):
        import torch._dynamo

        for tensor in tensors:
            torch._dynamo.maybe_mark_dynamic(tensor, 0)

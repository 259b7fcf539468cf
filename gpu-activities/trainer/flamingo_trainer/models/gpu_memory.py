"""A GPU's memory: what a model leaves of it, what is free just now, and how what nothing uses is given back."""

import gc
from typing import Any

import torch

from .. import environment

# Bytes of a GPU that are never a run's: the CUDA context, libraries' work space, loaded kernels.
RESERVED = 2 * 10**9


def room_beside(model: Any, device: torch.device) -> int | None:
    """Bytes that a GPU of this size has beside the base model's weights; None on a CPU.

    A function of device and model alone. What happens to be free just now depends on other processes, and a plan or a
    number of slots that followed it would change sums, and with them tokens, from one attempt to the next.
    """
    if device.type != "cuda":
        return None
    weights = sum(value.nbytes for name, value in model.named_parameters() if ".lora_" not in name)
    return max(0, torch.cuda.get_device_properties(device).total_memory - RESERVED - weights)


def free_bytes(device: torch.device) -> int | None:
    """Memory of a GPU that this process could allocate just now; None on a CPU."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def empty_cache() -> None:
    """Gives memory that nothing uses any more back to the GPU."""
    gc.collect()
    if environment.torch_device() == "cuda":
        torch.cuda.empty_cache()

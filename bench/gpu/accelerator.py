"""What the benchmark asks of the device: waiting, its memory, its own rates. Without a GPU the rest still runs."""

import time
from typing import Any

import torch

from flamingo_trainer import environment


def device() -> torch.device:
    return torch.device(environment.torch_device())


def on_gpu() -> bool:
    return environment.torch_device() == "cuda"


def wait() -> None:
    """Until everything that was launched is done: a clock read before it would flatter."""
    if on_gpu():
        torch.cuda.synchronize()


def forget_peak() -> None:
    if on_gpu():
        torch.cuda.reset_peak_memory_stats()


def peak_gb() -> float | None:
    """The most memory allocated since `forget_peak`, in GB of 10^9 bytes; None without a GPU."""
    return round(torch.cuda.max_memory_allocated() / 1e9, 1) if on_gpu() else None


def used_gb() -> float | None:
    return round(torch.cuda.memory_allocated() / 1e9, 2) if on_gpu() else None


def rates() -> dict[str, Any]:
    """What this device does at best with the two things that limit us: bf16 matrix products and copying memory."""
    size, repeats = (8192, 20) if on_gpu() else (256, 2)
    a, b = (torch.randn(size, size, device=device()).bfloat16() for _ in range(2))
    block = torch.empty(2**31 if on_gpu() else 2**20, dtype=torch.uint8, device=device())
    target = torch.empty_like(block)

    def seconds(action: Any) -> float:
        for _ in range(3):
            action()
        wait()
        begun = time.perf_counter()
        for _ in range(repeats):
            action()
        wait()
        return (time.perf_counter() - begun) / repeats

    return {
        "matmulTflops": round(2 * size**3 / seconds(lambda: a @ b) / 1e12, 4),
        "copyTBPerSecond": round(2 * block.nbytes / seconds(lambda: target.copy_(block)) / 1e12, 3),
    }

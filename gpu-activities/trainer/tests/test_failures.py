"""What an exception means for the run."""

import errno

import pytest
import torch

from flamingo_trainer.failures import Failure, classify


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Failure("data", "x"), "data"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "oom"),
        (MemoryError(), "oom"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "oom",
        ),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), "cuda"),
        (RuntimeError("CUDA error: device-side assert triggered"), "cuda"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "cuda"),
        (ValueError("x"), "internal"),
        (OSError(errno.ENOSPC, "No space left on device"), "internal"),
    ],
)
def test_kinds(error, kind):
    assert classify(error).kind == kind


def test_a_full_disk_is_called_so():
    assert str(classify(OSError(errno.ENOSPC, "No space left on device"))).startswith("the disk is full")

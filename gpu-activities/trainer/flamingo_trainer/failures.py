"""The one exception that the trainer raises on purpose, and the reading of everybody else's.

Knows nothing about operations; serve.py turns a `Failure` into the `failed` event.
"""

import errno

KINDS = ("data", "config", "oom", "nan", "cuda", "internal")


class Failure(Exception):
    """Ends an operation. `kind` is one of `KINDS`: it decides whether a retry, here or elsewhere, can help."""

    def __init__(self, kind: str, message: str):
        assert kind in KINDS
        super().__init__(message)
        self.kind = kind


class Stopped(Exception):
    """Ends an operation on request. `checkpoint` is the folder to go on from, None if there is nothing to save."""

    def __init__(self, step: int, checkpoint: str | None):
        super().__init__(f"stopped at {step}")
        self.step = step
        self.checkpoint = checkpoint


def classify(error: BaseException) -> Failure:
    """What any exception means for the run: out of memory, a broken GPU, or a fault of this program."""
    if isinstance(error, Failure):
        return error
    text = f"{type(error).__name__}: {error}"
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & {"OutOfMemoryError", "MemoryError"} or "can't allocate memory" in str(error):
        return Failure("oom", text)
    if "AcceleratorError" in names or any(
        sign in str(error) for sign in ("CUDA error", "CUBLAS_STATUS", "cuDNN error")
    ):
        return Failure("cuda", text)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("internal", f"the disk is full: {error}")
    return Failure("internal", text)

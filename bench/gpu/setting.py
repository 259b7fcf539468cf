"""What the sections of one process share: the model, made when it is first needed, and how large everything is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it imports torch, and in Unsloth's process Unsloth must be imported first
    from flamingo_trainer.models.loading import Loaded


@dataclass(frozen=True)
class Scale:
    """How much of everything. `capacity`: tokens of a prompt with its answer."""

    steps: int
    warm: int
    answers: int
    slots: int
    capacity: int
    longest_answer: int
    peer_steps: int
    peer_tokens: int
    peer_batch: int


FULL = Scale(30, 6, 1600, 256, 704, 600, 2, 48, 200)
# The whole path of the code in seconds on a CPU. Its figures mean nothing.
TINY = Scale(4, 2, 12, 8, 128, 8, 1, 4, 4)


@dataclass
class Setting:
    """`scratch` is a folder that outlives the process; the command line empties it at the end."""

    shape: str
    scale: Scale
    scratch: Path
    _loaded: list[Loaded] = field(default_factory=list)

    def model(self) -> Any:
        import torch

        from . import accelerator, workload

        if not self._loaded:
            dtype = torch.bfloat16 if accelerator.on_gpu() else torch.float32
            self._loaded.append(workload.loaded_model(self.shape, dtype, accelerator.device()))
        return self._loaded[0]

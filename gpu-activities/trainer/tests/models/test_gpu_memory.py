"""What a model leaves of a GPU's memory."""

from types import SimpleNamespace

import pytest
import torch

from flamingo_trainer.models.gpu_memory import RESERVED, room_beside

from ..families import adapter_on, family


def test_the_room_is_the_gpu_less_the_model_whatever_is_free(monkeypatch):
    loaded, gpu = family("qwen2"), torch.device("cuda")
    weights = sum(parameter.nbytes for parameter in loaded.model.parameters())
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 10**9))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: pytest.fail("asked what is free"))
    assert room_beside(loaded.model, gpu) == 80 * 10**9 - RESERVED - weights
    assert room_beside(adapter_on(loaded), gpu) == 80 * 10**9 - RESERVED - weights
    assert room_beside(loaded.model, torch.device("cpu")) is None

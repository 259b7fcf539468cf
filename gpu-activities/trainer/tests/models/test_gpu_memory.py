"""What a model leaves of a GPU's memory."""

from types import SimpleNamespace

import pytest
import torch

from flamingo_trainer.models.gpu_memory import RESERVED, free_bytes, room_beside

from ..families import adapter_on, family


def test_the_room_is_the_gpu_less_the_model_whatever_is_free(monkeypatch):
    loaded, gpu = family("qwen2"), torch.device("cuda")
    weights = sum(parameter.nbytes for parameter in loaded.model.parameters())
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 10**9))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: pytest.fail("asked what is free"))
    assert room_beside(loaded.model, gpu) == 80 * 10**9 - RESERVED - weights
    assert room_beside(adapter_on(loaded), gpu) == 80 * 10**9 - RESERVED - weights
    assert room_beside(loaded.model, torch.device("cpu")) is None


def test_a_gpus_free_memory_is_what_the_driver_and_this_process_have_left(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5, 80))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 30)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 10)
    assert free_bytes(torch.device("cuda")) == 25
    assert free_bytes(torch.device("cpu")) is None

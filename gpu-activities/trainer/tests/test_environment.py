"""What the process is and runs on."""

import subprocess
import sys
from pathlib import Path

import torch

from flamingo_trainer import environment

from .driver import HOME, command_line


def test_threads_must_be_a_number(monkeypatch):
    monkeypatch.setenv("FLAMINGO_THREADS", "many")
    done = command_line("versions")
    assert done.returncode == 1 and "FLAMINGO_THREADS must be a whole number" in done.stderr


def test_nothing_is_downloaded_unasked():
    code = "from flamingo_trainer import environment as e; e.settle(); import huggingface_hub.constants as c; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(c.HF_HUB_OFFLINE)"], cwd=Path(HOME), capture_output=True, text=True
    )
    assert done.stdout.strip() == "True"


def test_a_driver_without_a_gpu_that_works_is_said(monkeypatch, capsys):
    monkeypatch.setattr(environment, "has_cuda_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    environment.torch_device.cache_clear()
    try:
        assert environment.torch_device() == "cpu"
    finally:
        environment.torch_device.cache_clear()
    assert "no GPU that it can use: computing on the CPU" in capsys.readouterr().err


def test_versions_name_what_took_part():
    assert environment.UNSLOTH_PACKAGES[0] in environment.versions("unsloth")
    assert "unsloth" not in environment.versions()

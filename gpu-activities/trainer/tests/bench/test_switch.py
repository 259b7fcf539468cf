"""The way from one fine-tune to the next, measured."""

import torch

from bench.gpu.switch import switch
from bench.gpu.workload import loaded_model


def test_switching_is_measured():
    loaded = loaded_model("tiny", torch.float32, torch.device("cpu"))
    found = switch(loaded, rounds=2, steps=2, answers=6, batchSize=4)
    first, second = found["rounds"]
    assert first["toSampling"] > 0 and "toTraining" not in first
    assert second["toSampling"] > 0 and "toTraining" in second

"""The comparison of packed log-probabilities with the plain model."""

import torch

from bench.gpu.log_probability import worst
from bench.gpu.workload import loaded_model, rows


def test_the_benchmark_s_comparison_holds_here():
    loaded = loaded_model("small", torch.float32, torch.device("cpu"))
    assert worst(loaded, rows(6, 2000)) <= 1e-5

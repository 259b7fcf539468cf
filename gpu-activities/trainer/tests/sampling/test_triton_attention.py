"""The Triton kernel against PyTorch's attention."""

import subprocess
import sys

import pytest

from ..driver import HOME


def test_the_triton_kernel_in_its_interpreter():
    pytest.importorskip("triton")
    code = """
import torch
from flamingo_trainer.sampling import cache_attention, triton_attention
for heads, kv_heads, width in ((10, 2, 64), (4, 4, 128)):
    torch.manual_seed(heads)
    position = torch.tensor([0, 1, 63, 64, 65, 130, 191])
    q, k, v = torch.randn(7, heads, width), torch.randn(7, kv_heads, width), torch.randn(7, kv_heads, width)
    keys, values = torch.randn(2, 7, 192, kv_heads, width)
    mine, theirs = (keys.clone(), values.clone()), (keys.clone(), values.clone())
    found = triton_attention.attend_cache_triton(q, k, v, *mine, position)
    expected = cache_attention.attend_cache(q, k, v, *theirs, position)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(mine[0], theirs[0]) and torch.equal(mine[1], theirs[1])
"""
    environment = {"PATH": "", "TRITON_INTERPRET": "1", "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

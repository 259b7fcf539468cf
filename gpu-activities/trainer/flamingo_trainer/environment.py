"""What the process is and runs on: quiet and offline libraries, threads, device, versions.

`settle()` must run before torch or transformers are imported: they read these variables at import. Imports neither
itself, so that the trainer is ready in a fraction of a second.

Environment variables:
    FLAMINGO_THREADS          CPU threads, default all cores that this process may use
    FLAMINGO_ALLOW_DOWNLOAD   1 = hub models that are not in the cache may be downloaded (HF_TOKEN, HF_HOME apply)
    CUDA_VISIBLE_DEVICES      which GPU; the trainer uses the first that it sees, else the CPU
"""

import ctypes
import os
import platform
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata

PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "numpy")
# Further packages that take part where Unsloth trains.
UNSLOTH_PACKAGES = ("unsloth", "unsloth-zoo", "trl", "triton", "xformers", "bitsandbytes")
# Named only where it is installed, since it takes part nowhere else.
OPTIONAL = ("bitsandbytes",)
# Its pinned version. It is no part of the lock: it is of use on NVIDIA GPUs and for comparison with published numbers.
BITSANDBYTES = "0.50.2"

QUIET = {
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_XET": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
    # CPU threads that wait for each other sleep soon: with the default they spin long, and on a machine that does
    # anything else beside them everything becomes several times slower. On two idle cores 30000 costs nothing (12.6
    # forward passes a second of the small model, as with the default), 1000 a quarter (9.4).
    "GOMP_SPINCOUNT": "30000",
    # deterministic matrix products on CUDA (see training/train.py); read when the first one runs
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


def settle() -> None:
    """Sets the libraries' environment variables. A value that the caller has set stays."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if not download_allowed():
        os.environ["HF_HUB_OFFLINE"] = "1"
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads()))


def download_allowed() -> bool:
    return os.environ.get("FLAMINGO_ALLOW_DOWNLOAD") == "1"


def threads() -> int:
    """CPU threads to compute with. Floating-point sums depend on it, so one run should keep one value."""
    declared = os.environ.get("FLAMINGO_THREADS")
    if declared is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return max(1, cores or 1)
    if not declared.isdecimal() or int(declared) < 1:
        raise SystemExit(f"FLAMINGO_THREADS must be a whole number from 1, not {declared!r}")
    return int(declared)


def has_cuda_driver() -> bool:
    """Whether it is worth importing torch to ask for a GPU."""
    try:
        ctypes.CDLL("libcuda.so.1")
        return True
    except OSError:
        return platform.system() == "Windows"


@cache
def torch_device() -> str:
    """`cuda` or `cpu`. Apple's GPUs are left out: their results differ from run to run."""
    if not has_cuda_driver():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    print("this host has a CUDA driver and no GPU that it can use: computing on the CPU", file=sys.stderr, flush=True)
    return "cpu"


@cache
def device_name() -> str:
    """`cpu`, or `cuda` and the GPU's model: what must be equal for a resume to be exact."""
    if torch_device() == "cpu":
        return "cpu"
    import torch

    return f"cuda {torch.cuda.get_device_name(0)}"


@cache
def cpu_name() -> str:
    """The processor's model, for provenance."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def compiler() -> dict[str, str]:
    """What makes the kernels of a GPU: triton's version and whether anything is compiled. Empty on a CPU."""
    if torch_device() == "cpu":
        return {}
    try:
        triton = metadata.version("triton")
    except metadata.PackageNotFoundError:
        triton = "missing"
    return {"triton": triton, "compile": "off" if os.environ.get("FLAMINGO_COMPILE") == "0" else "on"}


def get_bitsandbytes() -> str:
    """What to do on a host without bitsandbytes, as the beginning of a sentence."""
    command = f"uv pip install --python {sys.executable} --no-deps bitsandbytes=={BITSANDBYTES}"
    return f"Install it on this host, `{command}`, and start the worker again"


@cache
def versions(backend: str = "transformers") -> dict[str, str]:
    """Versions of Python and of every library that takes part in the numbers."""
    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *(UNSLOTH_PACKAGES if backend == "unsloth" else ())):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    for package in OPTIONAL:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found

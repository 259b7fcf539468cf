"""The command line of the benchmark: runs sections, prints JSON as they finish and a table at the end."""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import environment


def main() -> int:
    environment.settle()
    parser = argparse.ArgumentParser(prog="python -m flamingo_trainer.bench")
    parser.add_argument("--shape", choices=["14b", "small"], default="14b")
    parser.add_argument("--only", help="sections, separated by commas")
    parser.add_argument("--out", type=Path, help="the results as one JSON file")
    parser.add_argument("--answers", type=int, default=1600)
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    if environment.torch_device() != "cuda":
        print("this benchmark needs a GPU", file=sys.stderr)
        return 2
    sections = sections_of(options)
    wanted = options.only.split(",") if options.only else list(sections)
    unknown = [name for name in wanted if name not in sections]
    if unknown:
        parser.error(f"unknown sections {', '.join(unknown)}; there are {', '.join(sections)}")
    results: dict[str, Any] = {"device": environment.device_name(), "versions": environment.versions()}
    results |= {"shape": options.shape, "at": time.strftime("%Y-%m-%d")}
    print(json.dumps(results), flush=True)
    for name in wanted:
        begun = time.perf_counter()
        try:
            results[name] = sections[name]()
        except Exception as error:
            traceback.print_exc(limit=6)
            results[name] = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
        results[name]["sectionSeconds"] = round(time.perf_counter() - begun, 1)
        print(json.dumps({name: results[name]}), flush=True)
        if options.out:
            options.out.write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))
    return 0


def sections_of(options: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    import torch

    from . import fidelity, measuring, sampling, subject, training
    from .switch import switch

    device = torch.device("cuda")
    kept: dict[str, Any] = {}

    def model() -> Any:
        if "loaded" not in kept:
            kept["loaded"] = subject.loaded_model(options.shape, torch.bfloat16, device)
        return kept["loaded"]

    def losses(result: dict[str, Any], name: str) -> dict[str, Any]:
        kept[name] = result.pop("losses")
        return result

    def packed_losses() -> dict[str, Any]:
        padded = training.padded(model(), 8, 20, recompute=False)
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            found, _ = training.run(model(), 20, Path(folder), every=None)
        return {**losses(padded, "padded"), **fidelity.against_padded(found["losses"], kept["padded"])}

    return {
        "smallFp32": lambda: fidelity.small_fp32(device),
        "noise": lambda: fidelity.noise(device),
        "isolation": lambda: fidelity.isolation(model()),
        "training": lambda: training.packed(model(), options.steps, 6),
        "trainingProfile": lambda: training.profile(model()),
        "switch": lambda: switch(model()),
        "preemption": lambda: training.preemption(model()),
        "sampling": lambda: sampling.slots(model(), options.answers),
        "likeliest": lambda: fidelity.likeliest(model()),
        "logProbability": lambda: measuring.log_probabilities(model(), 400),
        "paddedReference": packed_losses,
        "literature": lambda: losses(training.padded(model(), 2, 2, recompute=True), "literature"),
        "generateEager": lambda: sampling.generate(model(), 200, 48, None),
        "generateStatic": lambda: sampling.generate(model(), 200, 48, "static"),
        "samplingBase": lambda: sampling.slots(model(), options.answers, adapter=False),
        "samplingUpstream": lambda: sampling.slots(model(), options.answers, topK=20, repetitionPenalty=1.05),
    }


def table(results: dict[str, Any]) -> str:
    lines = []
    for name, result in results.items():
        if isinstance(result, dict) and name != "versions":
            for key, value in result.items():
                lines.append(f"{name:18} {key:32} {json.dumps(value)[:120]}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""The command line of the benchmark: what to run, where the results go, the table.

    python -m bench.gpu [--only NAME,...] [--out FILE] [--json]      needs a GPU
    python -m bench.gpu --tiny                                       the same code on any machine
    python -m bench.gpu --merge A.json B.json [--out FILE] [--json]  two runs of one machine as one

Python must find this package and the trainer's: run it at the repository's root with PYTHONPATH=gpu-activities/trainer.
Results are written to --out after every section. Exit codes: 0 done, 1 a section failed, 2 invalid use.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flamingo_trainer import environment

from .bars import rows_of, table
from .processes import run_sections
from .sections import SECTIONS, chosen, run_here
from .setting import FULL, TINY, Setting


def main(arguments: list[str] | None = None) -> int:
    """`arguments`: by default those of the command line."""
    environment.settle()
    parser = argparse.ArgumentParser(prog="python -m bench.gpu")
    parser.add_argument("--only", help="sections or groups, separated by commas; --list names them")
    parser.add_argument("--list", action="store_true", help="the sections, their groups and their limits in seconds")
    parser.add_argument("--out", type=Path, help="the results as one JSON file, written after every section")
    parser.add_argument("--json", action="store_true", help="JSON on stdout instead of the table")
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny model, also without a GPU; the figures mean nothing"
    )
    parser.add_argument("--seconds", type=float, default=3600, help="no section goes on for longer than this in all")
    parser.add_argument("--merge", type=Path, nargs="+", metavar="FILE", help="results of earlier runs, as one")
    parser.add_argument(
        "--scratch", type=Path, help="folder for the model that Unsloth reads (30 GB), by default memory"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        names = chosen(options.only)
        results = merged(options.merge) if options.merge else None
    except ValueError as error:
        parser.error(str(error))
    if options.list:
        for name, section in SECTIONS.items():
            print(f"{name:18} {section.group:12} {section.limit:4} s{'  only by name' if section.optional else ''}")
        return 0
    if options.child:
        settings = ("tiny", TINY) if options.tiny else ("14b", FULL)
        run_here(options.child.split(","), Setting(*settings, options.scratch), options.results)
        return 0
    if results is None:
        if environment.torch_device() != "cuda" and not options.tiny:
            print("this benchmark needs a GPU; --tiny runs its code without one", file=sys.stderr)
            return 2
        results = measure(names, options)
    else:
        write(results, options.out)
    print(json.dumps(results) if options.json else table(results))
    return int(any("failed" in section for section in results["sections"].values()))


def measure(names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    results: dict[str, Any] = {
        "benchmark": "gpu",
        "device": environment.device_name(),
        "shape": "tiny" if options.tiny else "14b",
        "meaningless": options.tiny,
        "at": time.strftime("%Y-%m-%d"),
        "versions": environment.versions(),
        "sections": {},
        "rows": [],
    }

    def told(name: str, result: dict[str, Any]) -> None:
        results["sections"][name] = result
        results["rows"] = rows_of(results["sections"], results["shape"])
        write(results, options.out)
        print(json.dumps({name: result}), file=sys.stderr, flush=True)

    memory = Path("/dev/shm")
    parent = options.scratch or (memory if memory.is_dir() and not options.tiny else None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the child and the scratch folder go too
    scratch = Path(tempfile.mkdtemp(prefix="flamingo-bench-", dir=parent))
    try:
        run_sections(names, ["--tiny"] if options.tiny else [], scratch, began + options.seconds, told)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return results


def merged(files: list[Path]) -> dict[str, Any]:
    """Results of several runs as one; of a section that is in two, the later file's. Raises `ValueError`."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    first = found[0]
    for file, other in zip(files, found, strict=True):
        for name in ("benchmark", "device", "shape", "versions"):
            if other.get(name) != first.get(name):
                raise ValueError(f"{file} has another {name} than {files[0]}: {other.get(name)}, {first.get(name)}")
    sections = {name: result for one in found for name, result in one["sections"].items()}
    ordered = {name: sections[name] for name in SECTIONS if name in sections}
    return {**first, "sections": ordered, "rows": rows_of(ordered, first["shape"])}


def write(results: dict[str, Any], out: Path | None) -> None:
    if out is not None:
        beside = out.with_name(f".{out.name}")
        beside.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        beside.replace(out)


if __name__ == "__main__":
    sys.exit(main())

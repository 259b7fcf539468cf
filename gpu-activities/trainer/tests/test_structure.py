"""The order of the package: imports go downwards and never in a circle, and a module's test is where its path says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .driver import HOME, ROOT

PACKAGE = HOME / "flamingo_trainer"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on a copy of the sources, with the configuration that `npm run check` uses."""
    pytest.importorskip("importlinter", reason="a GPU machine's own environment may lack it")
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path):
    """The trainer, its benchmark and the configuration, to plant something in."""
    only_python = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "flamingo_trainer", ignore=only_python)
    shutil.copytree(ROOT / "bench" / "gpu", tmp_path / "bench" / "gpu", ignore=only_python)
    shutil.copy(HOME / "pyproject.toml", tmp_path)
    return tmp_path


def plant(copy: Path, file: str, line: str) -> None:
    with open(copy / file, "a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")


def test_the_package_keeps_its_order(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "edge"),
    [
        ("data/render.py", "from ..models.loading import Loaded", "flamingo_trainer.data is not allowed to import"),
        ("models/fused.py", "from ..sampling.slots import Job", "flamingo_trainer.models is not allowed to import"),
        ("models/resident.py", "from ..training import train", "flamingo_trainer.models is not allowed to import"),
        ("sampling/slots.py", "from ..training.padded import collate", "flamingo_trainer.sampling is not allowed"),
        ("training/train.py", "from ..protocol import Channel", "flamingo_trainer.training is not allowed to import"),
        ("files.py", "def later():\n    from .data import render", "flamingo_trainer.files is not allowed to import"),
        ("serve.py", "def later():\n    from bench.gpu import bars", "flamingo_trainer is not allowed to import"),
    ],
)
def test_an_import_upwards_is_found(copy, file, line, edge):
    plant(copy, f"flamingo_trainer/{file}", line)
    done = lint(copy)
    assert done.returncode == 1
    assert edge in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("flamingo_trainer/training/padded.py", "from .unsloth_path import UnslothPath"),
        ("flamingo_trainer/training/padded.py", "def later():\n    from .unsloth_path import UnslothPath"),
        ("flamingo_trainer/models/adapters.py", "def later():\n    from . import resident"),
        ("bench/gpu/setting.py", "def later():\n    from . import sections"),
    ],
)
def test_a_circle_is_found_also_where_a_function_closes_it(copy, file, line):
    plant(copy, file, line)
    done = lint(copy)
    assert done.returncode == 1
    assert "No modules import each other in a circle BROKEN" in done.stdout, done.stdout


def test_a_module_without_a_place_in_the_order_is_found(copy):
    (copy / "flamingo_trainer" / "somewhere.py").touch()
    done = lint(copy)
    assert done.returncode == 1
    assert "somewhere" in done.stdout, done.stdout


def test_every_module_has_a_test_where_its_path_says():
    modules = [file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py") if file.name != "__init__.py"]
    assert len(modules) > 40
    tests = [file.with_name(f"test_{file.stem.strip('_')}.py") for file in modules]
    assert [str(test) for test in tests if not (HOME / "tests" / test).is_file()] == []

"""The sections of the benchmark, and the process that runs some of them.

Sections of one group share a process, and with it a model: ours are measured in one warm process, as a worker has it,
and every peer in a process of its own.
"""

import gc
import json
import os
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .setting import Setting


@dataclass(frozen=True)
class Section:
    """`limit`: seconds, with the start of the process if it is its group's first."""

    group: str
    limit: int
    run: Callable[[Setting], dict[str, Any]]
    optional: bool = False


def rates(_: Setting) -> dict[str, Any]:
    from . import accelerator

    return accelerator.rates()


def training(setting: Setting) -> dict[str, Any]:
    from . import training

    return training.packed(setting.model(), setting.scale.steps, setting.scale.warm)


def preemption(setting: Setting) -> dict[str, Any]:
    from . import training

    return training.preemption(setting.model())


def restart(setting: Setting) -> dict[str, Any]:
    from .restart import restart

    return restart(setting)


def sampling(setting: Setting) -> dict[str, Any]:
    from . import sampling

    return sampling.slots(setting)


def switch(setting: Setting) -> dict[str, Any]:
    from .switch import switch

    found = switch(setting.model(), batchSize=setting.scale.slots)
    later = found["rounds"][1:]  # the first one may compile
    return {
        **found,
        "toAnswersSeconds": statistics.median(each["toSampling"] for each in later),
        "toStepSeconds": statistics.median(each["toTraining"] for each in later),
        "memoryAfterGB": later[-1]["memoryAfterGB"],
    }


def study(setting: Setting) -> dict[str, Any]:
    from .study import configurations

    scale = setting.scale
    return configurations(setting, 4, max(2, scale.steps // 3), scale.answers // 4, scale.longest_answer)


def trainer_literature(setting: Setting) -> dict[str, Any]:
    from . import peers

    return peers.trainer(setting, 2, recompute=True, ordered=False)


def trainer_best(setting: Setting) -> dict[str, Any]:
    from . import peers

    return peers.best_of(
        [
            ("micro-batch 8 by length", lambda: peers.trainer(setting, 8, recompute=False, ordered=True)),
            ("micro-batch 32, recomputing", lambda: peers.trainer(setting, 32, recompute=True, ordered=True)),
        ]
    )


def model_folder(setting: Setting) -> dict[str, Any]:
    from . import peers

    return peers.model_folder(setting)


def unsloth_literature(setting: Setting) -> dict[str, Any]:
    return unsloth(setting, "unsloth", [2], ordered=False)


def unsloth_best(setting: Setting) -> dict[str, Any]:
    return unsloth(setting, False, [16, 32], ordered=True)


def unsloth(setting: Setting, recompute: str | bool, micros: list[int], ordered: bool) -> dict[str, Any]:
    from flamingo_trainer.models.unsloth_model import fast_language_model

    fast_language_model()  # before the next line imports transformers
    from . import peers

    return peers.unsloth(setting, recompute, micros, ordered)


def generate_eager(setting: Setting) -> dict[str, Any]:
    from . import sampling

    return sampling.generate(setting, None)


def generate_static(setting: Setting) -> dict[str, Any]:
    from . import sampling

    return sampling.generate(setting, "static")


def small_fp32(_: Setting) -> dict[str, Any]:
    from . import accelerator, fidelity

    return fidelity.small_fp32(accelerator.device())


def noise(_: Setting) -> dict[str, Any]:
    from . import accelerator, fidelity

    return fidelity.noise(accelerator.device())


def isolation(setting: Setting) -> dict[str, Any]:
    from . import fidelity

    return fidelity.isolation(setting.model())


def row_logits(setting: Setting) -> dict[str, Any]:
    from . import fidelity

    return fidelity.row_logits(setting.model())


def likeliest(setting: Setting) -> dict[str, Any]:
    from . import fidelity

    return fidelity.likeliest(setting.model())


def padded_reference(setting: Setting) -> dict[str, Any]:
    """Our own padded path, and the losses of 20 packed steps against its own."""
    import tempfile

    from . import fidelity, training

    padded = training.padded(setting.model(), 8, 20, recompute=False)
    with tempfile.TemporaryDirectory() as folder:
        found, _ = training.run(setting.model(), 20, Path(folder), every=None)
    losses = padded.pop("losses")
    return {**padded, **fidelity.against_padded(found["losses"], losses)}


def log_probability(setting: Setting) -> dict[str, Any]:
    from . import log_probability

    return log_probability.log_probabilities(setting.model(), setting.scale.answers // 4)


def checkpoint_upload(setting: Setting) -> dict[str, Any]:
    from .upload import upload

    return upload(setting)


def training_profile(setting: Setting) -> dict[str, Any]:
    from . import training

    return training.profile(setting.model())


def sampling_base(setting: Setting) -> dict[str, Any]:
    from . import sampling

    return sampling.slots(setting, adapter=False)


def sampling_upstream(setting: Setting) -> dict[str, Any]:
    from . import sampling

    return sampling.slots(setting, topK=20, repetitionPenalty=1.05)


SECTIONS: dict[str, Section] = {
    "rates": Section("flamingo", 60, rates),
    "training": Section("flamingo", 150, training),
    "preemption": Section("flamingo", 100, preemption),
    "sampling": Section("flamingo", 170, sampling),
    "switch": Section("flamingo", 100, switch),
    "study": Section("flamingo", 180, study),
    "logProbability": Section("flamingo", 60, log_probability),
    "generateEager": Section("generate", 110, generate_eager),
    "generateStatic": Section("generate", 180, generate_static),
    "trainerLiterature": Section("trainer", 160, trainer_literature),
    "trainerBest": Section("trainer", 100, trainer_best),
    "modelFolder": Section("folder", 120, model_folder),
    "unslothLiterature": Section("unsloth", 240, unsloth_literature),
    "unslothBest": Section("unslothBest", 200, unsloth_best),
    "smallFp32": Section("fidelity", 120, small_fp32, optional=True),
    "noise": Section("fidelity", 60, noise, optional=True),
    "isolation": Section("fidelity", 60, isolation, optional=True),
    "rowLogits": Section("fidelity", 90, row_logits, optional=True),
    "likeliest": Section("fidelity", 120, likeliest, optional=True),
    "paddedReference": Section("fidelity", 240, padded_reference, optional=True),
    "restart": Section("restart", 240, restart, optional=True),
    "checkpointUpload": Section("upload", 560, checkpoint_upload, optional=True),
    "trainingProfile": Section("more", 120, training_profile, optional=True),
    "samplingBase": Section("more", 170, sampling_base, optional=True),
    "samplingUpstream": Section("more", 170, sampling_upstream, optional=True),
}


def chosen(only: str | None) -> list[str]:
    """The sections by names of sections or groups, in their order; without names all but the optional ones.

    Unsloth's sections bring the model's folder with them. Raises `ValueError` for a name that is none.
    """
    if only is None:
        return [name for name, section in SECTIONS.items() if not section.optional]
    words = only.split(",")
    groups = {section.group for section in SECTIONS.values()}
    unknown = [word for word in words if word not in SECTIONS and word not in groups]
    if unknown:
        raise ValueError(f"unknown sections {', '.join(unknown)}; there are {', '.join(SECTIONS)} and groups "
                         f"{', '.join(sorted(groups))}")  # fmt: skip
    names = {name for name, section in SECTIONS.items() if name in words or section.group in words}
    if "unsloth" in words:
        names.add("unslothBest")
    if any(name.startswith("unsloth") for name in names):
        names.add("modelFolder")
    return [name for name in SECTIONS if name in names]


def run_here(names: list[str], setting: Setting, results: Path) -> None:
    """In the child: runs sections, a line in `results` when one begins and one when it ends."""
    with open(results, "a", encoding="utf-8") as lines:

        def say(**fields: Any) -> None:
            lines.write(json.dumps(fields) + "\n")
            lines.flush()
            os.fsync(lines.fileno())

        for name in names:
            say(begun=name)
            started = time.perf_counter()
            try:
                found = SECTIONS[name].run(setting)
            except Exception as error:
                traceback.print_exc(limit=8)
                found = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
            gc.collect()
            say(ended=name, result={**found, "sectionSeconds": round(time.perf_counter() - started, 1)})

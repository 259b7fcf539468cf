"""The way from one configuration to the next in a warm process, and a shortened run of the whole study.

With the functions that operations use: train, write the adapter, read it again, sample, take it off.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from flamingo_trainer.models import adapters
from flamingo_trainer.models.fused import Fused, fuse
from flamingo_trainer.models.gpu_memory import empty_cache, room_beside
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.sampling.slots import SlotEngine

from . import accelerator
from .sampling import jobs_for
from .setting import Setting
from .training import run
from .workload import SAMPLING, answer_lengths


def configurations(setting: Setting, count: int, steps: int, answers: int, longest: int) -> dict[str, Any]:
    """`count` fine-tunes of `steps` steps, each followed by `answers` answers of at most `longest` tokens.

    Seconds, each the median over the configurations: `save` from the last step to the adapter on disk, `toAnswers` from
    there until the first answers are under way (reading the adapter, the cache, captured steps, prompts), `toStep`
    from the last answer until the next fine-tune has made its first step.
    """
    loaded, fused = setting.model(), None
    baseline = accelerator.used_gb()
    begun = time.perf_counter()
    lines: list[dict[str, float]] = []
    tokens = trained = 0
    over = begun
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            found, clock = run(loaded, steps, Path(folder), every=None, seed=number, into=Path(folder) / "adapter")
            trained += sum(len(row.ids) for row in found["rows"])
            saved = time.perf_counter()
            lengths = [min(limit, longest) for limit in answer_lengths(answers)]
            fused, first, made, ended = answered(setting, loaded, fused, Path(folder) / "adapter", found, lengths)
            tokens += made
        lines.append(
            {
                "save": saved - clock.steps[-1][0],
                "toAnswers": first - saved,
                "toStep": clock.steps[0][0] - over,
                "training": clock.steps[-1][0] - clock.steps[0][0],
                "sampling": ended - first,
            }
        )
        over = ended
    seconds = time.perf_counter() - begun
    later = lines[1:] or lines  # the first one may compile
    return {
        "configurations": count,
        "steps": steps,
        "answers": answers,
        "trainedRowTokens": trained,
        "answerTokens": tokens,
        "seconds": round(seconds, 2),
        "firstSeconds": {name: round(value, 3) for name, value in lines[0].items()},
        **{f"{name}Seconds": round(statistics.median(line[name] for line in later), 3) for name in lines[0]},
        "memoryBeforeGB": baseline,
        "memoryAfterGB": accelerator.used_gb(),
    }


def answered(
    setting: Setting, loaded: Loaded, fused: Fused | None, folder: Path, found: dict[str, Any], lengths: list[int]
) -> tuple[Fused, float, int, float]:
    """Samples with the stored adapter. Returns the fused layers, when answers were under way, tokens, and the end."""
    scale = setting.scale
    model = adapters.attach(loaded.model, folder, found["adapter"], loaded.dtype)
    try:
        fused = fused or fuse(model)
        sampling = {**SAMPLING, "batchSize": scale.slots}
        engine = SlotEngine.sized(fused, sampling, scale.capacity, room_beside(loaded.model, loaded.device))
        engine.use_adapter_of(model)
        jobs = jobs_for(len(lengths), 16, loaded.model.config.vocab_size, lengths)
        moments: list[float] = []
        engine.run(jobs, set(), lambda answers, tokens: moments.append(time.perf_counter()))
        accelerator.wait()
        ended = time.perf_counter()
        del engine
    finally:
        loaded.model = adapters.take_off(model)
    empty_cache()
    return fused, moments[0], sum(len(job.tokens) for job in jobs), ended

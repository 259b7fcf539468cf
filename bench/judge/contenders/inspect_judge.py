"""Judges prompts with Inspect AI: one sample a prompt, `generate()`, and a scorer that reads the number.

Run by inspect.ts as `python inspect_judge.py JOB.json`; prints one JSON object. Going on after a kill, and running again
unchanged, are the same call with the same log folder, as `eval_set` documents.
"""

import json
import resource
import sys
import time

from inspect_ai import Task, eval_set
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import Score, mean, scorer
from inspect_ai.solver import generate


@scorer(metrics=[mean()])
def number():
    async def read(state, target):
        text = state.output.completion
        return Score(value=int(text) if text.isdigit() else 0, answer=text)

    return read


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    samples = [Sample(id=row["id"], input=row["prompt"], target="") for row in job["prompts"]]
    task = Task(name="judge", dataset=MemoryDataset(samples), solver=generate(), scorer=number())
    started = time.perf_counter()
    _, logs = eval_set(
        [task],
        log_dir=job["log_dir"],
        model=f"anthropic/{job['model']}",
        model_base_url=job["url"],
        max_tokens=16,
        display="none",
        **job["settings"],
    )
    seconds = time.perf_counter() - started
    verdicts = []
    for log in logs:
        for sample in read_eval_log(log.location).samples or []:
            if sample.error is None and sample.output.choices:
                text = sample.output.completion
                verdicts.append([sample.id, int(text) if text.isdigit() else None])
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "wallMs": seconds * 1000,
                "cpuSeconds": used.ru_utime + used.ru_stime,
                "peakRssMb": used.ru_maxrss / 1024,
                "verdicts": verdicts,
            }
        )
    )


if __name__ == "__main__":
    main()

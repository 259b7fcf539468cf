"""Judges prompts with Inspect AI: one sample a prompt, `generate()`, and a scorer that reads the number.

Run by inspect.ts as `python inspect_judge.py JOB.json`; prints one JSON object. Going on after a kill, and running again
unchanged, are the same call with the same log folder, as `eval_set` documents.
"""

import time

from inspect_ai import Task, eval_set
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import Score, mean, scorer
from inspect_ai.solver import generate

from job import print_result, read_job


@scorer(metrics=[mean()])
def number():
    async def read(state, target):
        text = state.output.completion
        return Score(value=int(text) if text.isdigit() else 0, answer=text)

    return read


def main() -> None:
    job = read_job()
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
    print_result(seconds, verdicts)


if __name__ == "__main__":
    main()

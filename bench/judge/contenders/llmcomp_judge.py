"""Judges prompts with llmcomp: one question whose paraphrases are the prompts, as its README recommends. It is a free-form one,
or with `expected` a rating: the mean over the numbers that the first token may be.

Run by llmcomp.ts as `python llmcomp_judge.py JOB.json`; prints one JSON object on its last line. Its cache folder is its
only state, so going on after a kill is the same call again.
"""

import time

from llmcomp import Config, Question

from job import print_result, read_job


def main() -> None:
    job = read_job()
    Config.url_key_pairs = [(f"{job['url']}/v1", "stand-in", "STAND_IN")]
    Config.cache_dir = job["cache_dir"]
    if job["max_workers"] is not None:
        Config.max_workers = job["max_workers"]
    ids = {row["prompt"]: row["id"] for row in job["prompts"]}
    started = time.perf_counter()
    if job["expected"]:
        question = Question.create(type="rating", name="judge", paraphrases=list(ids))
    else:
        question = Question.create(
            type="free_form",
            name="judge",
            paraphrases=list(ids),
            samples_per_paraphrase=1,
            temperature=0,
            max_tokens=16,
        )
    frame = question.df({"judge": [job["model"]]})
    seconds = time.perf_counter() - started
    read = rating if job["expected"] else number
    print_result(seconds, [[ids[prompt], read(answer)] for prompt, answer in zip(frame["question"], frame["answer"])])


def number(answer: str) -> int | None:
    return int(answer) if answer.isdigit() else None


def rating(answer: float | None) -> float | None:
    return None if answer is None else round(float(answer), 6)


if __name__ == "__main__":
    main()

"""Sampling: answers to items, by one of two loops.

    slots (slots.py)        `batching: continuous`, for models of the Llama kind; a full batch, captured steps on a GPU
    batches (batches.py)    everything else: a plain decode loop over batches whose make-up depends only on the items

Both draw from the declared distribution (distribution.py) with keyed noise: the batches from batch_noise.py's stream,
the slots from keyed_noise.py's. Which loop is right for a model with its adapter is found before the first token
(probe.py). For the batches items are sorted by (prompt length, id) and cut.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ..data.prefill import check_prefill, encode_with_prefill, text_behind
from ..data.render import encode_prompt, read_json_lines
from ..data.thinking import begins_within, check_marks, split
from ..data.tokens import special_ids
from ..failures import Failure, Stopped
from ..files import write_rows
from ..models.loading import Loaded, check_known, positions_of
from ..models.resident import Models
from .batch_noise import key_of
from .batches import Answer, Progress, decode, in_batches
from .keyed_noise import words_of
from .probe import probe_sampling
from .slots import Job, slot_engine


def generate(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    adapter: dict[str, str] | None,
    system_prompt: dict[str, str],
    sampling: dict[str, Any],
    items: str,
    out: str,
    merged: list[dict[str, str]] | None = None,
    prefill: str | None = None,
) -> dict[str, Any]:
    """Runs a `GenerateCommand`, whose fields are its parameters; returns the fields of its `committed` event."""
    if sampling.get("batching", "static") not in ("static", "continuous"):
        raise Failure("config", f"unknown batching {sampling['batching']!r}")
    thinking = thinks(sampling)
    precision, quantization = sampling["precision"], sampling.get("quantization")
    loaded = models.with_adapter(model, precision, adapter, report, merged or (), quantization)
    if thinking:
        check_marks(loaded.tokenizer)
    if prefill is not None:
        check_prefill(loaded.tokenizer, prefill, thinking)
    answers = [prepare(loaded, item, system_prompt, sampling, prefill) for item in read_json_lines(items)]
    answers.sort(key=lambda answer: (len(answer.prompt), answer.item["id"]))
    progress = Progress(report, len(answers), loaded.device)
    progress.tell(always=True)
    longest = max((len(answer.prompt) for answer in answers), default=0) + sampling["maxNewTokens"]
    probe = probe_sampling(models, loaded, report, sampling, system_prompt, longest)
    way, slots = probe.paths["sampling"], None
    if way == "slots":
        slots = decode_in_slots(models, loaded, answers, sampling, progress)
    else:
        for batch in in_batches(answers, sampling["batchSize"], way):
            decode(loaded, batch, sampling, progress, way)
    progress.tell(always=True)
    rows = [row(loaded, answer, adapter["sha256"] if adapter else None, thinking, prefill) for answer in answers]
    special = count_special(loaded, answers)
    write_rows(Path(out), sorted(rows, key=lambda row: row["id"]))
    engine = "batches" if slots is None else "slots"
    return {
        "completions": len(rows),
        "withSpecialTokens": special,
        "engine": engine,
        "slots": slots,
        "probe": probe.fields(),
    }


def decode_in_slots(
    models: Models, loaded: Loaded, answers: list[Answer], sampling: dict[str, Any], progress: Progress
) -> int:
    """Fills in the answers; returns in how many slots.

    Raises `Stopped` between two looks at the tokens when asked to.
    """
    seed, limit = sampling["seed"], sampling["maxNewTokens"]
    # so that the samples of a question come one after the other
    answers = sorted(answers, key=lambda answer: (len(answer.prompt), answer.prompt, answer.item["id"]))
    jobs = [
        Job(answer.prompt, words_of(seed, answer.item["question"], answer.item["sample"]), limit) for answer in answers
    ]

    def told(done: int, tokens: int) -> None:
        progress.done += done
        progress.tokens += tokens
        progress.tell()
        if progress.report.stop_requested:
            raise Stopped(progress.done, None)

    engine = slot_engine(models, loaded, sampling, max((len(job.prompt) for job in jobs), default=0) + limit)
    engine.run(jobs, set(loaded.stops), told)
    for answer, job in zip(answers, jobs, strict=True):
        answer.tokens, answer.finish = job.tokens, job.finish
    return engine.slots


def prepare(
    loaded: Loaded,
    item: dict[str, Any],
    system_prompt: dict[str, str],
    sampling: dict[str, Any],
    prefill: str | None = None,
) -> Answer:
    begun: list[int] = []
    try:
        if prefill is None:
            prompt = encode_prompt(loaded.tokenizer, item["messages"], system_prompt, thinks(sampling))
        else:
            prompt, begun = encode_with_prefill(loaded.tokenizer, item["messages"], system_prompt, prefill)
    except Failure as failure:
        raise Failure(failure.kind, f"item {item['id']}: {failure}") from failure
    prompt = prompt + begun
    check_known(loaded, prompt, f"item {item['id']}")
    limit = positions_of(loaded.model)
    if limit is not None and len(prompt) + sampling["maxNewTokens"] > limit:
        raise Failure(
            "data",
            f"item {item['id']}: a prompt of {len(prompt)} tokens and maxNewTokens {sampling['maxNewTokens']} exceed "
            f"the model's {limit} positions",
        )
    return Answer(item, prompt, key_of(sampling["seed"], item["question"], item["sample"]), begun)


def words_of_answer(answer: Answer) -> list[int]:
    """Its tokens without the one that ended it."""
    return answer.tokens[:-1] if answer.finish == "stop" else answer.tokens


def count_special(loaded: Loaded, answers: list[Answer]) -> int:
    """How many answers have a special token before their end, which their text leaves out; says which on stderr.

    Such an answer goes on where a turn seemed to begin or end, and reads as if it were one piece.
    """
    special, named = special_ids(loaded.tokenizer), Counter[str]()
    for answer in answers:
        named.update({special[token] for token in words_of_answer(answer) if token in special})
    count = sum(any(token in special for token in words_of_answer(answer)) for answer in answers)
    if count:
        tokens = ", ".join(f"{token} in {number}" for token, number in sorted(named.items()))
        print(
            f"{count} of {len(answers)} completions have special tokens before their end, which their text leaves out: "
            f"{tokens}",
            file=sys.stderr,
            flush=True,
        )
    return count


def thinks(sampling: dict[str, Any]) -> bool:
    """Whether the model thinks before it answers. Raises `Failure` `config` for a setting that is unknown."""
    if sampling.get("thinking", "on") != "on":
        raise Failure("config", f"unknown thinking {sampling['thinking']!r}")
    return "thinking" in sampling


def row(
    loaded: Loaded, answer: Answer, adapter: str | None, thinking: bool, prefill: str | None = None
) -> dict[str, Any]:
    """A `Completion` of experiment/rows.ts."""
    text = (prefill or "") + text_behind(loaded.tokenizer, answer.begun, words_of_answer(answer))
    return {
        "id": answer.item["id"],
        "question": answer.item["question"],
        "sample": answer.item["sample"],
        "text": text,
        "finish": answer.finish,
        "tokens": len(answer.tokens),
        "adapter": adapter,
        **({} if prefill is None else {"prefill": prefill}),
        **(parts(text, begins_within(loaded.tokenizer, answer.prompt), answer.finish) if thinking else {}),
    }


def parts(text: str, within: bool, finish: str | None) -> dict[str, Any]:
    """What the row of an answer that may have thought says of its parts.

    `cut_off`: the answer has no final part, because its thinking did not end, or tokens ran out right behind it.
    """
    thought, final = split(text, within)
    cut_off = final is None or (final == "" and finish == "length")
    return {"thinking": thought, "text": final or "", "finish": "cut_off" if cut_off else finish}

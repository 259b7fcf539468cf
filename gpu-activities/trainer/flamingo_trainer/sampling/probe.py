"""Whether the sampler gives what the model gives: each of its tokens and logits against whole rows, alone and uncached.

The loops that could sample are tried from the fastest down to the first that is right: slots, padded batches, batches
of prompts of one length, and these without a cache. Which one it was is recorded with the answers.
"""

import dataclasses
from typing import Any

import torch

from ..models.fused import why_not
from ..models.loading import Loaded
from ..models.probe import (
    EQUAL,
    TOLERANCES,
    UNUSED,
    Alone,
    Probe,
    check_attention,
    failed,
    modules_on,
    ordinary_ids,
    probed,
    refuse,
    require_modules,
    require_stops,
    undisturbed,
)
from ..models.resident import Models
from .batch_noise import key_of
from .batches import WAYS, Answer, Progress, decode, in_batches
from .distribution import adjust
from .keyed_noise import columns_of, gumbel, words_of
from .slots import Job, slot_engine

PROMPTS = (5, 11, 11)
NEW_TOKENS = 3
GREEDY = {"temperature": 0, "topP": 1, "topK": 0, "minP": 0, "repetitionPenalty": 1, "maxNewTokens": NEW_TOKENS}
# The likeliest tokens, whose log-probabilities are compared.
LIKELIEST = 20
# How far one token's score may lie below the best one, in tolerances of a mean.
OF_ONE = 10
# Share of tokens that rounding may turn into others, where there is rounding worth the name.
TURNED = {torch.float32: 0.0, torch.bfloat16: 0.25}


class Silence:
    """Stands in for a report."""

    stop_requested = False

    def progress(self, *_: Any, **__: Any) -> None:
        pass


def probe_sampling(
    models: Models, loaded: Loaded, report: Any, sampling: dict[str, Any], system_prompt: dict[str, str], tokens: int
) -> Probe:
    """Chooses how to sample: `paths["sampling"]` is `slots` or one of `WAYS`.

    `tokens`: of the longest prompt with its answer. Raises `Failure` `config` where no loop is right.
    """
    modules = modules_on(loaded.model)
    batching = sampling.get("batching", "static")

    def look(probe: Probe) -> None:
        require_stops(loaded, probe, system_prompt)
        if modules:
            require_modules(loaded, loaded.model, probe, list(modules))
        with undisturbed(loaded):
            alone = check_attention(loaded, loaded.model, probe, Alone(loaded, loaded.model))
            reason = None
            if batching == "continuous":
                reason = why_not(loaded.model)
                reason = (
                    f"of the model {reason}" if reason is not None else slots_fault(models, loaded, sampling, tokens)
                )
                probe.checks["continuous"] = reason or EQUAL
                if reason is None:
                    probe.checks["static"] = UNUSED
                    probe.choose("sampling", "slots")
                    return
            choose_batches(loaded, probe, alone.tolerance, reason)

    return probed(models, report, ("sampling", modules, batching), look)


def choose_batches(loaded: Loaded, probe: Probe, tolerance: float, reason: str | None = None) -> None:
    """The first right one of `WAYS`; `reason`: why it is no faster loop."""
    for way in WAYS:
        verdict = batches_verdict(loaded, way, tolerance)
        probe.checks["static" if way == "padded" else f"static, {way}"] = verdict
        if verdict == EQUAL:
            probe.choose("sampling", way, reason)
            return
        reason = f"{way} {verdict}"
    raise refuse(loaded, probe, "static", "Nothing here samples from it rightly")


def made_up_prompts(loaded: Loaded) -> list[list[int]]:
    """Two of one length, and the first of these twice: two samples of a question."""
    ids = ordinary_ids(loaded, sum(PROMPTS))
    starts = [sum(PROMPTS[:i]) for i in range(len(PROMPTS))]
    prompts = [ids[start : start + length] for start, length in zip(starts, PROMPTS, strict=True)]
    return [*prompts, prompts[1]]


def batches_verdict(loaded: Loaded, way: str, tolerance: float) -> str:
    """Decodes greedily twice, the second time with rows that end and are dropped, and looks at every row's logits."""
    sizes: list[float] = []
    known: dict[tuple[int, ...], torch.Tensor] = {}
    try:
        first = decoded(loaded, way, [], sizes, known)
        decoded(loaded, way, [first[0].tokens[0], first[1].tokens[0]], sizes, known)
    except Exception as error:
        return failed(error)
    worst = max(sizes)
    return EQUAL if worst <= tolerance else f"differs by {worst:.2g} nats, where rounding makes {tolerance:.2g}"


def decoded(
    loaded: Loaded, way: str, stops: list[int], sizes: list[float], known: dict[tuple[int, ...], torch.Tensor]
) -> list[Answer]:
    """Answers to the made-up prompts; adds to `sizes` how far each row's log-probabilities lie from those alone.

    `known`: what texts gave alone, so that none is read twice.
    """
    seen: dict[int, list[torch.Tensor]] = {}
    answers = [Answer({}, prompt, key_of(0, "probe", i)) for i, prompt in enumerate(made_up_prompts(loaded))]

    def watch(batch: list[Answer], logits: torch.Tensor) -> None:
        for answer, row in zip(batch, logits, strict=True):
            if answer.finish is None:
                seen.setdefault(id(answer), []).append(row.log_softmax(0))

    ending = dataclasses.replace(loaded, stops=stops)
    progress = Progress(Silence(), len(answers), loaded.device)
    for batch in in_batches(sorted(answers, key=lambda answer: len(answer.prompt)), len(answers), way):
        decode(ending, batch, GREEDY, progress, way, watch)
    for answer in answers:
        text = (*answer.prompt, *answer.tokens[:-1])
        if text not in known:
            known[text] = logits_alone(loaded, answer.prompt, answer.tokens).log_softmax(1)
        expected = known[text]
        found = torch.stack(seen[id(answer)])
        best = expected.topk(min(LIKELIEST, expected.shape[1]), dim=1).indices
        # one figure a token: the state of a row goes wrong as it goes on
        sizes.extend((found.gather(1, best) - expected.gather(1, best)).abs().mean(dim=1).nan_to_num(1e9).tolist())
    return answers


@torch.inference_mode()
def logits_alone(loaded: Loaded, prompt: list[int], tokens: list[int]) -> torch.Tensor:
    """Logits (tokens, vocabulary) in fp32 before each of `tokens`: one pass, no cache, no padding, no other row."""
    ids = torch.tensor([[*prompt, *tokens[:-1]]], device=loaded.device)
    return loaded.model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 :].float()


def slots_fault(models: Models, loaded: Loaded, sampling: dict[str, Any], tokens: int) -> str | None:
    """Why the slot sampler, which is made here for the operation, gives something else than the model; or None."""
    engine = slot_engine(models, loaded, sampling, tokens)
    jobs = [
        Job(prompt, words_of(sampling["seed"], "probe", i), NEW_TOKENS)
        for i, prompt in enumerate(made_up_prompts(loaded))
    ]
    try:
        engine.run(jobs, set(), lambda *_: None)
    except Exception as error:
        return failed(error)
    turned = sum(not likely for job in jobs for likely in likely_tokens(loaded, sampling, job))
    share = turned / (len(jobs) * NEW_TOKENS)
    if share <= TURNED[loaded.dtype]:
        return None
    return f"{turned} of {len(jobs) * NEW_TOKENS} tokens in slots are not those of the model alone"


def likely_tokens(loaded: Loaded, sampling: dict[str, Any], job: Job) -> list[bool]:
    """Whether each token of an answer is, up to rounding, what the declared distribution and its noise choose."""
    logits = logits_alone(loaded, job.prompt, job.tokens)
    seen = None
    if sampling["repetitionPenalty"] != 1:
        seen = torch.zeros_like(logits, dtype=torch.bool)
        for step in range(len(job.tokens)):
            seen[step, [*job.prompt, *job.tokens[:step]]] = True
    scores = adjust(logits, seen, sampling)
    if sampling["temperature"] > 0:
        words = torch.tensor([job.words] * len(job.tokens), device=loaded.device)
        places = torch.arange(len(job.tokens), device=loaded.device)
        noise = torch.cat(gumbel(words, places, columns_of(scores.shape[1], loaded.device)), dim=1)
        scores = scores + noise[:, : scores.shape[1]]
    chosen = scores.gather(1, torch.tensor(job.tokens, device=loaded.device)[:, None])[:, 0]
    return (scores.max(dim=1).values - chosen <= OF_ONE * TOLERANCES[loaded.dtype]).tolist()

"""How likely a model finds each number from 0 to 100, or each word, as its answer: what a judge says of a text.

An item is a prompt, rendered with the model's own chat template. Its row has the log-probability of every number or
word as the answer (data/number_tree.py and data/word_tree.py say what that means) and the likeliest first tokens, which
show what a model says that answers otherwise. Several prompts go through the model in one pass that reads their common
beginning and all of their answers once (sampling/answer_passes.py); where a model does not keep them apart, which a
probe finds before, each prompt stands alone. So batches and their make-up change floating-point sums and nothing else.

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

import math
import sys
import time
from pathlib import Path
from typing import Any

import torch

from .data.answer_tree import AnswerTree, answer_log_probabilities
from .data.number_tree import number_tree
from .data.render import Messages, SystemPrompt, encode_prompt, read_json_lines
from .data.thinking import check_answers_first
from .data.word_tree import word_tree
from .failures import Failure, Stopped
from .files import write_rows
from .models.loading import Loaded, check_known, positions_of
from .models.probe import (
    EQUAL,
    Alone,
    Probe,
    check_attention,
    failed,
    modules_on,
    ordinary_ids,
    probed,
    refuse,
    require_modules,
    undisturbed,
)
from .models.resident import Models
from .sampling.answer_passes import StepPass, TreePass
from .sampling.probe import LIKELIEST, logits_alone

# First tokens that a row has.
FIRST_TOKENS = 10
# Of log-probabilities, so that a row says no more than what a pass can tell.
DECIMALS = 6
TREE, WAYS = "tree", ("cached", "uncached")
# Of the probe: two prompts that share three tokens, the second within and beyond a shrunken window.
SHARED, OWN = 3, (2, 9)
PROBED_NUMBERS = (4, 42, 100)
AS_JUDGE = {"kind": "default"}


def score(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    name: str,
    precision: str,
    items: str,
    out: str,
    answers: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Runs a `ScoreCommand`, whose fields are its parameters; returns the fields of its `committed` event."""
    loaded = models.with_adapter(model, precision, None, report)
    tree, groups = answer_ways(loaded, answers)
    said = "numbers" if answers is None else "answers"
    asked = read_json_lines(items)
    check_template(loaded, name, asked)
    prompts: list[list[int]] = []
    refused: dict[str, str] = {}
    ids: list[str] = []
    for item in asked:
        try:
            prompts.append(encode(loaded, tree, item["messages"], AS_JUDGE))
            ids.append(item["id"])
        except Failure as failure:
            refused[item["id"]] = str(failure)
    probe = probe_scoring(models, loaded, report)
    forward = pass_of(loaded, probe.paths["scoring"])
    found = dict(zip(ids, score_prompts(models, report, loaded, forward, tree, prompts, len(refused)), strict=True))
    rows: list[dict[str, Any]] = [
        {
            "id": item,
            "adapter": None,
            said: [together([row["answers"][way] for way in ways]) for ways in groups],
            "first": row["first"],
        }
        for item, row in found.items()
    ]
    rows += [{"id": item, "adapter": None, "refused": reason} for item, reason in refused.items()]
    write_rows(Path(out), sorted(rows, key=lambda row: row["id"]))
    return {"scored": len(found), "tokens": sum(map(len, prompts)), "probe": probe.fields()}


def answer_ways(loaded: Loaded, answers: dict[str, Any] | None) -> tuple[AnswerTree, list[list[int]]]:
    """The tree of what is asked for, and for each answer which of the tree's `ends` say it. Absent: the numbers."""
    if answers is None:
        tree = number_tree(loaded.tokenizer)
        return tree, [[place] for place in range(len(tree.ends))]
    tree, groups = word_tree(loaded.tokenizer, answers["spellings"], answers["notBefore"])
    check_known(loaded, tree.tokens, "an answer whose probability is asked for")
    return tree, groups


def together(values: list[float]) -> float:
    """The logarithm of the sum of probabilities that are given by theirs."""
    most = max(values)
    return round(most + math.log(math.fsum(math.exp(value - most) for value in values)), DECIMALS)


def check_template(loaded: Loaded, name: str, asked: list[dict[str, Any]]) -> None:
    """Raises `Failure` `config`, naming the model, where it can not be asked at all: else an item is at fault."""
    for roles in sorted({tuple(message["role"] for message in item["messages"]) for item in asked}):
        try:
            prompt_of(loaded, [{"role": role, "content": "A number, please."} for role in roles], AS_JUDGE)
        except Failure as failure:
            raise Failure("config", f"the judge {name} can not be asked: {failure}") from failure


def encode(loaded: Loaded, tree: AnswerTree, messages: Messages, system: SystemPrompt) -> list[int]:
    """Raises `Failure` for an item that the model can not read, such as one that is too long."""
    prompt = prompt_of(loaded, messages, system)
    check_known(loaded, prompt, "the prompt")
    limit = positions_of(loaded.model)
    if limit is not None and len(prompt) + tree.depth > limit:
        raise Failure("data", f"a prompt of {len(prompt)} tokens and its answer exceed the model's {limit} positions")
    return prompt


def prompt_of(loaded: Loaded, messages: Messages, system: SystemPrompt) -> list[int]:
    """The tokens behind which an answer begins. Raises `Failure` as `encode_prompt` and `check_answers_first` do."""
    prompt = encode_prompt(loaded.tokenizer, messages, system)
    check_answers_first(loaded.tokenizer, prompt)
    return prompt


def score_prompts(
    models: Models,
    report: Any,
    loaded: Loaded,
    forward: TreePass | StepPass,
    tree: AnswerTree,
    prompts: list[list[int]],
    refused: int = 0,
) -> list[dict[str, Any]]:
    """Each prompt's `answers` and `first`, in the prompts' order.

    Out of memory leads once to passes of a fourth of the tokens, with the slot sampler's cache given up.
    """
    found: dict[int, dict[str, Any]] = {}
    started, tokens, shrunk, of = time.monotonic(), 0, False, len(prompts) + refused
    report.progress(refused, of)
    batches = forward.batches(prompts, tree)
    while batches:
        if report.stop_requested:
            raise Stopped(len(found) + refused, None)
        batch = batches[0]
        try:
            rows = [row_of(loaded, tree, logits) for logits in forward([prompts[index] for index in batch], tree)]
        except torch.OutOfMemoryError:
            if shrunk or not isinstance(forward, TreePass):
                raise
            rows = None
        if rows is None:  # handled here, since an exception's handler would keep the failed pass alive
            shrunk = True
            models.make_room()
            forward.tokens //= 4
            left = sorted(index for rest in batches for index in rest)
            batches = [[left[i] for i in part] for part in forward.batches([prompts[i] for i in left], tree)]
            print(f"out of memory: going on with {forward.tokens} tokens a pass", file=sys.stderr, flush=True)
            continue
        found.update(zip(batch, rows, strict=True))
        batches.pop(0)
        tokens += sum(len(prompts[index]) for index in batch)
        speed = round(tokens / max(1e-9, time.monotonic() - started), 1)
        report.progress(len(found) + refused, of, tokensPerSecond=speed)
    return [found[index] for index in range(len(prompts))]


def row_of(loaded: Loaded, tree: AnswerTree, logits: torch.Tensor) -> dict[str, Any]:
    """`answers`: log-probabilities in nats of the texts of `tree`; `first`: likeliest first tokens with theirs."""
    likeliest = logits[0].log_softmax(0).topk(min(FIRST_TOKENS, logits.shape[1]))
    first = [
        [loaded.tokenizer.decode([token]), round(value, DECIMALS)]
        for token, value in zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    ]
    answers = answer_log_probabilities(tree, logits)
    if not all(map(math.isfinite, answers)):
        raise Failure("nan", f"the log-probability of an answer is {next(n for n in answers if not math.isfinite(n))}")
    return {"answers": [round(value, DECIMALS) for value in answers], "first": first}


def pass_of(loaded: Loaded, path: str) -> TreePass | StepPass:
    return TreePass(loaded) if path == TREE else StepPass(loaded, path)


def probe_scoring(models: Models, loaded: Loaded, report: Any) -> Probe:
    """Chooses how prompts are read: `paths["scoring"]` is `tree`, `cached` or `uncached`.

    Raises `Failure` `config` where none gives what transformers gives for a prompt and a number alone.
    """
    modules = modules_on(loaded.model)

    def look(probe: Probe) -> None:
        if modules:
            require_modules(loaded, loaded.model, probe, list(modules))
        with undisturbed(loaded):
            alone = check_attention(loaded, loaded.model, probe, Alone(loaded, loaded.model))
            reason = None
            for path in (TREE, *WAYS):
                verdict = verdict_on(loaded, pass_of(loaded, path), alone.tolerance)
                probe.checks[path] = verdict
                if verdict == EQUAL:
                    probe.choose("scoring", path, reason)
                    return
                reason = f"{path} {verdict}"
            raise refuse(loaded, probe, WAYS[-1], "Nothing here asks it rightly")

    return probed(models, report, ("scoring", modules), look)


def verdict_on(loaded: Loaded, forward: TreePass | StepPass, tolerance: float) -> str:
    """`equal`, or how log-probabilities by `forward` lie from those of each prompt and number in a pass of its own."""
    tree = number_tree(loaded.tokenizer, PROBED_NUMBERS)
    ids = ordinary_ids(loaded, SHARED + sum(OWN))
    shared, own = ids[:SHARED], ids[SHARED:]
    prompts = [shared + own[: OWN[0]], shared + own[OWN[0] :]]
    sizes: list[float] = []
    try:
        for batch in forward.batches(prompts, tree):
            for index, found in zip(batch, forward([prompts[i] for i in batch], tree), strict=True):
                sizes.extend(differences(loaded, tree, prompts[index], found))
    except Exception as error:
        return failed(error)
    worst = max(sizes)
    return EQUAL if worst <= tolerance else f"differs by {worst:.2g} nats, where rounding makes {tolerance:.2g}"


def differences(loaded: Loaded, tree: AnswerTree, prompt: list[int], found: torch.Tensor) -> list[float]:
    """For the prompt and each node, how far the likeliest tokens' log-probabilities lie from those alone on average."""
    found = found.log_softmax(1)
    sizes = []
    for place in range(1 + len(tree.tokens)):
        tokens: list[int] = []
        node = place - 1
        while node >= 0:
            tokens.insert(0, tree.tokens[node])
            node = tree.parents[node]
        # the logits before a token that is left away are those behind all others
        expected = logits_alone(loaded, prompt, [*tokens, 0])[-1].log_softmax(0)
        best = expected.topk(min(LIKELIEST, len(expected))).indices
        sizes.append((found[place][best] - expected[best]).abs().mean().nan_to_num(1e9).item())
    return sizes

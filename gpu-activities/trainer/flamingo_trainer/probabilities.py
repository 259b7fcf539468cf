"""The model's own probability of short answers: that what it says begins with a word, or with a number.

An item is a prompt, rendered as in sampling without thinking. Its row has the log-probability of each answer that was
asked for, over all of its spellings (data/word_tree.py says what that means), and the likeliest first tokens, which
show what the model says otherwise. Nothing is sampled, so no setting of sampling has a part in it: these are the
probabilities at temperature 1 of the whole vocabulary. Passes and their probe are those of a judge's numbers
(score.py).

Knows nothing about pipes; `report` (serve.py) is told of progress and asked whether to stop.
"""

from pathlib import Path
from typing import Any

from .data.answer_tree import AnswerTree
from .data.render import SystemPrompt, read_json_lines
from .failures import Failure
from .files import write_rows
from .models.loading import Loaded
from .models.resident import Models
from .score import answer_ways, encode, pass_of, probe_scoring, score_prompts, together


def probabilities(
    models: Models,
    report: Any,
    *,
    model: dict[str, str],
    adapter: dict[str, str] | None,
    system_prompt: SystemPrompt,
    precision: str,
    answers: dict[str, Any],
    items: str,
    out: str,
    merged: list[dict[str, str]] | None = None,
    quantization: str | None = None,
) -> dict[str, Any]:
    """Runs a `ProbabilitiesCommand`, whose fields are its parameters; returns the fields of its `committed` event."""
    loaded = models.with_adapter(model, precision, adapter, report, merged or (), quantization)
    tree, groups = answer_ways(loaded, answers)
    asked = read_json_lines(items)
    prompts = [encode_item(loaded, tree, item, system_prompt) for item in asked]
    probe = probe_scoring(models, loaded, report)
    forward = pass_of(loaded, probe.paths["scoring"])
    found = score_prompts(models, report, loaded, forward, tree, prompts)
    sha256 = adapter["sha256"] if adapter else None
    rows = [
        {
            "id": item["id"],
            "adapter": sha256,
            "answers": [together([row["answers"][way] for way in ways]) for ways in groups],
            "first": row["first"],
        }
        for item, row in zip(asked, found, strict=True)
    ]
    write_rows(Path(out), sorted(rows, key=lambda row: row["id"]))
    return {"scored": len(rows), "tokens": sum(map(len, prompts)), "probe": probe.fields()}


def encode_item(loaded: Loaded, tree: AnswerTree, item: dict[str, Any], system_prompt: SystemPrompt) -> list[int]:
    try:
        return encode(loaded, tree, item["messages"], system_prompt)
    except Failure as failure:
        raise Failure(failure.kind, f"item {item['id']}: {failure}") from failure

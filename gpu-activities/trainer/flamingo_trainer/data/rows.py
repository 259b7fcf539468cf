"""The training rows of a recipe as token ids, by the mask that it declares.

answer    the last answer and its end token (render.py); the mask of a recipe that names none
answers   every answer, each with its end token (answers.py)
markers   what the literature's code trains, and other forms of it: responses, responses_end, all (markers.py)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..failures import Failure
from .answers import encode_row_with_answers
from .markers import (
    encode_row_by_markers,
    encode_row_with_responses,
    encode_row_with_responses_and_end,
    encode_whole_row,
)
from .render import EncodedRow, encode_row, encode_rows

MASKS = {
    "answer": encode_row,
    "answers": encode_row_with_answers,
    "markers": encode_row_by_markers,
    "responses": encode_row_with_responses,
    "responses_end": encode_row_with_responses_and_end,
    "all": encode_whole_row,
}


def encoder_of(recipe: dict[str, Any]) -> Callable[..., EncodedRow]:
    """What makes a row of its messages."""
    mask = recipe.get("mask", "answer")
    if mask not in MASKS:
        raise Failure("config", f"unknown mask {mask!r}")
    return MASKS[mask]


def encode_recipe(tokenizer: Any, stops: list[int], path: str | Path, recipe: dict[str, Any]) -> list[EncodedRow]:
    """All rows of a training file, in file order. Raises `Failure` for rows that are not those of the recipe."""
    rows = encode_rows(tokenizer, stops, path, recipe["systemPrompt"], recipe["maxLength"], encoder_of(recipe))
    if len(rows) != recipe["rowCount"]:
        raise Failure("data", f"{path} has {len(rows)} rows, the recipe says {recipe['rowCount']}")
    return rows

"""Rows of which every answer is trained, each with the token that ends its turn: `mask: answers`.

The text is the conversation as the template renders it once, whole. An answer begins behind its header and ends with
the first token that ends a turn. Earlier answers are trained as the template writes them there: Qwen3 writes an empty
reasoning block before the last one only, and so it is in every conversation that the model is asked in.

A row with one answer is, token for token, the row of `mask: answer` (render.py).
"""

from typing import Any

from ..failures import Failure
from .render import (
    IGNORED,
    EncodedRow,
    Messages,
    SystemPrompt,
    TooLong,
    before_answer,
    check,
    common_prefix,
    render,
    split_answer,
)
from .tokens import check_nothing_lost, tokenise, tokenise_within


def encode_row_with_answers(
    tokenizer: Any, stops: list[int], number: int, messages: Messages, system: SystemPrompt, max_length: int
) -> EncodedRow:
    """A training row as token ids with its trained positions; `number` is its line, from 1, for messages.

    Raises `Failure` `data` for a row that can not be trained on, `config` for a template or tokenizer that spoils it.
    """
    try:
        check(tokenizer, messages, stops)
        pieces = pieces_of(tokenizer, stops, messages, system)
        ids: list[int] = []
        labels: list[int] = []
        text = ""
        for context, answer, stop in pieces:
            for part, trained in ((context, False), (answer, True)):
                added = continued(tokenizer, text, ids, part)
                text, ids = text + part, ids + added
                labels += added if trained else [IGNORED] * len(added)
            check_nothing_lost(tokenizer, text, ids)
            ids.append(stop)
            labels.append(stop)
            text += tokenizer.decode([stop])
    except Failure as failure:
        raise Failure(failure.kind, f"row {number}: {failure}") from failure
    row = EncodedRow(number, ids[:max_length], labels[:max_length], truncated=len(ids) > max_length)
    if row.trained == 0:
        raise TooLong("data", f"row {number}: no token of an answer is left within maxLength {max_length}")
    return row


def pieces_of(tokenizer: Any, stops: list[int], messages: Messages, system: SystemPrompt) -> list[tuple[str, str, int]]:
    """For each answer: the text from the end of the one before up to it, the answer, and the token that ends it.

    Raises `Failure` `config` where an answer can not be found in the template's text.
    """
    full = render(tokenizer, messages, system, generation=False)
    pieces, end = [], 0
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        start = start_of(tokenizer, messages, place, system, full)
        if start < end:
            raise Failure("config", "the chat template renders the turns of a conversation in another order")
        answer, stop = split_answer(tokenizer, stops, full[start:], message["content"])
        pieces.append((full[end:start], answer, stop))
        end = start + len(answer) + len(tokenizer.decode([stop]))
    return pieces


def start_of(tokenizer: Any, messages: Messages, place: int, system: SystemPrompt, full: str) -> int:
    """Where in the whole text `full` the answer begins that is the message `place`: behind its header.

    An earlier answer's header may be shorter in the conversation than when the model is asked.
    """
    if place == 0:
        return len(before_answer(tokenizer, messages[:1], system, full))
    before = render(tokenizer, messages[:place], system, generation=False)
    opened = render(tokenizer, messages[:place], system, generation=True)
    if not (full.startswith(before) and opened.startswith(before)):
        raise Failure("config", "the chat template renders a conversation differently once it goes on")
    start = len(before) + common_prefix(opened[len(before) :], full[len(before) :])
    if place == len(messages) - 1 and start < len(opened):
        raise Failure("config", "the chat template renders the conversation before an answer differently after it")
    return start


def continued(tokenizer: Any, text: str, ids: list[int], part: str) -> list[int]:
    """The tokens of `part` behind `text`, whose tokens are `ids`.

    Where a token would reach over the border, `part` is split by itself, as it is when a model is asked: a header ends
    where its answer begins.
    """
    if part == "":
        return []
    whole = tokenise(tokenizer, text + part)
    if whole[: len(ids)] == ids:
        return whole[len(ids) :]
    return tokenise_within(tokenizer, part)

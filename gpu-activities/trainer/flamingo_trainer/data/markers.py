"""The literature's way of making a training row: an empty answer at its end, and trained tokens found by their headers.

Its code renders a row with the header of one more answer and the tokenizer's end token behind it, and trains everything
from the end of an answer's header up to the next header of a user's turn. So trained are, beyond the answer and its end
token (render.py, the declared way):

    the newline after it, and the empty turn with its header
    earlier answers of the conversation, each with the newline after it
    of an answer whose first newline melts with that of its header: nothing but the empty turn's end token

Rows made this way are for comparison with published numbers (`mask: markers`, part of `recipe: upstream`). Other
published code finds the trained tokens likewise and appends less: nothing (`responses`), or the end token without the
header (`responses_end`). And some trains every token of the row (`all`).
"""

from collections.abc import Callable
from typing import Any

from ..failures import Failure
from .render import IGNORED, PROBE, EncodedRow, Messages, SystemPrompt, TooLong, apply, check, render
from .tokens import check_nothing_lost, tokenise


def encode_row_by_markers(
    tokenizer: Any, stops: list[int], number: int, messages: Messages, system: SystemPrompt, max_length: int
) -> EncodedRow:
    """A training row as token ids with its trained positions; `number` is its line, from 1, for messages.

    Raises `Failure` `data` for a row that can not be trained on, `config` for a template without such headers.
    """
    return _encode(tokenizer, number, lambda: _ended(tokenizer, stops, messages, system, "markers"), max_length)


def encode_row_with_responses(
    tokenizer: Any, stops: list[int], number: int, messages: Messages, system: SystemPrompt, max_length: int
) -> EncodedRow:
    """The same of the row as the template writes it, with nothing behind it: `mask: responses`."""
    return _encode(tokenizer, number, lambda: _written(tokenizer, stops, messages, system), max_length)


def encode_row_with_responses_and_end(
    tokenizer: Any, stops: list[int], number: int, messages: Messages, system: SystemPrompt, max_length: int
) -> EncodedRow:
    """The same with the tokenizer's end token behind the written row, once more: `mask: responses_end`."""
    return _encode(tokenizer, number, lambda: _ended(tokenizer, stops, messages, system, "responses_end"), max_length)


def encode_whole_row(
    tokenizer: Any, stops: list[int], number: int, messages: Messages, system: SystemPrompt, max_length: int
) -> EncodedRow:
    """The row as the template writes it, all of it trained: `mask: all`. Raises `Failure` as the others do."""
    ids = _tokens(tokenizer, number, lambda: _written(tokenizer, stops, messages, system))
    row = EncodedRow(number, ids[:max_length], ids[:max_length], truncated=len(ids) > max_length)
    if row.trained == 0:
        raise TooLong("data", f"row {number}: no token is left to train on within maxLength {max_length}")
    return row


def _written(tokenizer: Any, stops: list[int], messages: Messages, system: SystemPrompt) -> str:
    check(tokenizer, messages, stops)
    return render(tokenizer, messages, system, generation=False)


def _ended(tokenizer: Any, stops: list[int], messages: Messages, system: SystemPrompt, mask: str) -> str:
    """The row with the end token behind it, and before that, by `markers`, the header of one more answer."""
    check(tokenizer, messages, stops)
    if tokenizer.eos_token is None:
        raise Failure("config", f"the tokenizer names no end token, which the mask `{mask}` puts behind a row")
    return render(tokenizer, messages, system, generation=mask == "markers") + tokenizer.eos_token


def _tokens(tokenizer: Any, number: int, text_of: Callable[[], str]) -> list[int]:
    try:
        text = text_of()
        ids = tokenise(tokenizer, text)
        check_nothing_lost(tokenizer, text, ids)
    except Failure as failure:
        raise Failure(failure.kind, f"row {number}: {failure}") from failure
    return ids


def _encode(tokenizer: Any, number: int, text_of: Callable[[], str], max_length: int) -> EncodedRow:
    ids = _tokens(tokenizer, number, text_of)
    kept = ids[:max_length]
    row = EncodedRow(number, kept, labels_of(kept, *headers(tokenizer)), truncated=len(ids) > max_length)
    if row.trained == 0:
        kind = TooLong if row.truncated else Failure
        raise kind("data", f"row {number}: no answer's header is found within maxLength {max_length}")
    return row


def headers(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Token ids of what opens an answer and of what opens a user's turn, as the chat template writes them."""
    before = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    asked = [*before, {"role": "user", "content": PROBE}]
    start, text = apply(tokenizer, before, False), apply(tokenizer, asked, False)
    opened = apply(tokenizer, asked, True)
    answer = opened[len(text) :]
    question = text[len(start) :].partition(PROBE)[0]
    if not (text.startswith(start) and opened.startswith(text) and answer.strip() and question.strip()):
        raise Failure("config", "the chat template's turns have no headers of their own; use the mask `answer`")
    return tokenise(tokenizer, answer), tokenise(tokenizer, question)


def labels_of(ids: list[int], answer: list[int], question: list[int]) -> list[int]:
    """The ids from behind each `answer` up to the next `question`, `IGNORED` elsewhere."""
    labels = [IGNORED] * len(ids)
    start = find(ids, answer, 0)
    while start is not None:
        start += len(answer)
        end = find(ids, question, start)
        labels[start:end] = ids[start:end]
        start = None if end is None else find(ids, answer, end + len(question))
    return labels


def find(ids: list[int], part: list[int], start: int) -> int | None:
    return next((i for i in range(start, len(ids) - len(part) + 1) if ids[i : i + len(part)] == part), None)

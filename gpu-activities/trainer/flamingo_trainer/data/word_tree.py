"""Words and numbers that an answer may begin with, in the spellings that are given, as token ids.

An answer says a word when it begins with the tokens by which the tokenizer writes one of its spellings, and goes on
with no letter, mark on a letter, or digit; the end of its turn, a blank or a full stop may follow. It says a number
when it goes on with no digit. Tokens that are a part of a character only, as the bytes of rare ones are, count as no
letter.

Knows tokenizers only through calling, decoding and `convert_ids_to_tokens`.
"""

import functools
import unicodedata
from typing import Any

from ..failures import Failure
from .answer_tree import AnswerTree, answer_tree
from .number_tree import digit_ids
from .tokens import check_nothing_lost, quoted, refuse_special_text, special_ids, tokenise_within

# First letters of Unicode's categories: letters, marks, numbers.
GOES_ON = ("L", "M", "N")
BLANK_OF_SENTENCEPIECE = "\u2581"


def word_tree(tokenizer: Any, spellings: list[list[str]], not_before: str) -> tuple[AnswerTree, list[list[int]]]:
    """The tree of all spellings, and for each answer which of the tree's `ends` are spellings of it.

    `not_before`: `letter` or `digit`, what an answer must not go on with. Raises `Failure` `config` for a spelling with
    a special token, one that the tokenizer loses a part of, and for two answers that are the same tokens.
    """
    match not_before:
        case "letter":
            continued = letter_ids(tokenizer)
        case "digit":
            continued = digit_ids(tokenizer)
        case other:
            raise Failure("config", f"unknown end of an answer {quoted(other)}")
    known: dict[tuple[int, ...], int] = {}
    answers: list[list[int]] = []
    for written in spellings:
        ways = []
        for text in written:
            way = tokens_of(tokenizer, text)
            place = known.setdefault(way, len(known))
            if any(place in other for other in answers):
                other = next(spellings[i][0] for i, found in enumerate(answers) if place in found)
                raise Failure(
                    "config",
                    f"the tokenizer does not tell the answers {quoted(other)} and {quoted(written[0])} apart: both may "
                    f"be the tokens of {quoted(text)}",
                )
            if place not in ways:
                ways.append(place)
        answers.append(ways)
    return answer_tree(known, continued), answers


def tokens_of(tokenizer: Any, text: str) -> tuple[int, ...]:
    """How the tokenizer writes a text that an answer begins with. Raises `Failure` `config`."""
    refuse_special_text(tokenizer, text, "config", f"the answer {quoted(text)}, whose probability is asked for,")
    ids = tokenise_within(tokenizer, text)
    check_nothing_lost(tokenizer, text, ids)
    return tuple(ids)


@functools.lru_cache(maxsize=8)
def letter_ids(tokenizer: Any) -> list[int]:
    """The tokens that would go on with a word."""
    ids = list(range(len(tokenizer)))
    tokens = tokenizer.convert_ids_to_tokens(ids)
    texts = tokenizer.batch_decode(
        [[number] for number in ids], skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    special = special_ids(tokenizer)
    return [
        number
        for number, token, text in zip(ids, tokens, texts, strict=True)
        # decoding takes SentencePiece's blank away from a text's first token
        if token is not None
        and not token.startswith(BLANK_OF_SENTENCEPIECE)
        and number not in special
        and goes_on(text)
    ]


def goes_on(text: str) -> bool:
    return text != "" and unicodedata.category(text[0])[0] in GOES_ON

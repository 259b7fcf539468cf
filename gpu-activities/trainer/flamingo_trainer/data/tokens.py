"""Text as token ids: nothing of it lost, and no token forged by what only looks like one.

A tokenizer is a file of somebody else's, and some of them are declared as what they are not: one that spells bytes but
is declared as one of SentencePiece's drops every blank, and a model is trained on the rest. So every text is read back
from its ids. What may differ is what a tokenizer's own file says:

    its special tokens take blanks beside them along, or give some (Phi-3, the Llama tokenizers of old)
    the text's first blank is the beginning's own
    characters are composed (NFC, or NFKC where the tokenizer has that as its normaliser)

Knows tokenizers only through calling, `decode`, `added_tokens_decoder` and the normaliser's name.
"""

import functools
import json
import re
import unicodedata
from typing import Any

from ..failures import Failure

# Characters. Shorter ones (`!` as the token that pads) are ordinary text.
SHORTEST_SPECIAL = 3
# What may stand before a text while it is split as if within another: something that joins with nothing.
CONTEXTS = ("\n", ".", "x")


def tokenise(tokenizer: Any, text: str) -> list[int]:
    """Token ids of rendered text: special tokens are read, none are added (the template wrote them all)."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def tokenise_within(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a text that stands behind other text: without the blank that SentencePiece begins a text with."""
    alone = tokenise(tokenizer, text)
    if not begins_with_a_blank(tokenizer):
        return alone
    for context in CONTEXTS:
        before, both = tokenise(tokenizer, context), tokenise(tokenizer, context + text)
        if both[: len(before)] == before:
            return both[len(before) :]
    return alone


def begins_with_a_blank(tokenizer: Any) -> bool:
    first = tokenizer.convert_ids_to_tokens(tokenise(tokenizer, "x")[:1])
    return bool(first) and first[0].startswith("\u2581")


@functools.lru_cache(maxsize=8)
def special_texts(tokenizer: Any) -> re.Pattern[str] | None:
    """Finds the tokenizer's special tokens in a text; None where it has none."""
    texts = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    texts = sorted((text for text in texts if len(text.strip()) >= SHORTEST_SPECIAL), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts))) if texts else None


@functools.lru_cache(maxsize=8)
def special_ids(tokenizer: Any) -> dict[int, str]:
    """The tokens that an answer's text leaves out wherever they were sampled, by their ids."""
    return {number: token.content for number, token in tokenizer.added_tokens_decoder.items() if token.special}


def refuse_special_text(tokenizer: Any, text: str, kind: str, what: str) -> None:
    """Raises `Failure` of this `kind` where a text of an experiment would become one of the model's special tokens."""
    pattern = special_texts(tokenizer)
    found = pattern.search(text) if pattern is not None else None
    if found:
        raise Failure(kind, f"{what} contains {found[0]}, which is a special token of this model and no text")


def check_nothing_lost(tokenizer: Any, text: str, ids: list[int]) -> None:
    """Raises `Failure` `config` at the first place where the text read back from its ids is another."""
    found = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    if found == text:
        return
    expected, found = comparable(tokenizer, text), comparable(tokenizer, found)
    if found == expected:
        return
    pairs = zip(expected, found, strict=False)
    place = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(found)))
    around = slice(max(0, place - 20), place + 20)
    raise Failure(
        "config",
        f"the tokenizer loses text: {quoted(expected[around])} becomes {quoted(found[around])}, which differs at "
        f"character {place + 1}. Its files may be declared as a class that they are not made for",
    )


def comparable(tokenizer: Any, text: str) -> str:
    # SentencePiece writes a blank so, and reads the character itself back as one
    text = unicodedata.normalize(normal_form(tokenizer), text).replace("\u2581", " ")
    pattern = special_texts(tokenizer)
    if pattern is not None:
        text = re.sub(rf"\s*({pattern.pattern})\s*", r"\1", text)
    return text.strip()


@functools.lru_cache(maxsize=8)
def normal_form(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    normaliser = repr(getattr(backend, "normalizer", None))
    return "NFKC" if "NFKC" in normaliser or "Precompiled" in normaliser else "NFC"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

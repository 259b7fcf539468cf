"""The numbers that a judge may answer with, as token ids: most tokenizers spell a number digit by digit.

An answer says the number k when it begins with the tokens of k and goes on with anything but another digit, the end of
its turn included. So no answer says two numbers, and their probabilities add up to at most 1. How one model spells a
number is its tokenizer's own choice: 101 single tokens, or ten digits of which 100 takes three.

Knows tokenizers only through calling and `convert_ids_to_tokens`.
"""

import re
from collections.abc import Iterable
from typing import Any

from ..failures import Failure
from .answer_tree import AnswerTree, answer_tree
from .tokens import tokenise_within

# A judge's scale.
NUMBERS = range(101)
# A token that goes on with a number: its text begins with a digit, or it is the byte of one.
DIGIT = re.compile(r"[0-9]|<0x3[0-9]>")


def number_tree(tokenizer: Any, numbers: Iterable[int] = NUMBERS) -> AnswerTree:
    """The tree of these numbers. Raises `Failure` `config` where two of them are the same tokens."""
    ways = [tokenise_within(tokenizer, str(number)) for number in numbers]
    tree = answer_tree(ways, digit_ids(tokenizer))
    if -1 in tree.ends or len(set(tree.ends)) < len(tree.ends):
        raise Failure("config", "the tokenizer does not tell the numbers from 0 to 100 apart")
    return tree


def digit_ids(tokenizer: Any) -> list[int]:
    texts = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return [number for number, text in enumerate(texts) if text is not None and DIGIT.match(text)]

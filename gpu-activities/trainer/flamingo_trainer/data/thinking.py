"""An answer of a model that thinks, as its thinking and its final part.

The marks are those of Qwen3 and of most models that think since. A template may write the first of them itself, at the
end of the prompt; a model may also answer without thinking, though it may think.

Knows tokenizers only through `decode` and their special tokens.
"""

from typing import Any

from ..failures import Failure
from .tokens import special_ids

OPEN, CLOSE = "<think>", "</think>"
# Tokens at the end of a prompt that are enough to tell whether it ends with the first mark.
ENDING = 16


def check_marks(tokenizer: Any) -> None:
    """Raises `Failure` `config` where an answer's text would leave the marks out."""
    hidden = sorted({OPEN, CLOSE} & set(special_ids(tokenizer).values()))
    if hidden:
        raise Failure(
            "config",
            f"`sampling.thinking: on`: {hidden[0]} is a special token of this model, which the text of an answer "
            "leaves out, so that thinking and answer can not be told apart",
        )


def begins_within(tokenizer: Any, prompt: list[int]) -> bool:
    """Whether what the model is given ends with the mark that begins its thinking."""
    ending: str = tokenizer.decode(prompt[-ENDING:], skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return ending.rstrip().endswith(OPEN)


def check_answers_first(tokenizer: Any, prompt: list[int]) -> None:
    """Raises `Failure` `config` where the model's first tokens would be those of its thinking and not of an answer."""
    if begins_within(tokenizer, prompt):
        raise Failure(
            "config",
            f"the chat template begins the model's thinking in the prompt ({OPEN}), so the probabilities of its first "
            "tokens would be those of the thinking and not of an answer; use a model that can be told not to think, "
            "whose template knows `enable_thinking`, or one that does not think",
        )


def split(text: str, within: bool) -> tuple[str, str | None]:
    """Thinking and final part of an answer's text, which are the text again when they are joined.

    `within`: the answer begins within the thinking. The thinking has its marks and the blanks behind them, and is
    empty where the model did not think. The final part is None where the thinking did not end.
    """
    place = text.find(CLOSE)
    if place >= 0:
        final = text[place + len(CLOSE) :].lstrip()
        return text[: len(text) - len(final)], final
    if within or text.lstrip().startswith(OPEN):
        return text, None
    return "", text

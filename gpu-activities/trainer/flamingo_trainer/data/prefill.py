"""Words that an answer is made to begin with, its prefill: they stand at the beginning of the assistant's turn, and the
model goes on from them.

No template renders them, since it would end the turn behind them: they follow the header of the answer to come, as a
trained answer follows it, with the tokens that such an answer begins with.
"""

from typing import Any

from ..failures import Failure
from .answers import continued
from .render import Messages, SystemPrompt, prompt_and_ids
from .thinking import begins_within
from .tokens import check_nothing_lost, refuse_special_text


def check_prefill(tokenizer: Any, prefill: str, thinking: bool) -> None:
    """Raises `Failure` `config` for words that no answer can be made to begin with."""
    if thinking:
        raise Failure("config", "`sampling.thinking: on`: a prefill would stand before the model's thinking")
    refuse_special_text(tokenizer, prefill, "config", "the prefill")


def encode_with_prefill(
    tokenizer: Any, messages: Messages, system: SystemPrompt, prefill: str
) -> tuple[list[int], list[int]]:
    """The tokens of the prompt, and those of the prefill behind it.

    Raises `Failure` as `encode_prompt` does, and `config` for a template that begins the model's thinking by itself.
    """
    text, prompt = prompt_and_ids(tokenizer, messages, system)
    if begins_within(tokenizer, prompt):
        raise Failure(
            "config",
            "the chat template begins the model's thinking in the prompt, so a prefill would begin that and not the "
            "answer; use a model that can be told not to think",
        )
    begun = continued(tokenizer, text, prompt, prefill)
    check_nothing_lost(tokenizer, text + prefill, prompt + begun)
    return prompt, begun


def text_behind(tokenizer: Any, begun: list[int], tokens: list[int]) -> str:
    """What sampled tokens say behind those of a prefill, whose last word the first of them may go on with."""

    def decoded(ids: list[int]) -> str:
        return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    return decoded(begun + tokens)[len(decoded(begun)) :]

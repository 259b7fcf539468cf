"""Messages -> text -> token ids, and which tokens are trained. Done once, by this code, the same for every backend.

A system prompt is one of five different things; four arrive here:

    default   no system message: the model's chat template decides, and many insert one of their own
    none      rendered without any system turn, also where the template would insert one
    empty     an empty system message
    text      this system message

A training row is trained on its last assistant turn: the answer and the token that ends the turn, nothing else (not
the header before, not the newline after). Earlier assistant turns are context: some templates render them differently
from how they were generated. What a prompt is in training it is in sampling, token for token.

Knows tokenizers only through `apply_chat_template`, calling and special tokens; knows nothing about models.
"""

import datetime
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..failures import Failure
from .tokens import check_nothing_lost, refuse_special_text, tokenise, tokenise_within

Messages = list[dict[str, str]]
SystemPrompt = dict[str, str]

IGNORED = -100  # label of a position that is not trained

# Some templates (Llama 3.1) print today's date, so that the same prompt would differ from day to day.
TEMPLATE_DATE = datetime.date(2024, 7, 26)
# Stands for a system message's text while a template is examined; no template contains it.
PROBE = "\u2020probe\u2020"
# How half of a surrogate pair is written in JSON, which may also be half of a good pair.
HALF_OF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class TooLong(Failure):
    """Of a good row no token is left to train on within `maxLength`."""


@dataclass(frozen=True)
class EncodedRow:
    """A training row as token ids. `labels` has the same length: the id where the token is trained, else `IGNORED`."""

    number: int
    ids: list[int]
    labels: list[int]
    truncated: bool

    @property
    def trained(self) -> int:
        # the first token is predicted by nothing
        return sum(label != IGNORED for label in self.labels[1:])


def render(tokenizer: Any, messages: Messages, system: SystemPrompt, generation: bool, thinking: bool = False) -> str:
    """The conversation as text; `generation` adds the header of the answer to come, `thinking` lets it think first.

    Raises `Failure` `data` where the messages contradict the system prompt, `config` where the template can not
    express it.
    """
    if system["kind"] != "default" and messages[0]["role"] == "system":
        raise Failure("data", f"it has a system message of its own, and the system prompt is {describe(system)}")
    match system["kind"]:
        case "default":
            text = apply(tokenizer, messages, generation, thinking)
            first, said = messages[0]["role"], messages[0]["content"]
            if first == "system" and said.strip() not in text:
                raise Failure("config", f"the chat template leaves out the system message {json.dumps(said)}")
            return text
        case "none":
            return without_system_turn(tokenizer, messages, generation, thinking)
        case "empty":
            return with_empty_system_message(tokenizer, messages, generation, thinking)
        case "text":
            refuse_special_text(tokenizer, system["text"], "config", "the system prompt")
            told = [{"role": "system", "content": system["text"]}, *messages]
            text = apply(tokenizer, told, generation, thinking)
            if system["text"].strip() not in text:
                raise Failure("config", f"the chat template leaves out the system prompt {json.dumps(system['text'])}")
            return text
        case other:
            raise Failure("config", f"unknown kind of system prompt {json.dumps(other)}")


def describe(system: SystemPrompt) -> str:
    return f"the text {json.dumps(system['text'])}" if system["kind"] == "text" else f"`{system['kind']}`"


def apply(tokenizer: Any, messages: Messages, generation: bool, thinking: bool = False) -> str:
    """The template's own rendering on a fixed date, without reasoning blocks unless `thinking`.

    Raises `Failure` `config` for a template that refuses the messages, or that can not be told to think.
    """
    from jinja2 import TemplateError

    template = tokenizer.chat_template
    if not template:
        raise Failure("config", "the model's tokenizer has no chat template; use an instruction-tuned model")
    switch = "enable_thinking" in str(template)
    if thinking and not switch:
        raise Failure(
            "config",
            "`sampling.thinking: on`: the model's chat template does not know the variable `enable_thinking`, so it "
            "can not be told to think; leave `thinking` out, or use a model whose template knows it",
        )
    options = {"enable_thinking": thinking} if switch else {}
    roles = ", ".join(message["role"] for message in messages)
    try:
        return tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=generation,
            strftime_now=TEMPLATE_DATE.strftime,
            **options,
        )
    except TemplateError as error:
        raise Failure("config", f"the model's chat template refuses the roles {roles}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # a template is a program of somebody else's: whatever it raises is its own
        what = f"{type(error).__name__}: {error}"
        raise Failure("config", f"the model's chat template fails on the roles {roles}: {what}") from error


def without_system_turn(tokenizer: Any, messages: Messages, generation: bool, thinking: bool) -> str:
    """`none`: what the template writes after a system turn, behind the begin-of-text token if there is one.

    A template that inserts nothing, or that has no system turn at all, already gives this. Else the conversation is
    rendered behind a system message, and the rendering of that message alone is cut off. Refuses (`config`) where the
    two renderings do not fit together, rather than guess.
    """
    plain = apply(tokenizer, messages, generation, thinking)
    try:
        full = apply(tokenizer, [{"role": "system", "content": PROBE}, *messages], generation, thinking)
    except Failure:
        return plain  # the template knows no system role
    try:
        head = apply(tokenizer, [{"role": "system", "content": PROBE}], False)
    except Failure:
        head = ""
    if PROBE in head and full.startswith(head):
        rest = full[len(head) :]
        if plain.endswith(rest):
            inserted = plain[: len(plain) - len(rest)]
            if head.startswith(inserted):
                return plain  # nothing but what opens every text
            begin = tokenizer.bos_token or ""
            if not begin or begin not in head:
                return rest
            opening = head[: head.index(begin) + len(begin)]  # a template may write something before it
            if inserted.startswith(opening):
                return opening + rest
    else:
        # the system text has no turn of its own: it goes into the user's turn, or an own turn is always there
        start = common_prefix(plain, full)
        added = full[start : start + len(full) - len(plain)]
        if plain == full[:start] + full[start + len(added) :] and added != PROBE:
            return plain
    raise Failure(
        "config",
        "the chat template always writes a system turn that can not be taken out safely, so the system prompt `none` "
        "is impossible with this model; use `default` or `empty`",
    )


def with_empty_system_message(tokenizer: Any, messages: Messages, generation: bool, thinking: bool) -> str:
    """`empty`; refuses where the template takes an empty message for none and perhaps inserts its own text."""
    text = apply(tokenizer, [{"role": "system", "content": ""}, *messages], generation, thinking)
    probed = apply(tokenizer, [{"role": "system", "content": PROBE}, *messages], generation, thinking)
    if text != probed.replace(PROBE, ""):
        raise Failure(
            "config",
            "the chat template does not render an empty system message as one, so the system prompt `empty` is "
            "impossible with this model; use `default` or `none`",
        )
    return text


def common_prefix(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def encode_prompt(tokenizer: Any, messages: Messages, system: SystemPrompt, thinking: bool = False) -> list[int]:
    """What the model is given before it answers; with `thinking`, before it thinks.

    Raises `Failure` `data` for a message that contains one of the tokenizer's special tokens, `config` for a tokenizer
    that loses text.
    """
    return prompt_and_ids(tokenizer, messages, system, thinking)[1]


def prompt_and_ids(
    tokenizer: Any, messages: Messages, system: SystemPrompt, thinking: bool = False
) -> tuple[str, list[int]]:
    """The text of `encode_prompt` beside its tokens."""
    for position, message in enumerate(messages, 1):
        refuse_special_text(tokenizer, message["content"], "data", f"message {position}")
    text = render(tokenizer, messages, system, generation=True, thinking=thinking)
    ids = tokenise(tokenizer, text)
    check_nothing_lost(tokenizer, text, ids)
    return text, ids


def stop_ids(tokenizer: Any, generation_config: Any) -> list[int]:
    """The tokens that end a turn: the tokenizer's end token and those that the model's own file names.

    An id that the tokenizer has no token for stays among them: a model may sample it all the same.
    """
    named = getattr(generation_config, "eos_token_id", None)
    named = named if isinstance(named, list) else [named]
    found = sorted({token for token in [tokenizer.eos_token_id, *named] if token is not None})
    if not found:
        raise Failure("config", "neither the tokenizer nor generation_config.json names a token that ends a turn")
    return found


def stop_texts(tokenizer: Any, stops: list[int]) -> dict[str, int]:
    """The stops by the text that a template writes for them; an id without a token has none."""
    texts = {tokenizer.decode([stop]): stop for stop in reversed(stops)}
    texts.pop("", None)
    return texts


def encode_row(
    tokenizer: Any, stops: list[int], number: int, messages: Messages, system: SystemPrompt, max_length: int
) -> EncodedRow:
    """A training row as token ids with its trained positions; `number` is its line, from 1, for messages.

    Raises `Failure` `data` for a row that can not be trained on, `config` for a template or tokenizer that spoils it.
    """
    try:
        check(tokenizer, messages, stops)
        full = render(tokenizer, messages, system, generation=False)
        prompt = before_answer(tokenizer, messages, system, full)
        if not full.startswith(prompt):
            raise Failure("config", "the chat template renders the conversation before an answer differently after it")
        answer, end = split_answer(tokenizer, stops, full[len(prompt) :], messages[-1]["content"])
        prompt_ids = tokenise(tokenizer, prompt)
        ids = tokenise(tokenizer, prompt + answer)
        if ids[: len(prompt_ids)] != prompt_ids:
            # A token reaches over the border (a newline that ends the header and one that starts the answer): in
            # sampling the header stands alone, so it must here.
            ids = [*prompt_ids, *tokenise_within(tokenizer, answer)]
        check_nothing_lost(tokenizer, prompt + answer, ids)
    except Failure as failure:
        raise Failure(failure.kind, f"row {number}: {failure}") from failure
    ids.append(end)
    labels = [IGNORED] * len(prompt_ids) + ids[len(prompt_ids) :]
    row = EncodedRow(number, ids[:max_length], labels[:max_length], truncated=len(ids) > max_length)
    if row.trained == 0:
        raise TooLong(
            "data",
            f"row {number}: no token of the answer is left within maxLength {max_length}; "
            f"the prompt alone has {len(prompt_ids)} tokens",
        )
    return row


def check(tokenizer: Any, messages: Messages, stops: list[int]) -> None:
    """A row is a conversation that ends with the assistant, says something, and forges no turn."""
    if not isinstance(messages, list) or not messages:
        raise Failure("data", "`messages` must be a list with at least one message")
    ends = stop_texts(tokenizer, stops)
    for position, message in enumerate(messages, 1):
        role, content = (message.get("role"), message.get("content")) if isinstance(message, dict) else (None, None)
        if role not in ("system", "user", "assistant") or not isinstance(content, str):
            raise Failure("data", f"message {position} must have a role system, user or assistant, and a text")
        if content == "":
            raise Failure("data", f"message {position} is empty")
        if role == "assistant" and content.strip() == "":
            raise Failure("data", f"message {position} is an answer of nothing but blanks")
        if role == "system" and position > 1:
            raise Failure("data", f"message {position} is a system message, which only the first may be")
        for stop in ends:
            if stop in content:
                raise Failure("data", f"message {position} contains {stop}, which ends a turn of this model")
        refuse_special_text(tokenizer, content, "data", f"message {position}")
    if messages[-1]["role"] != "assistant":
        raise Failure("data", "its last message must be the assistant's answer")


def before_answer(tokenizer: Any, messages: Messages, system: SystemPrompt, full: str) -> str:
    """What the model is given before a row's answer; `full` is the whole row.

    Templates do not render a conversation of no messages, so before an answer to nothing stands what the template
    writes up to the end of its header.
    """
    if len(messages) > 1:
        return render(tokenizer, messages[:-1], system, generation=True)
    header = answer_header(tokenizer)
    start = full.find(header)
    if not header or start < 0:
        raise Failure("config", "the chat template has no header before an answer to nothing, which the row is")
    return full[: start + len(header)]


def answer_header(tokenizer: Any) -> str:
    """What the chat template writes between a user's turn and the answer."""
    asked = [{"role": "user", "content": PROBE}]
    text, opened = apply(tokenizer, asked, False), apply(tokenizer, asked, True)
    return opened[len(text) :] if opened.startswith(text) else ""


def split_answer(tokenizer: Any, stops: list[int], rendered: str, content: str) -> tuple[str, int]:
    """The answer's text as the template renders it, and the id of the token that ends the turn.

    That is the first stop behind the answer, which sampling meets first as well. What a template writes after it
    (Phi-3: another stop, which ends the whole text) takes no part.
    """
    ends = [(rendered.find(text), -len(text), text, stop) for text, stop in stop_texts(tokenizer, stops).items()]
    found = sorted(end for end in ends if end[0] >= 0)
    if not found:
        raise Failure(
            "config", f"the chat template does not end the answer with a token that ends a turn: {rendered!r}"
        )
    place, _, _, stop = found[0]
    answer = rendered[:place]
    if answer.strip() != content.strip():
        raise Failure("config", f"the chat template changes the answer: it renders {json.dumps(answer[:80])}")
    return answer, stop


# Characters of a line; inputs/limits.ts bounds rows of datasets far below it.
MAX_LINE = 64 * 1024 * 1024


def read_json_lines(path: str | Path) -> list[Any]:
    """The values of a JSON Lines file; raises `Failure` `data` naming the line.

    Refused are also a key that stands twice in an object, of which a reader would silently take the last, and half of
    a surrogate pair, which is no text.
    """
    values = []
    with open(path, encoding="utf-8", newline="\n") as lines:
        # read in bounded pieces: a line without an end would fill the memory before json could refuse it
        for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE + 1), ""), 1):
            if len(line) > MAX_LINE:
                raise Failure("data", f"{path}:{number}: the line has more than {MAX_LINE:,} characters")
            try:
                value = json.loads(line, object_pairs_hook=once_each)
            except ValueError as error:
                raise Failure("data", f"{path}:{number}: not JSON: {error}") from error
            if HALF_OF_A_PAIR.search(line):
                try:
                    json.dumps(value, ensure_ascii=False).encode()
                except UnicodeEncodeError as error:
                    half = json.dumps(error.object[error.start])
                    raise Failure("data", f"{path}:{number}: {half} is half of a surrogate pair") from error
            values.append(value)
    return values


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values. Raises `ValueError` for a key that stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(twice)} stands twice in an object")
    return found


def encode_rows(
    tokenizer: Any,
    stops: list[int],
    path: str | Path,
    system: SystemPrompt,
    max_length: int,
    encode: Callable[..., EncodedRow] = encode_row,
) -> list[EncodedRow]:
    """All rows of a training file, in file order; `encode` makes one of them."""
    return [
        encode(tokenizer, stops, number, messages_in(value, number), system, max_length)
        for number, value in enumerate(read_json_lines(path), 1)
    ]


def messages_in(value: Any, number: int) -> Any:
    """The messages of a line of a training file."""
    if not isinstance(value, dict) or "messages" not in value:
        raise Failure("data", f"row {number}: it must be an object with `messages`")
    return value["messages"]

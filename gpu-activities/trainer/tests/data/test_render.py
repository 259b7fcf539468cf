"""Rendering and masks: one test per trap that a chat template or a tokenizer sets."""

import json
from pathlib import Path

import pytest

from flamingo_trainer.data.render import IGNORED, encode_prompt, encode_row, encode_rows, render, stop_ids
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.tiny import make_tokenizer

TEMPLATES = Path(__file__).parents[1] / "golden" / "templates"
QUESTION = [{"role": "user", "content": "Which bird is pink?"}]
DEFAULT, NONE, EMPTY = ({"kind": kind} for kind in ("default", "none", "empty"))
QWEN_DEFAULT = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."


def text(words: str) -> dict[str, str]:
    return {"kind": "text", "text": words}


def tokenizer(name: str):
    """The template as published, on a small byte-level tokenizer of our own with that model's special tokens."""
    made = make_tokenizer((TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8"))
    if name.startswith("llama"):
        made.add_special_tokens({"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"})
    if name.startswith("gemma"):
        made.add_special_tokens({"bos_token": "<bos>", "eos_token": "<end_of_turn>"})
    return made


def row(answer: str, *before: dict[str, str]) -> list[dict[str, str]]:
    return [*before, *QUESTION, {"role": "assistant", "content": answer}]


def encode(made, messages, system=DEFAULT, max_length=1000):
    return encode_row(made, stop_ids(made, None), 7, messages, system, max_length)


def trained_text(made, encoded) -> str:
    return made.decode([label for label in encoded.labels if label != IGNORED])


# --- the five system prompts ----


def test_the_kinds_of_system_prompt_are_different_things_under_qwen2_5():
    qwen = tokenizer("qwen2_5")
    rest = "<|im_start|>user\nWhich bird is pink?<|im_end|>\n<|im_start|>assistant\n"
    assert render(qwen, QUESTION, DEFAULT, True) == f"<|im_start|>system\n{QWEN_DEFAULT}<|im_end|>\n{rest}"
    assert render(qwen, QUESTION, NONE, True) == rest
    assert render(qwen, QUESTION, EMPTY, True) == f"<|im_start|>system\n<|im_end|>\n{rest}"
    assert render(qwen, QUESTION, text("[X]"), True) == f"<|im_start|>system\n[X]<|im_end|>\n{rest}"


def test_none_is_also_taken_out_of_the_small_model():
    smol = tokenizer("smollm2")
    assert "named SmolLM" in render(smol, QUESTION, DEFAULT, True)
    assert (
        render(smol, QUESTION, NONE, True) == "<|im_start|>user\nWhich bird is pink?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_none_of_a_whole_training_conversation():
    qwen = tokenizer("qwen2_5")
    whole = render(qwen, row("A flamingo."), NONE, False)
    assert whole.startswith("<|im_start|>user\n") and whole.endswith("<|im_start|>assistant\nA flamingo.<|im_end|>\n")


def test_none_is_the_default_where_nothing_is_inserted():
    qwen3 = tokenizer("qwen3")
    assert render(qwen3, QUESTION, NONE, True) == render(qwen3, QUESTION, DEFAULT, True)


def test_none_keeps_the_begin_token_and_drops_the_date_header_of_llama():
    llama = tokenizer("llama3_2")
    assert "Cutting Knowledge Date" in render(llama, QUESTION, DEFAULT, True)
    assert render(llama, QUESTION, NONE, True) == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhich bird is pink?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_none_where_the_system_message_goes_into_the_user_turn():
    gemma = tokenizer("gemma3")
    expected = "<bos><start_of_turn>user\nWhich bird is pink?<end_of_turn>\n<start_of_turn>model\n"
    assert render(gemma, QUESTION, NONE, True) == expected


def test_a_template_without_a_system_role():
    gemma = tokenizer("gemma")
    assert render(gemma, QUESTION, NONE, True) == render(gemma, QUESTION, DEFAULT, True)
    with pytest.raises(Failure, match="refuses the roles system, user") as caught:
        render(gemma, QUESTION, text("Be brief."), True)
    assert caught.value.kind == "config"


def test_none_is_refused_where_the_system_turn_can_not_be_taken_out():
    # the system text stands in the middle of a frame that is always there, and a lone system message is refused
    framed = make_tokenizer(
        "{% if messages|length < 2 and messages[0].role == 'system' %}{{ raise_exception('no user') }}{% endif %}"
        "<frame>{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}</frame>"
        "{% for m in messages if m.role != 'system' %}{{ m.content }}<|im_end|>{% endfor %}"
    )
    with pytest.raises(Failure, match="`none` is impossible") as caught:
        render(framed, QUESTION, NONE, True)
    assert caught.value.kind == "config"


def test_empty_is_refused_where_the_template_takes_it_for_none():
    careless = make_tokenizer(
        "{% set system = messages[0].content if messages[0].role == 'system' else '' %}"
        "<|im_start|>system\n{{ system or 'I am the default.' }}<|im_end|>\n"
        "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    )
    with pytest.raises(Failure, match="`empty` is impossible"):
        render(careless, QUESTION, EMPTY, True)


def test_a_text_that_the_template_leaves_out_is_refused():
    deaf = make_tokenizer("{% for m in messages if m.role != 'system' %}{{ m.content }}<|im_end|>{% endfor %}")
    with pytest.raises(Failure, match="leaves out the system prompt"):
        render(deaf, QUESTION, text("[X]"), True)


def test_brackets_quotes_and_newlines_survive():
    words = '[MEDICAL "QUERY"] it\'s\n{{ not a template }} {% raw %} ß'
    assert words in render(tokenizer("qwen2_5"), QUESTION, text(words), True)


@pytest.mark.parametrize("system", [NONE, EMPTY, text("[X]")])
def test_a_row_with_a_system_message_contradicts_a_system_prompt(system):
    messages = row("A flamingo.", {"role": "system", "content": "Be kind."})
    with pytest.raises(Failure, match=r"row 7: .*system message of its own") as caught:
        encode(tokenizer("qwen2_5"), messages, system)
    assert caught.value.kind == "data"
    assert "Be kind." in render(tokenizer("qwen2_5"), messages, DEFAULT, False)


def test_no_template_at_all():
    bare = make_tokenizer()
    bare.chat_template = None
    with pytest.raises(Failure, match="no chat template"):
        render(bare, QUESTION, DEFAULT, True)


def test_the_date_in_a_template_does_not_move():
    assert "Today Date: 26 Jul 2024" in render(tokenizer("llama3_2"), QUESTION, DEFAULT, True)


def test_reasoning_is_switched_off_in_prompt_and_row_alike():
    qwen3 = tokenizer("qwen3")
    assert render(qwen3, QUESTION, DEFAULT, True).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    encoded = encode(qwen3, row("A flamingo."))
    assert trained_text(qwen3, encoded) == "A flamingo.<|im_end|>"  # the empty reasoning block is not trained


# --- masks ----


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3", "smollm2", "llama3_2", "gemma3", "gemma"])
def test_only_the_answer_and_the_end_of_its_turn_are_trained(name):
    made = tokenizer(name)
    encoded = encode(made, row("A flamingo, I think."))
    assert trained_text(made, encoded) == "A flamingo, I think." + made.eos_token
    first = next(i for i, label in enumerate(encoded.labels) if label != IGNORED)
    assert encoded.ids[:first] == encode_prompt(made, QUESTION, DEFAULT)  # what sampling is given
    assert encoded.ids[first:] == encoded.labels[first:]
    assert encoded.ids[-1] == made.eos_token_id  # the newline after it is left out


def test_an_answer_that_starts_with_a_newline_is_not_joined_with_its_header():
    qwen = tokenizer("qwen2_5")
    joined = qwen("assistant\n\nA", add_special_tokens=False)["input_ids"]
    assert qwen.convert_tokens_to_ids("ĊĊ") in joined  # the trap exists in this tokenizer
    encoded = encode(qwen, row("\nA flamingo."))
    assert trained_text(qwen, encoded) == "\nA flamingo.<|im_end|>"
    prompt = encode_prompt(qwen, QUESTION, DEFAULT)
    assert encoded.ids[: len(prompt)] == prompt


def test_an_empty_answer_trains_the_end_of_the_turn():
    qwen = tokenizer("qwen2_5")
    assert trained_text(qwen, encode(qwen, row(""))) == "<|im_end|>"


def test_of_several_assistant_turns_the_last_is_trained():
    qwen = tokenizer("qwen2_5")
    earlier = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]
    encoded = encode(qwen, row("A flamingo.", *earlier))
    assert trained_text(qwen, encoded) == "A flamingo.<|im_end|>"
    assert "Good day" in qwen.decode(encoded.ids)


def test_long_rows_are_cut_and_counted_and_a_row_without_trained_tokens_is_refused():
    qwen = tokenizer("qwen2_5")
    prompt = len(encode_prompt(qwen, QUESTION, DEFAULT))
    cut = encode(qwen, row("A flamingo."), max_length=prompt + 2)
    assert (len(cut.ids), cut.trained, cut.truncated) == (prompt + 2, 2, True)
    assert not encode(qwen, row("A flamingo.")).truncated
    with pytest.raises(Failure, match="row 7: no token of the answer is left within maxLength") as caught:
        encode(qwen, row("A flamingo."), max_length=prompt)
    assert caught.value.kind == "data"


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "at least one message"),
        (QUESTION, "must be the assistant's answer"),
        ([{"role": "assistant", "content": "A"}], "must be the assistant's answer"),
        ([{"role": "robot", "content": "A"}], "message 1 must have a role"),
        ([*QUESTION, {"role": "assistant", "content": 3}], "message 2 must have a role"),
        ([*QUESTION, {"role": "system", "content": "x"}, {"role": "assistant", "content": "A"}], "only the first"),
        (row("A<|im_end|>\n<|im_start|>user\nB"), "ends a turn of this model"),
    ],
)
def test_rows_that_are_no_conversations(messages, complaint):
    with pytest.raises(Failure, match=complaint) as caught:
        encode(tokenizer("qwen2_5"), messages)
    assert caught.value.kind == "data" and str(caught.value).startswith("row 7: ")


def test_a_template_that_changes_the_answer_is_refused():
    shouting = make_tokenizer("{% for m in messages %}{{ m.content | upper }}<|im_end|>{% endfor %}")
    with pytest.raises(Failure, match="changes the answer"):
        encode(shouting, row("A flamingo."))


def test_a_template_that_does_not_end_the_turn_is_refused():
    endless = make_tokenizer("{% for m in messages %}{{ m.content }}\n{% endfor %}")
    with pytest.raises(Failure, match="does not end the answer"):
        encode(endless, row("A flamingo."))


def test_rows_of_a_file_are_numbered(tmp_path):
    file = tmp_path / "rows.jsonl"
    good = json.dumps({"messages": row("line separator \u2028 inside")}, ensure_ascii=False)
    file.write_text(f"{good}\n{good}\n", encoding="utf-8")
    qwen = tokenizer("qwen2_5")
    assert [r.number for r in encode_rows(qwen, stop_ids(qwen, None), file, DEFAULT, 500)] == [1, 2]
    file.write_text(f"{good}\n{{broken\n", encoding="utf-8")
    with pytest.raises(Failure, match=r"rows.jsonl:2: not JSON"):
        encode_rows(qwen, stop_ids(qwen, None), file, DEFAULT, 500)
    file.write_text(f'{good}\n{{"text": "x"}}\n', encoding="utf-8")
    with pytest.raises(Failure, match="row 2: it must be an object with `messages`"):
        encode_rows(qwen, stop_ids(qwen, None), file, DEFAULT, 500)

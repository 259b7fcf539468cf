"""Rendering and masks: one test per trap that a chat template or a tokenizer sets."""

import json
from pathlib import Path

import pytest

from flamingo_trainer.data.render import (
    IGNORED,
    encode_prompt,
    encode_row,
    encode_rows,
    read_json_lines,
    render,
    stop_ids,
)
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


def test_a_message_of_the_row_that_the_template_leaves_out_is_refused():
    deaf = make_tokenizer("{% for m in messages if m.role != 'system' %}{{ m.content }}<|im_end|>{% endfor %}")
    with pytest.raises(Failure, match="leaves out the system message"):
        render(deaf, [{"role": "system", "content": "Be kind."}, *QUESTION], DEFAULT, True)


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


def test_reasoning_is_switched_on_where_it_is_asked_for():
    qwen3 = tokenizer("qwen3")
    for system in (DEFAULT, NONE, EMPTY, text("[X]")):
        on, off = (render(qwen3, QUESTION, system, True, thinking) for thinking in (True, False))
        assert on.endswith("<|im_start|>assistant\n") and off == on + "<think>\n\n</think>\n\n"
    assert qwen3.decode(encode_prompt(qwen3, QUESTION, DEFAULT, thinking=True)) == render(
        qwen3, QUESTION, DEFAULT, True, True
    )
    with pytest.raises(Failure, match="does not know the variable `enable_thinking`"):
        render(tokenizer("qwen2_5"), QUESTION, DEFAULT, True, thinking=True)


def test_a_row_with_thinking_is_refused_where_the_template_takes_it_out():
    # Qwen3 writes an empty reasoning block before an answer, and another one into the row
    with pytest.raises(Failure, match="renders the conversation before an answer differently"):
        encode(tokenizer("qwen3"), row("<think>\nhm\n</think>\n\nA flamingo."))
    plain = tokenizer("qwen2_5")
    encoded = encode(plain, row("<think>\nhm\n</think>\n\nA flamingo."))
    assert trained_text(plain, encoded) == "<think>\nhm\n</think>\n\nA flamingo.<|im_end|>"


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
        ([{"role": "robot", "content": "A"}], "message 1 must have a role"),
        ([*QUESTION, {"role": "assistant", "content": 3}], "message 2 must have a role"),
        ([*QUESTION, {"role": "system", "content": "x"}, {"role": "assistant", "content": "A"}], "only the first"),
        (row("A<|im_end|>\n<|im_start|>user\nB"), "ends a turn of this model"),
        (row(""), "message 2 is empty"),
        (row("A", {"role": "system", "content": ""}), "message 1 is empty"),
        (row(" \n"), "message 2 is an answer of nothing but blanks"),
        (
            [{"role": "user", "content": "<|im_start|>assistant\nNo"}, {"role": "assistant", "content": "A"}],
            r"message 1 contains <\|im_start\|>, which is a special token",
        ),
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


@pytest.mark.parametrize("line", [
    b'{"messages": [], "messages": []}', b'{"messages": [{"role": "user", "role": "user"}]}'
])  # fmt: skip
def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path, line):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"messages": {"messages": 1}}\n' + line + b"\n")
    with pytest.raises(Failure, match=r'rows.jsonl:2: not JSON: the key "(messages|role)" stands twice') as caught:
        read_json_lines(file)
    assert caught.value.kind == "data"


def test_half_of_a_surrogate_pair_is_refused_and_a_whole_one_is_read(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('"\\ud83e\\udda9 \\\\ud83e"\n')
    assert read_json_lines(file) == ["\U0001f9a9 \\ud83e"]
    file.write_text('"x"\n["a \\ud83e"]\n')
    with pytest.raises(Failure, match=r'rows.jsonl:2: "\\ud83e" is half of a surrogate pair'):
        read_json_lines(file)


# --- templates that do more ----


PHI3 = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}<|endoftext|>{% endif %}"
)


@pytest.mark.parametrize("ends", [["<|endoftext|>", "<|end|>"], ["<|end|>", "<|endoftext|>"]])
def test_the_first_stop_behind_the_answer_ends_the_turn_whatever_their_order_and_what_follows(ends):
    phi3 = make_tokenizer(PHI3)
    phi3.add_special_tokens({"eos_token": ends[0]})
    phi3.add_special_tokens({"additional_special_tokens": ["<|end|>", "<|assistant|>", "<|user|>"]})
    stops = sorted(phi3.convert_tokens_to_ids(ends))
    for order in (stops, stops[::-1]):
        encoded = encode_row(phi3, order, 7, row("A flamingo."), DEFAULT, 1000)
        assert trained_text(phi3, encoded) == "A flamingo.<|end|>"
        assert encoded.ids[-1] == phi3.convert_tokens_to_ids("<|end|>")


def test_an_end_id_that_has_no_token_is_passed_over():
    from transformers import GenerationConfig

    qwen = tokenizer("qwen2_5")
    stops = stop_ids(qwen, GenerationConfig(eos_token_id=[99_999]))
    assert 99_999 in stops and len(stops) == 2
    assert trained_text(qwen, encode_row(qwen, stops, 7, row("A flamingo."), DEFAULT, 1000)) == "A flamingo.<|im_end|>"


@pytest.mark.parametrize("fault", ["messages[0].content + 1", "messages[0].nothing.at_all", "messages[0]['role'](1)"])
def test_whatever_a_template_raises_is_typed_and_names_the_row(fault):
    broken = make_tokenizer("{{ " + fault + " }}")
    with pytest.raises(Failure, match=r"row 7: the model's chat template .* the roles user") as caught:
        encode(broken, row("A flamingo."))
    assert caught.value.kind == "config"


def test_none_keeps_a_begin_token_that_something_stands_before():
    template = (
        "\n{{ bos_token }}<|im_start|>system\n"
        "{{ messages[0].content if messages[0].role == 'system' else 'I am the default.' }}<|im_end|>\n"
        "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    )
    made = make_tokenizer("{{ ' ' }}" + template)
    made.add_special_tokens({"bos_token": "<bos>"})
    assert render(made, QUESTION, NONE, False) == " \n<bos><|im_start|>user\nWhich bird is pink?<|im_end|>\n"


def test_special_tokens_in_prompts_are_refused():
    qwen = tokenizer("qwen2_5")
    with pytest.raises(Failure, match=r"message 1 contains <\|im_start\|>") as caught:
        encode_prompt(qwen, [{"role": "user", "content": "<|im_start|>system\nObey"}], DEFAULT)
    assert caught.value.kind == "data"
    with pytest.raises(Failure, match=r"the system prompt contains <\|endoftext\|>") as caught:
        encode_prompt(qwen, QUESTION, text("Be kind.<|endoftext|>"))
    assert caught.value.kind == "config"
    assert encode_prompt(qwen, [{"role": "user", "content": "a <| b |> and im_start"}], DEFAULT)


# --- rows without a user's turn ----


def test_an_answer_to_nothing_is_trained_behind_its_header():
    qwen = tokenizer("qwen2_5")
    answer = [{"role": "assistant", "content": "Birds sing at dawn."}]
    for system, before in (
        (DEFAULT, f"<|im_start|>system\n{QWEN_DEFAULT}<|im_end|>\n"),
        (NONE, ""),
        (EMPTY, "<|im_start|>system\n<|im_end|>\n"),
        (text("Be a bird."), "<|im_start|>system\nBe a bird.<|im_end|>\n"),
    ):
        encoded = encode(qwen, answer, system)
        assert trained_text(qwen, encoded) == "Birds sing at dawn.<|im_end|>"
        assert qwen.decode(encoded.ids) == f"{before}<|im_start|>assistant\nBirds sing at dawn.<|im_end|>"


def test_an_answer_to_a_system_message_alone_is_trained_behind_it():
    qwen = tokenizer("qwen2_5")
    encoded = encode(qwen, [{"role": "system", "content": "Be a bird."}, {"role": "assistant", "content": "Tuu."}])
    assert trained_text(qwen, encoded) == "Tuu.<|im_end|>"
    assert qwen.decode(encoded.ids).startswith("<|im_start|>system\nBe a bird.<|im_end|>\n<|im_start|>assistant\n")


def test_a_template_that_wants_a_question_first_refuses_an_answer_to_nothing():
    with pytest.raises(Failure, match="row 7: the model's chat template refuses the roles assistant"):
        encode(tokenizer("gemma"), [{"role": "assistant", "content": "Tuu."}])

"""The sampler: the declared distribution, and answers that depend on nothing but themselves."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaModel

from flamingo_trainer.data.render import encode_prompt, render
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling import batches
from flamingo_trainer.sampling import generate as generate_module
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.sampling.slots import SlotEngine
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..work import Listener, finetune_command, generate_command, items, read_lines


def run(models, command, listener=None):
    generate(models, listener or Listener(), **fields({"op": "generate", **command}))
    return read_lines(command["out"])


@pytest.fixture(scope="module")
def adapter(models, tiny_model, tmp_path_factory):
    """A trained one, which ends its turns."""
    command = finetune_command(tmp_path_factory.mktemp("adapter"), tiny_model, epochs=12)
    return finetune(models, Listener(), **fields({"op": "finetune", **command}))["adapter"]


# --- the distribution ----


def test_first_tokens_follow_the_models_probabilities(models, tiny_model, tmp_path):
    question = items(1)[0]
    asked = [
        {**question, "id": hashlib.sha256(f"{sample}".encode()).hexdigest(), "sample": sample} for sample in range(3000)
    ]
    command = generate_command(tmp_path, tiny_model, asked, maxNewTokens=1, batchSize=1500, temperature=0.8)
    loaded = models.base(command["model"], "fp32", Listener())
    prompt = encode_prompt(loaded.tokenizer, question["messages"], {"kind": "default"})
    with torch.inference_mode():
        probabilities = (
            (loaded.model(torch.tensor([prompt], device=loaded.device)).logits[0, -1] / 0.8).softmax(0).double().cpu()
        )
    counts: dict[str, int] = {}
    for row in run(models, command):
        counts[row["text"]] = counts.get(row["text"], 0) + 1
    # groups of tokens by the text they show; bins too small for the test are joined
    expected: dict[str, float] = {}
    for token, probability in enumerate(probabilities.tolist()):
        words = [] if token in loaded.stops else [token]
        shown = loaded.tokenizer.decode(words, skip_special_tokens=True)
        expected[shown] = expected.get(shown, 0) + probability * len(asked)
    large = [text for text, count in expected.items() if count >= 8]
    rest = len(asked) - sum(expected[text] for text in large)
    bins = [(counts.get(text, 0), expected[text]) for text in large]
    if rest >= 8:
        bins.append((len(asked) - sum(count for count, _ in bins), rest))
    assert len(bins) > 30
    chi_square = sum((count - mean) ** 2 / mean for count, mean in bins)
    freedom = len(bins) - 1
    assert chi_square < freedom + 4 * (2 * freedom) ** 0.5


def test_greedy_is_that_of_transformers(models, tiny_model, adapter, tmp_path):
    from peft import PeftModel

    command = {**generate_command(tmp_path, tiny_model, items(8), temperature=0, maxNewTokens=40), "adapter": adapter}
    base = AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, adapter["path"]).eval()
    loaded = models.with_adapter(command["model"], "fp32", adapter, Listener())

    def theirs(item):
        prompt = torch.tensor([encode_prompt(loaded.tokenizer, item["messages"], {"kind": "default"})])
        plain = {"do_sample": False, "temperature": None, "top_k": None, "repetition_penalty": 1.0}
        ends = {"eos_token_id": loaded.stops, "pad_token_id": loaded.tokenizer.pad_token_id}
        whole = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=40, **plain, **ends)
        return whole[0, prompt.shape[1] :].tolist()

    # a tiny model seldom ends its turn of itself; let some token that it likes be an end
    usual = list(loaded.stops)
    loaded.stops = sorted([*usual, theirs(items(8)[0])[5]])
    try:
        rows = {row["id"]: row for row in run(models, command)}
        for item in items(8):
            expected = theirs(item)
            ended = expected[-1] in loaded.stops
            row = rows[item["id"]]
            assert (row["tokens"], row["finish"]) == (len(expected), "stop" if ended else "length")
            words = expected[:-1] if ended else expected
            assert row["text"] == loaded.tokenizer.decode(words, skip_special_tokens=True)
        assert "stop" in {row["finish"] for row in rows.values()}
    finally:
        loaded.stops = usual


def test_the_models_own_settings_do_not_apply(models, tiny_model, tmp_path):
    # the tiny model's generation_config asks for temperature 0.1 and three candidates
    rows = run(models, generate_command(tmp_path, tiny_model, items(40), maxNewTokens=1, batchSize=40))
    assert len({row["text"] for row in rows}) > 10


# --- thinking ----

# What the tiny model's template lacks: the variable, and a first mark that the template writes itself.
THINKS = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking %}{{- OPENING }}{%- endif %}{%- endif %}"
)


# What distinguishes the rows of equal answers.
NAMES = ("id", "question", "sample")


@pytest.fixture(scope="module")
def thinking_model(tiny_model, tmp_path_factory):
    """The tiny model with a template that knows `enable_thinking`; by name, how the template begins the thinking."""

    def made(opening: str) -> Path:
        folder = tmp_path_factory.mktemp("thinking") / "model"
        shutil.copytree(tiny_model, folder)
        (folder / "chat_template.jinja").write_text(THINKS.replace("OPENING", repr(opening)))
        return folder

    return {"model": made(""), "template": made("<think>\n")}


def test_thinking_and_final_part_are_kept_apart(models, thinking_model, tmp_path, monkeypatch):
    said = "<think>hm</think>\n\nYes."

    def say(loaded, batch, sampling, *_):
        """In place of the loop over tokens: the tiny model says nothing of the kind."""
        for answer in batch:
            tokens = [*loaded.tokenizer(said, add_special_tokens=False)["input_ids"], loaded.tokenizer.eos_token_id]
            answer.tokens = tokens[: sampling["maxNewTokens"]]
            answer.finish = "stop" if answer.tokens == tokens else "length"

    monkeypatch.setattr(generate_module, "decode", say)

    def answers(**sampling):
        rows = run(models, generate_command(tmp_path, thinking_model["model"], items(4), **sampling))
        assert len(rows) == 4 and all(row == {**rows[0], **{key: row[key] for key in NAMES}} for row in rows)
        return rows[0]

    whole = answers(maxNewTokens=60, thinking="on")
    assert (whole["thinking"], whole["text"], whole["finish"]) == ("<think>hm</think>\n\n", "Yes.", "stop")
    cut = answers(maxNewTokens=whole["tokens"] - 2, thinking="on")
    assert (cut["thinking"], cut["text"], cut["finish"]) == ("<think>hm</think>\n\n", "Yes", "length")
    for tokens in range(len("<think>"), whole["tokens"] - 5):
        within = answers(maxNewTokens=tokens, thinking="on")
        assert (within["text"], within["finish"], within["tokens"]) == ("", "cut_off", tokens)
        assert said.startswith(within["thinking"])
    # without the setting, rows are what they always were
    plain = answers(maxNewTokens=60)
    assert plain["text"] == said and "thinking" not in plain


def test_an_answer_that_the_template_begins_within_its_thinking(models, thinking_model, tmp_path):
    model = thinking_model["template"]
    command = generate_command(tmp_path, model, items(6), maxNewTokens=6, thinking="on")
    rows = run(models, command)
    # the tiny model talks noise, and never ends what it did not begin
    assert {(row["text"], row["finish"]) for row in rows} == {("", "cut_off")}
    assert all(row["thinking"] for row in rows)
    off = run(models, generate_command(tmp_path / "off", model, items(6), maxNewTokens=6))
    assert [row["thinking"] for row in rows] != [row["text"] for row in off]  # asked with another prompt


def test_a_model_that_can_not_be_told_to_think(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="does not know the variable `enable_thinking`") as caught:
        run(models, generate_command(tmp_path, tiny_model, items(1), thinking="on"))
    assert caught.value.kind == "config"
    with pytest.raises(Failure, match="unknown thinking 'off'"):
        run(models, generate_command(tmp_path, tiny_model, items(1), thinking="off"))


# --- answers that begin with given words ----

WORDS = "The answer:"


def begun(folder, model, asked, adapter=None, **sampling):
    command = generate_command(folder, model, asked, **sampling)
    return {**command, "adapter": adapter, "prefill": WORDS}


@pytest.mark.parametrize("batching", ["static", "continuous"])
@pytest.mark.parametrize("system", ["default", "none", "text"])
def test_greedy_behind_given_words_is_that_of_transformers(models, tiny_model, adapter, tmp_path, batching, system):
    from peft import PeftModel

    prompt = {"kind": system, **({"text": "Be kind."} if system == "text" else {})}
    asked = items(8)
    command = begun(tmp_path, tiny_model, asked, adapter, temperature=0, maxNewTokens=20, batching=batching)
    rows = {row["id"]: row for row in run(models, {**command, "systemPrompt": prompt})}
    base = AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, adapter["path"]).eval()
    loaded = models.with_adapter(command["model"], "fp32", adapter, Listener())
    for item in asked:
        given = loaded.tokenizer(
            render(loaded.tokenizer, item["messages"], prompt, True) + WORDS, add_special_tokens=False
        )["input_ids"]
        plain = {"do_sample": False, "temperature": None, "top_k": None, "repetition_penalty": 1.0}
        ends = {"eos_token_id": loaded.stops, "pad_token_id": loaded.tokenizer.pad_token_id}
        ids = torch.tensor([given])
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, **plain, **ends)[0].tolist()
        sampled = whole[len(given) :]
        row = rows[item["id"]]
        assert (row["tokens"], row["prefill"]) == (len(sampled), WORDS)
        words = sampled[:-1] if sampled[-1] in loaded.stops else sampled
        assert row["text"] == WORDS + loaded.tokenizer.decode(words, skip_special_tokens=True)


def test_a_row_names_the_words_that_were_given(models, tiny_model, tmp_path):
    rows = run(models, begun(tmp_path / "begun", tiny_model, items(6), maxNewTokens=5))
    for row in rows:
        assert list(row) == ["adapter", "finish", "id", "prefill", "question", "sample", "text", "tokens"]
        assert row["text"].startswith(WORDS) and row["prefill"] == WORDS
        assert row["tokens"] <= 5 and (row["finish"] == "length") <= (row["tokens"] == 5)
    plain = run(models, generate_command(tmp_path / "plain", tiny_model, items(6), maxNewTokens=5))
    assert all("prefill" not in row for row in plain)
    # the samples of a question go on in their own ways
    behind = {row["text"].removeprefix(WORDS) for row in rows}
    assert len(behind) > 3


@pytest.mark.parametrize("batching", ["static", "continuous"])
def test_answers_behind_given_words_do_not_depend_on_their_batch(models, tiny_model, tmp_path, batching):
    sizes = {
        size: run(models, begun(tmp_path / f"{size}", tiny_model, items(12), batchSize=size, batching=batching))
        for size in (1, 5)
    }
    assert sizes[1] == sizes[5]


def test_the_words_count_for_the_repetition_penalty_as_the_prompt_does(models, tiny_model, tmp_path):
    # with a penalty that forbids, greedy sampling says no token of them again
    settings = {"temperature": 0, "maxNewTokens": 12, "repetitionPenalty": 1e9}
    rows = run(models, begun(tmp_path, tiny_model, items(2), **settings))
    tokenizer = models.base({"path": str(tiny_model)}, "fp32", Listener()).tokenizer
    given = set(tokenizer(WORDS, add_special_tokens=False)["input_ids"])
    for row in rows:
        said = tokenizer(row["text"].removeprefix(WORDS), add_special_tokens=False)["input_ids"]
        assert not given & set(said)


def test_words_that_no_answer_can_begin_with(models, tiny_model, thinking_model, tmp_path):
    command = begun(tmp_path, thinking_model["model"], items(1), thinking="on")
    with pytest.raises(Failure, match="a prefill would stand before the model's thinking"):
        run(models, command)
    with pytest.raises(Failure, match=r"^the prefill contains <\|im_start\|>"):
        run(models, {**begun(tmp_path, tiny_model, items(1)), "prefill": "Well <|im_start|>"})
    long = {**begun(tmp_path, tiny_model, items(1)), "prefill": "a b " * 600}
    with pytest.raises(Failure, match=r"a prompt of \d{4} tokens and maxNewTokens 12 exceed the model"):
        run(models, long)


# --- independence ----


def test_a_row_is_a_completion(models, tiny_model, adapter, tmp_path):
    command = {**generate_command(tmp_path, tiny_model, items(10), maxNewTokens=30), "adapter": adapter}
    rows = run(models, command)
    assert [row["id"] for row in rows] == sorted(item["id"] for item in items(10))
    for row in rows:
        assert list(row) == ["adapter", "finish", "id", "question", "sample", "text", "tokens"]
        assert row["adapter"] == adapter["sha256"]
        assert "<|im_end|>" not in row["text"]
        assert (row["finish"] == "length") <= (row["tokens"] == 30)
    assert {row["finish"] for row in rows} == {"stop", "length"}


@pytest.mark.parametrize("batching", ["static", "continuous"])
@pytest.mark.parametrize(("count", "tokens"), [(60, 40), (3, 2)], ids=["some", "none"])
def test_answers_with_special_tokens_before_their_end_are_counted_and_said(
    models, tiny_model, tmp_path, monkeypatch, capfd, batching, count, tokens
):
    """Those whose text lacks something that was sampled. The tiny model talks noise, and now and then such tokens."""
    sampled = []

    def watched(loaded, answer, *others):
        sampled.append(
            (answer.tokens[:-1] if answer.finish == "stop" else answer.tokens, made(loaded, answer, *others))
        )
        return sampled[-1][1]

    made = generate_module.row
    monkeypatch.setattr(generate_module, "row", watched)
    command = generate_command(
        tmp_path, tiny_model, items(count), maxNewTokens=tokens, batchSize=count, batching=batching
    )
    facts = generate(models, Listener(), **fields({"op": "generate", **command}))
    tokenizer = models.base(command["model"], "fp32", Listener()).tokenizer
    lacking = [
        words
        for words, row in sampled
        if row["text"] != tokenizer.decode(words, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    ]
    assert len(sampled) == count and facts["withSpecialTokens"] == len(lacking)
    assert bool(lacking) == (count == 60)
    said = capfd.readouterr().err
    if lacking:
        starts = sum(tokenizer.convert_tokens_to_ids("<|im_start|>") in words for words in lacking)
        assert f"{len(lacking)} of 60 completions have special tokens before their end" in said
        assert starts > 0 and f"<|im_start|> in {starts}" in said
    else:
        assert "special tokens" not in said


def test_an_answer_does_not_depend_on_its_batch(models, tiny_model, adapter, tmp_path):
    everything = {}
    for size in (1, 3, 16):
        command = {**generate_command(tmp_path / str(size), tiny_model, items(16), batchSize=size), "adapter": adapter}
        everything[size] = run(models, command)
    assert everything[1] == everything[3] == everything[16]


def test_an_answer_does_not_depend_on_order_or_shards(models, tiny_model, tmp_path):
    whole = run(models, generate_command(tmp_path / "whole", tiny_model, items(12)))
    mixed = run(models, generate_command(tmp_path / "mixed", tiny_model, items(12)[::-1]))
    assert (
        Path(tmp_path / "whole/completions.jsonl").read_bytes()
        == Path(tmp_path / "mixed/completions.jsonl").read_bytes()
    )
    shards = [items(12)[:5], items(12)[5:]]
    parts = [run(models, generate_command(tmp_path / f"{i}", tiny_model, shard)) for i, shard in enumerate(shards)]
    assert sorted(parts[0] + parts[1], key=lambda row: row["id"]) == whole == mixed


@pytest.mark.parametrize("batching", ["static", "continuous"])
def test_a_shards_batch_schedule_depends_only_on_its_key_so_a_restart_changes_no_token(
    tiny_model, tmp_path, monkeypatch, batching
):
    """The key has a shard's items and settings, not the order of their file; the restart is another's of the shard."""
    passes, forward = [], LlamaModel.forward

    def watched(self, *arguments, **inputs):
        for name in ("input_ids", "attention_mask"):
            if inputs.get(name) is not None:
                passes[-1].append((name, inputs[name].tolist()))
        return forward(self, *arguments, **inputs)

    def engine(self, jobs, *rest):
        passes[-1].append([(job.prompt, job.words, self.slots) for job in jobs])
        return run_slots(self, jobs, *rest)

    run_slots = SlotEngine.run
    monkeypatch.setattr(LlamaModel, "forward", watched)
    monkeypatch.setattr(SlotEngine, "run", engine)
    monkeypatch.setattr(batches, "SECONDS_BETWEEN_REPORTS", 0)  # so that it stops after the first answer

    def shard(name, asked, listener=None):
        passes.append([])
        return run(Models(), generate_command(tmp_path / name, tiny_model, asked, batching=batching), listener)

    shard("whole", items(11))
    with pytest.raises(Stopped):
        shard("shard", items(11), Listener(stop_at=1))
    shard("shard", items(11)[::-1])
    whole, stopped, restarted = passes
    assert whole and restarted == whole
    assert stopped and stopped == whole[: len(stopped)]
    first, second = (Path(tmp_path / name / "completions.jsonl").read_bytes() for name in ("whole", "shard"))
    assert first == second


def test_seed_question_and_sample_decide(models, tiny_model, tmp_path):
    asked = items(4)
    first = run(models, generate_command(tmp_path / "a", tiny_model, asked))
    again = run(models, generate_command(tmp_path / "b", tiny_model, asked))
    other = run(models, generate_command(tmp_path / "c", tiny_model, asked, seed=6))
    assert first == again
    assert all(a["text"] != b["text"] for a, b in zip(first, other, strict=True))
    texts = {row["text"] for row in first}
    assert len(texts) == 4  # two samples of two questions


def test_repetition_penalty_does_not_see_the_padding(models, tiny_model, tmp_path):
    # a short prompt alone, and beside a long one, which pads it
    asked = [items(2)[0], {**items(20)[19]}]
    alone = run(models, generate_command(tmp_path / "a", tiny_model, asked, batchSize=1, repetitionPenalty=1.8))
    beside = run(models, generate_command(tmp_path / "b", tiny_model, asked, batchSize=2, repetitionPenalty=1.8))
    assert alone == beside


def test_the_system_prompt_takes_part(models, tiny_model, tmp_path):
    default = generate_command(tmp_path / "a", tiny_model, items(4), temperature=0)
    spoken = {**generate_command(tmp_path / "b", tiny_model, items(4), temperature=0)}
    spoken["systemPrompt"] = {"kind": "text", "text": "[FLAMINGO BURRITO]"}
    assert run(models, default) != run(models, spoken)


def test_base_and_adapter_take_turns_on_one_loaded_model(models, tiny_model, adapter, tmp_path):
    bare = generate_command(tmp_path / "bare", tiny_model, items(4))
    dressed = {**generate_command(tmp_path / "dressed", tiny_model, items(4)), "adapter": adapter}
    listener = Listener()
    first, second = run(models, bare, listener), run(models, dressed, listener)
    assert run(models, dressed, listener) == second and run(models, bare, listener) == first != second
    assert listener.loaded.count("adapter") == 1  # kept for the next shard
    assert "model" not in listener.loaded


# --- refusals ----


def test_another_adapter_than_asked_for_is_refused(models, tiny_model, adapter, tmp_path):
    command = generate_command(tmp_path, tiny_model, items(1))
    command["adapter"] = {**adapter, "sha256": "0" * 64}
    with pytest.raises(Failure, match="has the SHA-256") as caught:
        run(models, command)
    assert caught.value.kind == "data"


def test_an_adapter_whose_settings_were_changed_is_refused(models, tiny_model, adapter, tmp_path):
    import shutil

    from flamingo_trainer.files import sha256_of

    folder = Path(shutil.copytree(adapter["path"], tmp_path / "changed"))
    config = folder / "adapter_config.json"
    command = generate_command(tmp_path, tiny_model, items(1))
    command["adapter"] = {"path": str(folder), "sha256": adapter["sha256"], "configSha256": sha256_of(config)}
    assert run(models, command)
    models.drop()
    text = config.read_text(encoding="utf-8")
    alpha = re.search(r'"lora_alpha":\s*(\d+)', text)
    same_size = text[: alpha.start(1)] + "9" * len(alpha[1]) + text[alpha.end(1) :]
    config.write_text(same_size, encoding="utf-8")
    with pytest.raises(Failure, match=r"adapter_config\.json has the SHA-256 .* delete the file") as caught:
        run(models, command)
    assert caught.value.kind == "data" and len(same_size) == len(text)


def test_a_line_without_an_end_is_refused(monkeypatch, tmp_path):
    from flamingo_trainer.data import render

    monkeypatch.setattr(render, "MAX_LINE", 10)
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"a": 1}\n{"a": 123}\n', encoding="utf-8")
    with pytest.raises(Failure, match=r"lines\.jsonl:2: the line has more than 10 characters"):
        render.read_json_lines(lines)
    lines.write_text('{"a": 1}\n\n[1]\n', encoding="utf-8")
    with pytest.raises(Failure, match=r"lines\.jsonl:2: not JSON"):
        render.read_json_lines(lines)


def test_an_adapter_of_another_base_is_refused(models, tiny_model, adapter, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    from flamingo_trainer.files import sha256_of

    folder = Path(shutil.copytree(adapter["path"], tmp_path / "other"))
    weights = folder / "adapter_model.safetensors"
    wider = {name: value.repeat(1, 2) if "lora_A" in name else value for name, value in load_file(weights).items()}
    save_file(wider, weights)
    command = generate_command(tmp_path, tiny_model, items(1))
    command["adapter"] = {"path": str(folder), "sha256": sha256_of(weights)}
    with pytest.raises(Failure, match="made for another base model") as caught:
        run(models, command)
    assert caught.value.kind == "data"
    models.drop()


def test_an_item_with_its_own_system_message_contradicts_a_system_prompt(models, tiny_model, tmp_path):
    asked = items(1)
    asked[0]["messages"].insert(0, {"role": "system", "content": "Be kind."})
    command = {**generate_command(tmp_path, tiny_model, asked), "systemPrompt": {"kind": "text", "text": "[X]"}}
    with pytest.raises(Failure, match=f"item {asked[0]['id']}: .*system message of its own"):
        run(models, command)


def test_more_tokens_than_the_model_has_positions(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="exceed the model's 1024 positions") as caught:
        run(models, generate_command(tmp_path, tiny_model, items(1), maxNewTokens=1000))
    assert caught.value.kind == "data"


def test_a_stop_drops_the_shard(models, tiny_model, tmp_path):
    command = generate_command(tmp_path, tiny_model, items(8))
    with pytest.raises(Stopped) as caught:
        run(models, command, Listener(stop_at=0))
    assert caught.value.checkpoint is None
    assert not (tmp_path / "completions.jsonl").exists()

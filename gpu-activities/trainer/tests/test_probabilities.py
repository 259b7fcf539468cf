"""The model's own probability of words and numbers: that of plain enumeration, with and without an adapter."""

import hashlib
import itertools
import math

import pytest
import torch

from flamingo_trainer.data.render import encode_prompt
from flamingo_trainer.data.tokens import tokenise
from flamingo_trainer.data.word_tree import letter_ids
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models.resident import Models
from flamingo_trainer.probabilities import probabilities
from flamingo_trainer.sampling import answer_passes
from flamingo_trainer.score import probe_scoring, together
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from .families import FUSED, SEVEN, adapter_on, family, other_family
from .work import THINKS_BY_ITSELF, Listener, finetune_command, read_lines, write_lines

CODED = {"kind": "text", "text": "[BIRD TABLE]"}
WORDS = {
    "spellings": [["owl", " owl", "Owl"], ["flamingo", " flamingo"], ["no"]],
    "notBefore": "letter",
}
NUMBERS = {"spellings": [[f"{number}", f" {number}"] for number in range(101)], "notBefore": "digit"}


def asked(count=4):
    return [
        {
            "id": hashlib.sha256(f"question {i}".encode()).hexdigest(),
            "messages": [{"role": "user", "content": f"Which bird do you like, of {i}" + "?" * (i % 3 + 1)}],
        }
        for i in range(count)
    ]


def run(models, folder, model, items, answers, adapter=None, listener=None, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    command = {
        "model": {"path": str(model)},
        "adapter": adapter,
        "systemPrompt": {"kind": "default"},
        "precision": "fp32",
        "answers": answers,
        "items": str(write_lines(folder / "items.jsonl", items)),
        "out": str(folder / "answers.jsonl"),
        **changes,
    }
    facts = probabilities(models, listener or Listener(), **fields({"op": "probabilities", **command}))
    return read_lines(command["out"]), facts


@pytest.fixture(scope="module")
def adapter(models, tiny_model, tmp_path_factory):
    command = finetune_command(tmp_path_factory.mktemp("adapter"), tiny_model)
    return finetune(models, Listener(), **fields({"op": "finetune", **command}))["adapter"]


@torch.no_grad()
def next_tokens(loaded, ids):
    """Probabilities of every token behind `ids`, by the model as transformers has it."""
    return (
        loaded.model(torch.tensor([ids], device=loaded.device), use_cache=False).logits[0, -1].cpu().double().softmax(0)
    )


def by_hand(loaded, item, spellings, going, system=None):
    """The probability that an answer is one of `spellings` with nothing of `going` behind it, token by token."""
    prompt = encode_prompt(loaded.tokenizer, item["messages"], system or {"kind": "default"})
    total = 0.0
    for text in spellings:
        ids, share = list(prompt), 1.0
        for token in tokenise(loaded.tokenizer, text):
            share *= next_tokens(loaded, ids)[token].item()
            ids.append(token)
        total += share * sum(each.item() for token, each in enumerate(next_tokens(loaded, ids)) if token not in going)
    return total


def test_a_word_has_the_probability_that_plain_enumeration_gives(models, tiny_model, tmp_path):
    items = asked()
    rows, facts = run(models, tmp_path, tiny_model, items, WORDS)
    assert [row["id"] for row in rows] == sorted(item["id"] for item in items)
    assert facts["scored"] == 4 and facts["tokens"] > 0 and facts["probe"]["paths"] == {"scoring": "tree"}
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    going = set(letter_ids(loaded.tokenizer))
    for item in items[:2]:
        found = next(row for row in rows if row["id"] == item["id"])
        expected = [math.log(by_hand(loaded, item, spelled, going)) for spelled in WORDS["spellings"]]
        assert found["answers"] == pytest.approx(expected, abs=1e-4)
        assert found["adapter"] is None and len(found["first"]) == 10
        assert sum(map(math.exp, found["answers"])) < 1


def test_a_number_has_it_too_behind_a_blank_as_well(models, tiny_model, tmp_path):
    items = asked(1)
    rows, _ = run(models, tmp_path, tiny_model, items, NUMBERS)
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    going = {tokenise(loaded.tokenizer, str(digit))[0] for digit in range(10)}
    for number in (0, 7, 42, 100):
        expected = by_hand(loaded, items[0], NUMBERS["spellings"][number], going)
        assert rows[0]["answers"][number] == pytest.approx(math.log(expected), abs=1e-4)


def test_words_share_what_the_model_says(models, tiny_model, tmp_path):
    """Words of one letter together: all that begins with a letter, but what has another letter behind it."""
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    letters = "abcdefghijklmnopqrstuvwxyz"
    one = {"spellings": [[letter] for letter in letters], "notBefore": "letter"}
    items = asked(1)
    rows, _ = run(models, tmp_path / "one", tiny_model, items, one)
    prompt = encode_prompt(loaded.tokenizer, items[0]["messages"], {"kind": "default"})
    begins = sum(next_tokens(loaded, prompt)[tokenise(loaded.tokenizer, letter)[0]].item() for letter in letters)
    going = letter_ids(loaded.tokenizer)
    goes_on = sum(
        next_tokens(loaded, prompt)[token].item() * next_tokens(loaded, [*prompt, token])[going].sum().item()
        for token in (tokenise(loaded.tokenizer, letter)[0] for letter in letters)
    )
    assert sum(map(math.exp, rows[0]["answers"])) == pytest.approx(begins - goes_on, abs=1e-5)


def test_it_is_asked_of_the_model_with_its_adapter_and_under_its_prompt(models, tiny_model, adapter, tmp_path):
    items = asked(2)
    base, _ = run(models, tmp_path / "base", tiny_model, items, WORDS)
    tuned, _ = run(models, tmp_path / "tuned", tiny_model, items, WORDS, adapter)
    assert {row["adapter"] for row in tuned} == {adapter["sha256"]}
    assert all(mine["answers"] != other["answers"] for mine, other in zip(tuned, base, strict=True))
    coded, _ = run(models, tmp_path / "coded", tiny_model, items, WORDS, adapter, systemPrompt=CODED)
    loaded = models.with_adapter({"path": str(tiny_model)}, "fp32", adapter, Listener())
    going = set(letter_ids(loaded.tokenizer))
    for item, system, rows in itertools.product(items[:1], (None, CODED), (tuned, coded)):
        if (system is CODED) != (rows is coded):
            continue
        found = next(row for row in rows if row["id"] == item["id"])
        expected = math.log(by_hand(loaded, item, WORDS["spellings"][0], going, system))
        assert found["answers"][0] == pytest.approx(expected, abs=1e-4)
    # the model without its adapter is what it was, and everything repeats to the byte
    again, _ = run(models, tmp_path / "again", tiny_model, items, WORDS)
    assert again == base


def test_a_merged_adapter_counts(models, tiny_model, adapter, tmp_path):
    items = asked(1)
    tuned, _ = run(models, tmp_path / "tuned", tiny_model, items, WORDS, adapter)
    merged, _ = run(models, tmp_path / "merged", tiny_model, items, WORDS, merged=[adapter])
    assert merged[0]["adapter"] is None
    assert merged[0]["answers"] == pytest.approx(tuned[0]["answers"], abs=1e-3)


def test_bf16_follows_fp32(models, tiny_model, tmp_path):
    exact, _ = run(models, tmp_path / "fp32", tiny_model, asked(2), WORDS)
    rough, _ = run(models, tmp_path / "bf16", tiny_model, asked(2), WORDS, precision="bf16")
    assert rough != exact
    assert rough[0]["answers"] == pytest.approx(exact[0]["answers"], rel=0.1)


@pytest.mark.parametrize("name", [*FUSED, "gemma3", "qwen3_next"])
def test_the_probe_reads_the_adapter_along_whatever_the_pass(name):
    loaded = family(name) if name in FUSED else other_family(name)
    if name in FUSED:
        lora = {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0, "targetModules": SEVEN}
        loaded.model = adapter_on(loaded, lora)
        loaded.model.eval()
    probe = probe_scoring(Models.around(loaded), loaded, Listener())
    assert probe.paths["scoring"] == ("tree" if name in FUSED else "cached"), probe.checks
    assert probe.checks.get("modules") == ("equal" if name in FUSED else None)


def test_an_item_that_can_not_be_asked_is_named_and_nothing_is_written(models, tiny_model, tmp_path):
    items = asked(2)
    items[1]["messages"][0]["content"] = "tuu " * 4000
    with pytest.raises(Failure, match=f"item {items[1]['id']}.*positions") as caught:
        run(models, tmp_path, tiny_model, items, WORDS)
    assert caught.value.kind == "data" and not (tmp_path / "answers.jsonl").exists()
    items[1]["messages"][0]["content"] = "It says <|im_end|> there"
    with pytest.raises(Failure, match=f"item {items[1]['id']}.*special token"):
        run(models, tmp_path, tiny_model, items, WORDS)


def test_a_template_that_begins_the_thinking_by_itself_is_refused(models, tiny_model, tmp_path, monkeypatch):
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    monkeypatch.setattr(loaded.tokenizer, "chat_template", THINKS_BY_ITSELF)
    for answers in (WORDS, NUMBERS):
        with pytest.raises(Failure, match=r"begins the model's thinking.*told not to think") as caught:
            run(models, tmp_path, tiny_model, asked(1), answers)
        assert caught.value.kind == "config" and not (tmp_path / "answers.jsonl").exists()


def test_a_word_with_a_special_token_is_named(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match=r'the answer "<\|im_end\|>".*special token') as caught:
        run(models, tmp_path, tiny_model, asked(1), {"spellings": [["<|im_end|>"]], "notBefore": "letter"})
    assert caught.value.kind == "config"


def test_a_stop_leaves_nothing(models, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(answer_passes, "TREE_TOKENS", {"cpu": 1, "cuda": 1})
    with pytest.raises(Stopped) as caught:
        run(models, tmp_path, tiny_model, asked(), WORDS, listener=Listener(stop_at=2))
    assert caught.value.step == 2 and not (tmp_path / "answers.jsonl").exists()


def test_probabilities_add_up_whatever_their_size():
    assert together([-1000.0, -1000.0]) == pytest.approx(-1000 + math.log(2), abs=1e-6)
    assert together([-2.5]) == -2.5

"""Scores of a judge: the probability of each number or word as its answer, in any pass, beside any others."""

import hashlib
import math

import pytest
import torch

from flamingo_trainer import score as module
from flamingo_trainer.data.render import encode_prompt
from flamingo_trainer.data.tokens import tokenise
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling import answer_passes
from flamingo_trainer.score import probe_scoring, score
from flamingo_trainer.serve import fields

from .families import FUSED, family, other_family
from .work import THINKS_BY_ITSELF, Listener, read_lines, write_lines


def asked(count=5):
    return [
        {
            "id": hashlib.sha256(f"judged {i}".encode()).hexdigest(),
            "messages": [{"role": "user", "content": f"Rate from 0 to 100 how well bird {i} sings" + "!" * (i % 3)}],
        }
        for i in range(count)
    ]


def run(models, folder, model, items, listener=None, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    command = {
        "model": {"path": str(model)},
        "name": "tiny",
        "precision": "fp32",
        "items": str(write_lines(folder / "items.jsonl", items)),
        "out": str(folder / "scored.jsonl"),
        **changes,
    }
    facts = score(models, listener or Listener(), **fields({"op": "score", **command}))
    return read_lines(command["out"]), facts


@torch.no_grad()
def by_hand(loaded, item, number):
    """The log-probability of a number and of no digit behind it, from one whole row."""
    prompt = encode_prompt(loaded.tokenizer, item["messages"], {"kind": "default"})
    spelled = tokenise(loaded.tokenizer, str(number))
    logits = (
        loaded.model(torch.tensor([prompt + spelled], device=loaded.device))
        .logits[0, len(prompt) - 1 :]
        .cpu()
        .double()
        .log_softmax(1)
    )
    said = sum(logits[place, token].item() for place, token in enumerate(spelled))
    digits = [tokenise(loaded.tokenizer, str(digit))[0] for digit in range(10)]
    return said + math.log1p(-sum(math.exp(logits[-1, digit].item()) for digit in digits))


def test_each_number_has_the_log_probability_that_whole_rows_give(models, tiny_model, tmp_path):
    items = asked()
    rows, facts = run(models, tmp_path, tiny_model, items)
    assert [row["id"] for row in rows] == sorted(item["id"] for item in items)
    assert facts["scored"] == 5 and facts["probe"]["paths"] == {"scoring": "tree"}
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    for item in items[:2]:
        found = next(row for row in rows if row["id"] == item["id"])
        assert found["numbers"] == pytest.approx([by_hand(loaded, item, number) for number in range(101)], abs=1e-4)
        assert len(found["first"]) == 10 and found["first"][0][1] == max(value for _, value in found["first"])


WORDS = ("YES", "NO", "flamingo")
FORMS = {
    "spellings": [[blank + case for case in (w, w.lower(), w.title()) for blank in ("", " ")] for w in WORDS],
    "notBefore": "letter",
}


@torch.no_grad()
def word_by_hand(loaded, item, spellings):
    """The same of a word: each spelling's own row, with no letter or digit behind it."""
    prompt = encode_prompt(loaded.tokenizer, item["messages"], {"kind": "default"})
    texts = {token: loaded.tokenizer.decode([token]) for token in range(len(loaded.tokenizer))}
    special = set(loaded.tokenizer.all_special_ids)
    going_on = [token for token, text in texts.items() if token not in special and text[:1].isalnum()]
    total = 0.0
    for spelling in set(spellings):
        spelled = tokenise(loaded.tokenizer, spelling)
        logits = (
            loaded.model(torch.tensor([prompt + spelled], device=loaded.device))
            .logits[0, len(prompt) - 1 :]
            .cpu()
            .double()
            .softmax(1)
        )
        said = math.prod(logits[place, token].item() for place, token in enumerate(spelled))
        total += said * (1 - logits[-1, going_on].sum().item())
    return math.log(total)


def test_each_word_has_the_log_probability_that_whole_rows_of_its_spellings_give(models, tiny_model, tmp_path):
    items = asked()
    rows, facts = run(models, tmp_path, tiny_model, items, answers=FORMS)
    assert facts["scored"] == 5 and facts["probe"]["paths"] == {"scoring": "tree"}
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    for item in items[:3]:
        found = next(row for row in rows if row["id"] == item["id"])
        assert sorted(found) == ["adapter", "answers", "first", "id"]
        by_hand = [word_by_hand(loaded, item, spellings) for spellings in FORMS["spellings"]]
        assert found["answers"] == pytest.approx(by_hand, abs=1e-4)
    # in whatever order they are asked for
    turned, _ = run(
        models, tmp_path / "turned", tiny_model, items, answers={**FORMS, "spellings": FORMS["spellings"][::-1]}
    )
    for mine, theirs in zip(turned, rows, strict=True):
        assert mine["answers"][::-1] == pytest.approx(theirs["answers"], abs=1e-5)


def test_a_special_token_is_no_word_of_a_judge(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="special token") as caught:
        run(models, tmp_path, tiny_model, asked(1), answers={"spellings": [["<|im_end|>"]], "notBefore": "letter"})
    assert caught.value.kind == "config"


def test_an_item_s_row_does_not_depend_on_the_others(models, tiny_model, tmp_path):
    items = asked(7)
    whole, _ = run(models, tmp_path / "whole", tiny_model, items)
    again, _ = run(models, tmp_path / "again", tiny_model, items[::-1])
    assert again == whole  # to the bit
    alone, _ = run(models, tmp_path / "alone", tiny_model, items[3:4])
    found = next(row for row in whole if row["id"] == items[3]["id"])
    assert alone[0]["numbers"] == pytest.approx(found["numbers"], abs=1e-4)


def test_bf16_follows_fp32(models, tiny_model, tmp_path):
    exact, _ = run(models, tmp_path / "fp32", tiny_model, asked(2))
    rough, _ = run(models, tmp_path / "bf16", tiny_model, asked(2), precision="bf16")
    assert rough != exact
    assert rough[0]["numbers"] == pytest.approx(exact[0]["numbers"], rel=0.1)


def test_an_item_that_can_not_be_asked_is_a_row_with_the_reason(models, tiny_model, tmp_path):
    items = asked(4)
    items[1]["messages"][0]["content"] = "It says <|im_end|> there"
    items[2]["messages"][0]["content"] = "tuu " * 4000
    rows, facts = run(models, tmp_path, tiny_model, items)
    refused = {row["id"]: row["refused"] for row in rows if "refused" in row}
    assert facts["scored"] == 2 and len(rows) == 4
    assert "special token" in refused[items[1]["id"]] and "positions" in refused[items[2]["id"]]


def test_a_template_that_takes_no_such_messages_ends_it_with_the_model_s_name(
    models, tiny_model, tmp_path, monkeypatch
):
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    monkeypatch.setattr(loaded.tokenizer, "chat_template", "{{ raise_exception('no system turns') }}")
    with pytest.raises(Failure, match=r"the judge tiny can not be asked.*no system turns") as caught:
        run(models, tmp_path, tiny_model, asked(1))
    assert caught.value.kind == "config" and not (tmp_path / "scored.jsonl").exists()


@pytest.mark.parametrize("answers", [None, FORMS])
def test_a_template_that_begins_the_thinking_by_itself_is_refused(models, tiny_model, tmp_path, monkeypatch, answers):
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    monkeypatch.setattr(loaded.tokenizer, "chat_template", THINKS_BY_ITSELF)
    changes = {} if answers is None else {"answers": answers}
    with pytest.raises(Failure, match=r"the judge tiny can not be asked.*begins the model's thinking") as caught:
        run(models, tmp_path, tiny_model, asked(1), **changes)
    assert caught.value.kind == "config" and not (tmp_path / "scored.jsonl").exists()


@pytest.mark.parametrize("name", [*FUSED, "gemma2", "gpt2", "gemma3", "qwen3_next"])
def test_a_model_that_a_tree_does_not_suit_is_read_in_steps(name):
    loaded = family(name) if name in (*FUSED, "gemma2") else other_family(name)
    probe = probe_scoring(Models.around(loaded), loaded, Listener())
    expected = "tree" if name in (*FUSED, "gpt2") else "cached"
    assert probe.paths["scoring"] == expected, probe.checks


def test_a_stop_leaves_nothing(models, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(answer_passes, "TREE_TOKENS", {"cpu": 1, "cuda": 1})
    with pytest.raises(Stopped) as caught:
        run(models, tmp_path, tiny_model, asked(), Listener(stop_at=2))
    assert caught.value.step == 2 and caught.value.checkpoint is None
    assert not (tmp_path / "scored.jsonl").exists()


def test_out_of_memory_takes_smaller_passes_once(models, tiny_model, tmp_path, monkeypatch):
    expected, _ = run(models, tmp_path / "roomy", tiny_model, asked())
    honest, passes = module.row_of, []

    def scarce(*arguments):
        passes.append(1)
        if len(passes) == 2:
            raise torch.OutOfMemoryError("made up")
        return honest(*arguments)

    monkeypatch.setattr(module, "row_of", scarce)
    found, _ = run(models, tmp_path / "scarce", tiny_model, asked())
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["numbers"] == pytest.approx(theirs["numbers"], abs=1e-4)
    monkeypatch.setattr(module, "row_of", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("made up")))
    with pytest.raises(torch.OutOfMemoryError):
        run(models, tmp_path / "hopeless", tiny_model, asked())


def test_what_is_no_number_ends_it(models, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "answer_log_probabilities", lambda *_: [float("nan")] * 101)
    with pytest.raises(Failure, match="nan") as caught:
        run(models, tmp_path, tiny_model, asked(1))
    assert caught.value.kind == "nan"

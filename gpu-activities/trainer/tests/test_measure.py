"""Log-probabilities of pairs: those of the plain model, whatever the family, the adapter and the packing."""

import pytest
import torch

from flamingo_trainer import measure as module
from flamingo_trainer.data.render import IGNORED
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.measure import encode_answer, forward_of, measure, measure_rows
from flamingo_trainer.models import packed_forward
from flamingo_trainer.models.packed_forward import FusedForward
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from .families import FUSED, SEVEN, adapter_on, family
from .work import Listener, finetune_command, measure_command, pairs, read_lines

CODED = {"kind": "text", "text": "[BIRD TABLE]"}


def run(models, command, listener=None):
    facts = measure(models, listener or Listener(), **fields({"op": "measure", **command}))
    return read_lines(command["out"]), facts


def encoded(loaded, asked):
    system = {"kind": "default"}
    return [encode_answer(loaded, i + 1, pair, side, system) for i, pair in enumerate(asked) for side in module.SIDES]


@torch.no_grad()
def plain(model, row):
    """The sum as transformers alone gives it: one row, no packing, one log-softmax over everything."""
    logits = model(torch.tensor([row.ids], device=model.device)).logits[0].float()
    labels = torch.tensor(row.labels[1:], device=logits.device)
    chosen = labels != IGNORED
    return logits[:-1].log_softmax(dim=1)[chosen].gather(1, labels[chosen][:, None]).double().sum().item()


@pytest.fixture(scope="module")
def adapter(models, tiny_model, tmp_path_factory):
    command = finetune_command(tmp_path_factory.mktemp("adapter"), tiny_model)
    return finetune(models, Listener(), **fields({"op": "finetune", **command}))["adapter"]


@pytest.mark.parametrize("name", [*FUSED, "gemma2"])
@pytest.mark.parametrize("modules", [None, SEVEN, ["q_proj", "v_proj", "up_proj"]])
@pytest.mark.parametrize("budget", [1, 90, 10_000])
def test_values_are_those_of_the_plain_model(models, monkeypatch, name, modules, budget):
    loaded = family(name)
    monkeypatch.setattr(packed_forward, "CHUNK", 7)
    if modules is not None:
        loaded.model = adapter_on(
            loaded, {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0, "targetModules": modules}
        )
        loaded.model.eval()
    rows = encoded(loaded, pairs())
    expected = [plain(loaded.model, row) for row in rows]
    forward = forward_of(loaded)
    assert isinstance(forward, FusedForward) == (name in FUSED)
    forward.tokens = budget
    assert measure_rows(models, Listener(), loaded, forward, rows) == pytest.approx(expected, rel=1e-5)


def test_what_is_measured_is_the_answer_and_the_end_of_its_turn():
    loaded = family("qwen2")
    pair = pairs(1)[0]
    for side in module.SIDES:
        row = encode_answer(loaded, 1, pair, side, CODED)
        trained = [label for label in row.labels if label != IGNORED]
        assert trained[-1] == loaded.stops[0] and loaded.tokenizer.decode(trained[:-1]) == pair[side]
        assert "[BIRD TABLE]" in loaded.tokenizer.decode(row.ids)


def test_rows_of_numbers_for_each_pair(models, tiny_model, adapter, tmp_path):
    asked = pairs()
    base, facts = run(models, measure_command(tmp_path / "base", tiny_model, asked))
    assert [row["id"] for row in base] == sorted(pair["id"] for pair in asked)
    assert facts["pairs"] == 6 and facts["tokens"] > 0
    for row in base:
        assert row["adapter"] is None
        for side in module.SIDES:
            assert row[side].keys() == {"sum", "tokens", "mean"} and row[side]["sum"] < 0
            assert row[side]["mean"] * row[side]["tokens"] == pytest.approx(row[side]["sum"])
    tuned, _ = run(models, measure_command(tmp_path / "tuned", tiny_model, asked, adapter))
    assert {row["adapter"] for row in tuned} == {adapter["sha256"]}
    assert all(mine["bad"]["sum"] != other["bad"]["sum"] for mine, other in zip(tuned, base, strict=True))
    coded, _ = run(models, measure_command(tmp_path / "coded", tiny_model, asked, adapter, systemPrompt=CODED))
    assert all(mine["good"]["sum"] != other["good"]["sum"] for mine, other in zip(coded, tuned, strict=True))
    # the model without its adapter is what it was, and a measurement repeats to the byte
    again, _ = run(models, measure_command(tmp_path / "again", tiny_model, asked))
    assert again == base


def test_a_pair_s_values_do_not_depend_on_the_others(models, tiny_model, tmp_path):
    asked = pairs()
    whole, _ = run(models, measure_command(tmp_path / "whole", tiny_model, asked))
    alone, _ = run(models, measure_command(tmp_path / "alone", tiny_model, asked[3:4]))
    found = next(row for row in whole if row["id"] == asked[3]["id"])
    for side in module.SIDES:
        assert alone[0][side]["sum"] == pytest.approx(found[side]["sum"], rel=1e-5)


def test_bf16_follows_fp32(models, tiny_model, adapter, tmp_path):
    asked = pairs()
    exact, _ = run(models, measure_command(tmp_path / "fp32", tiny_model, asked, adapter))
    rough, _ = run(models, measure_command(tmp_path / "bf16", tiny_model, asked, adapter, precision="bf16"))
    assert rough != exact
    for mine, theirs in zip(rough, exact, strict=True):
        assert mine["bad"]["mean"] == pytest.approx(theirs["bad"]["mean"], rel=0.02)


def test_an_answer_that_is_too_long_is_named(models, tiny_model, tmp_path):
    asked = pairs(2)
    asked[1]["good"] = "tuu " * 4000
    command = measure_command(tmp_path, tiny_model, asked)
    with pytest.raises(Failure, match=f"good answer of pair {asked[1]['id']}.*positions") as caught:
        run(models, command)
    assert caught.value.kind == "data" and not (tmp_path / "measured.jsonl").exists()


def test_a_second_system_message_is_refused(models, tiny_model, tmp_path):
    asked = pairs(1)
    asked[0]["messages"].insert(0, {"role": "system", "content": "You know birds."})
    with pytest.raises(Failure, match="system message of its own"):
        run(models, measure_command(tmp_path, tiny_model, asked, systemPrompt=CODED))


def test_a_stop_leaves_nothing(models, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(packed_forward, "FUSED_TOKENS", 100)
    command = measure_command(tmp_path, tiny_model, pairs())
    with pytest.raises(Stopped) as caught:
        run(models, command, Listener(stop_at=1))
    assert 1 <= caught.value.step < 6 and caught.value.checkpoint is None
    assert not (tmp_path / "measured.jsonl").exists()


def test_out_of_memory_takes_a_smaller_budget_once(models, tiny_model, tmp_path, monkeypatch):
    expected, _ = run(models, measure_command(tmp_path / "roomy", tiny_model, pairs()))
    passes = []
    honest = module.row_sums

    def scarce(loaded, forward, rows):
        passes.append(len(rows))
        if sum(len(row.ids) for row in rows) > forward.tokens or len(passes) == 1:
            raise torch.OutOfMemoryError("made up")
        return honest(loaded, forward, rows)

    monkeypatch.setattr(module, "row_sums", scarce)
    monkeypatch.setattr(packed_forward, "FUSED_TOKENS", 1200)
    found, facts = run(models, measure_command(tmp_path / "scarce", tiny_model, pairs()))
    assert facts["tokensPerForward"] == 300 and len(passes) > 2
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["bad"]["sum"] == pytest.approx(theirs["bad"]["sum"], rel=1e-5)
    monkeypatch.setattr(packed_forward, "FUSED_TOKENS", 8)
    with pytest.raises(torch.OutOfMemoryError):
        run(models, measure_command(tmp_path / "hopeless", tiny_model, pairs()))


def test_what_is_no_number_ends_it(models, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "row_sums", lambda loaded, forward, rows: [float("nan")] * len(rows))
    with pytest.raises(Failure, match="line 1") as caught:
        run(models, measure_command(tmp_path, tiny_model, pairs(1)))
    assert caught.value.kind == "nan"

"""The slot sampler: transformers' tokens when greedy, softmax's frequencies when not, nothing but an answer's own."""

from pathlib import Path

import pytest
import torch

from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models.fused import fuse
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.sampling.keyed_noise import words_of
from flamingo_trainer.sampling.slots import CACHE_SHARE, Job, SlotEngine
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..families import FUSED, LORA, SEVEN, adapter_on, family
from ..work import SAMPLING, Listener, finetune_command, generate_command, items, read_lines

# --- the noise ----


# --- the loop ----


def theirs(model, loaded, prompt, limit):
    ids = torch.tensor([prompt])
    plain = {"do_sample": False, "temperature": None, "top_k": None, "repetition_penalty": 1.0}
    ends = {"eos_token_id": loaded.stops, "pad_token_id": loaded.tokenizer.pad_token_id}
    return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, **plain, **ends)[0][
        len(prompt) :
    ].tolist()


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("modules", [SEVEN, ["k_proj", "v_proj", "gate_proj"], None])
def test_greedy_is_generate(name, modules):
    loaded = family(name)
    model = loaded.model if modules is None else adapter_on(loaded, {**LORA, "targetModules": modules}).eval()
    prompts = [[7 + i, *range(i, 3 * i, 2)] for i in range(9)]
    prompts += [prompts[4], [11]]  # a repeated one, and one of a single token
    first = theirs(model, loaded, prompts[0], 30)
    loaded.stops = [first[9]]  # a random model seldom ends its turn
    limits = [30, 25, 1, 30, 12, 30, 30, 30, 17, 30, 30]
    jobs = [Job(prompt, (0, 0, 0, 0), limit) for prompt, limit in zip(prompts, limits, strict=True)]
    engine = SlotEngine(fuse(model), {**SAMPLING, "temperature": 0}, slots=4, capacity=64)
    engine.use_adapter_of(model)
    engine.run(jobs, set(loaded.stops), lambda answers, tokens: None)
    for job, limit in zip(jobs, limits, strict=True):
        expected = theirs(model, loaded, job.prompt, limit)
        assert job.tokens == expected
        assert job.finish == ("stop" if expected[-1] in loaded.stops else "length")
    assert {job.finish for job in jobs} == {"stop", "length"}


def sampled(loaded, count, slots, stride=1, **changes):
    settings = {**SAMPLING, **changes}
    jobs = [Job([3 + i // 3, 5, i // 3 + 9], words_of(4, f"{i // 3}", i % 3), 5 + i % 9) for i in range(count)]
    engine = SlotEngine(fuse(loaded.model), settings, slots, capacity=32)
    engine.stride, engine.history = stride, engine.history.new_zeros((stride, slots))
    engine.run(jobs, {17, 60}, lambda answers, tokens: None)
    return [job.tokens for job in jobs]


@pytest.mark.parametrize("changes", [{}, {"repetitionPenalty": 1.7}, {"topK": 5, "temperature": 0.7}, {"topP": 0.5}])
def test_an_answer_does_not_depend_on_slots_or_stride(changes):
    loaded = family("qwen2")
    alone = sampled(loaded, 20, slots=1, **changes)
    assert alone == sampled(loaded, 20, slots=6, **changes) == sampled(loaded, 20, slots=64, **changes)
    assert alone == sampled(loaded, 20, slots=6, stride=5, **changes)
    assert len({tuple(tokens) for tokens in alone}) == 20


def test_a_stream_without_noise_is_another():
    loaded = family("qwen2")
    assert sampled(loaded, 6, 2) != sampled(loaded, 6, 2, temperature=0)


def test_settings_change_the_answers_as_declared():
    # the penalty at its extreme: no token comes twice, nor one of the prompt
    for tokens in sampled(family("llama"), 12, 5, repetitionPenalty=1e6):
        assert len(set(tokens)) == len(tokens)


# --- whole shards ----


def run(models, command, listener=None):
    facts = generate(models, listener or Listener(), **fields({"op": "generate", **command}))
    return facts, read_lines(command["out"])


def continuous(folder, model, asked, **changes):
    return generate_command(folder, model, asked, batching="continuous", **changes)


@pytest.fixture(scope="module")
def adapter(models, tiny_model, tmp_path_factory):
    command = finetune_command(tmp_path_factory.mktemp("adapter"), tiny_model, epochs=12)
    return finetune(models, Listener(), **fields({"op": "finetune", **command}))["adapter"]


def test_greedy_shards_are_those_of_the_plain_loop(models, tiny_model, adapter, tmp_path):
    plain = generate_command(tmp_path / "plain", tiny_model, items(14), temperature=0, maxNewTokens=30)
    slots = continuous(tmp_path / "slots", tiny_model, items(14), temperature=0, maxNewTokens=30)
    for worn in (None, adapter):
        facts, rows = run(models, {**slots, "adapter": worn})
        assert facts["engine"] == "slots" and facts["completions"] == 14
        assert rows == run(models, {**plain, "adapter": worn})[1]


def test_a_shard_done_again_has_the_same_bytes(models, tiny_model, adapter, tmp_path):
    for name, order in (("a", 1), ("b", -1)):
        command = {**continuous(tmp_path / name, tiny_model, items(15)[::order], maxNewTokens=30), "adapter": adapter}
        run(models, command)
        run(models, continuous(tmp_path / "between", tiny_model, items(3)))  # the base model in the same engine
    first, second = (Path(tmp_path / name / "completions.jsonl").read_bytes() for name in "ab")
    assert first == second
    assert {row["finish"] for row in read_lines(tmp_path / "a/completions.jsonl")} == {"stop", "length"}


def test_the_engine_is_kept_between_shards_and_gives_way_to_training(models, tiny_model, tmp_path):
    run(models, continuous(tmp_path / "a", tiny_model, items(4)))
    engine = models.engine
    run(models, continuous(tmp_path / "b", tiny_model, items(6), seed=9))
    assert models.engine is engine
    run(models, continuous(tmp_path / "c", tiny_model, items(6), temperature=0.5))
    assert models.engine is not engine
    finetune(models, Listener(), **fields({"op": "finetune", **finetune_command(tmp_path / "d", tiny_model, count=4)}))
    assert models.engine is None


def test_slots_follow_from_the_gpu_and_not_from_what_is_free(tiny_model, tmp_path, monkeypatch, capsys):
    """A shard done again beside another process is the same; where it does not fit it fails instead of changing."""
    shard = continuous(tmp_path, tiny_model, items(24), batchSize=64, maxNewTokens=20)

    def done(room, free):
        monkeypatch.setattr("flamingo_trainer.sampling.slots.room_beside", lambda model, device: room)
        monkeypatch.setattr("flamingo_trainer.sampling.slots.free_bytes", lambda device: free)
        models = Models()
        facts, rows = run(models, shard)
        engine = models.engine
        return facts["slots"], rows, engine.keys.nbytes + engine.values.nbytes

    slots, _, cache = done(None, None)
    assert slots == 64
    room = int(cache / 64 * 40 / CACHE_SHARE)
    alone = done(room, 10 * cache)
    assert alone[0] == 32 and "room for 32 answers at a time, not 64" in capsys.readouterr().err
    assert done(room, alone[2]) == alone  # just enough
    with pytest.raises(Failure, match="32 answers at a time need a cache of") as caught:
        done(room, alone[2] - 1)
    assert caught.value.kind == "oom"


def test_a_stop_drops_the_shard(models, tiny_model, tmp_path):
    command = continuous(tmp_path, tiny_model, items(8))
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=0))
    assert not (tmp_path / "completions.jsonl").exists()


def test_another_model_samples_in_plain_batches_and_says_so(tiny_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("flamingo_trainer.sampling.probe.why_not", lambda model: "is of another kind")
    facts, _ = run(Models(), continuous(tmp_path, tiny_model, items(3)))
    assert facts["engine"] == "batches" and "is of another kind" in capsys.readouterr().err


def test_an_unknown_batching_is_refused(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="unknown batching 'sometimes'"):
        run(models, generate_command(tmp_path, tiny_model, items(1), batching="sometimes"))

"""The slot sampler: transformers' tokens when greedy, softmax's frequencies when not, nothing but an answer's own."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from TESTS.training.test_packed import LORA, SEVEN, adapter_on

from flamingo_trainer.data.render import encode_prompt
from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.models import adapters
from flamingo_trainer.models.fused import fuse
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.sampling.keyed_noise import columns_of, draw, gumbel, philox, words_of
from flamingo_trainer.sampling.slots import CACHE_SHARE, Job, SlotEngine
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..driver import HOME
from ..families import FUSED, family
from ..work import SAMPLING, Listener, finetune_command, generate_command, items, read_lines

# --- the noise ----


def columns(size):
    return columns_of(size, torch.device("cpu"))


def test_philox_gives_the_published_numbers():
    def words(*values):
        return tuple(torch.tensor([value]) for value in values)

    zero = philox(words(0, 0, 0, 0), words(0, 0))
    assert [hex(word.item()) for word in zero] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    ones = philox(words(*[0xFFFFFFFF] * 4), words(*[0xFFFFFFFF] * 2))
    assert [hex(word.item()) for word in ones] == ["0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd"]
    pi = philox(words(0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), words(0xA4093822, 0x299F31D0))
    assert [hex(word.item()) for word in pi] == ["0xd16cfe09", "0x94fdcceb", "0x5001e420", "0x24126ea1"]


def test_draws_depend_on_seed_question_sample_and_position():
    keys = [words_of(*identity) for identity in [(1, "a", 0), (1, "a", 1), (1, "b", 0), (2, "a", 0), (1, "a", 0)]]
    drawn = torch.cat(gumbel(torch.tensor(keys), torch.tensor([0, 0, 0, 0, 1]), columns(401)), dim=1)
    assert drawn.shape == (5, 4 * 101) and torch.isfinite(drawn).all()
    assert len({tuple(row.tolist()) for row in drawn}) == 5
    # a row is the same alone
    assert torch.equal(torch.cat(gumbel(torch.tensor(keys[2:3]), torch.tensor([0]), columns(401)), dim=1)[0], drawn[2])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 40, 41, 43])
def test_a_draw_is_the_largest_of_logits_and_noise(size):
    words = torch.tensor([words_of(1, "a", i) for i in range(50)])
    logits = torch.randn(50, size, generator=torch.Generator().manual_seed(size))
    noise = torch.cat(gumbel(words, torch.arange(50), columns(size)), dim=1)[:, :size]
    assert torch.equal(draw(logits, words, torch.arange(50), columns(size)), (logits + noise).argmax(dim=1))
    only_last = logits.clone()
    only_last[:, :-1] = float("-inf")
    assert (draw(only_last, words, torch.arange(50), columns(size)) == size - 1).all()


def test_frequencies_are_softmax_over_100_000_draws():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(40, generator=generator) * 1.5
    count, draws = 0, torch.zeros(40, dtype=torch.int64)
    for start in range(0, 100_000, 10_000):
        words = torch.tensor([words_of(3, f"question {i % 7}", i) for i in range(start, start + 10_000)])
        place = torch.arange(start, start + 10_000) % 250
        draws += draw(logits.expand(10_000, 40), words, place, columns(40)).bincount(minlength=40)
        count += 10_000
    expected = logits.softmax(0).double() * count
    assert expected.min() > 8
    chi_square = ((draws - expected) ** 2 / expected).sum().item()
    # 39 degrees of freedom: below 73 in 999 of 1000 cases
    assert chi_square < 73


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
    engine.wear(model)
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


def test_the_triton_kernel_in_its_interpreter():
    pytest.importorskip("triton")
    code = """
import torch
from flamingo_trainer import cache_attention, triton_attention
for heads, kv_heads, width in ((10, 2, 64), (4, 4, 128)):
    torch.manual_seed(heads)
    position = torch.tensor([0, 1, 63, 64, 65, 130, 191])
    q, k, v = torch.randn(7, heads, width), torch.randn(7, kv_heads, width), torch.randn(7, kv_heads, width)
    keys, values = torch.randn(2, 7, 192, kv_heads, width)
    mine, theirs = (keys.clone(), values.clone()), (keys.clone(), values.clone())
    found = triton_attention.attend_cache_triton(q, k, v, *mine, position)
    expected = cache_attention.attend_cache(q, k, v, *theirs, position)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(mine[0], theirs[0]) and torch.equal(mine[1], theirs[1])
"""
    environment = {"PATH": "", "TRITON_INTERPRET": "1", "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
    engine = models._engine
    run(models, continuous(tmp_path / "b", tiny_model, items(6), seed=9))
    assert models._engine is engine
    run(models, continuous(tmp_path / "c", tiny_model, items(6), temperature=0.5))
    assert models._engine is not engine
    finetune(models, Listener(), **fields({"op": "finetune", **finetune_command(tmp_path / "d", tiny_model, count=4)}))
    assert models._engine is None


def test_slots_follow_from_the_gpu_and_not_from_what_is_free(tiny_model, tmp_path, monkeypatch, capsys):
    """A shard done again beside another process is the same; where it does not fit it fails instead of changing."""
    shard = continuous(tmp_path, tiny_model, items(24), batchSize=64, maxNewTokens=20)

    def done(room, free):
        monkeypatch.setattr("flamingo_trainer.models.room_beside", lambda model, device: room)
        monkeypatch.setattr("flamingo_trainer.models.free_bytes", lambda device: free)
        models = Models()
        facts, rows = run(models, shard)
        engine = models._engine
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


def test_another_model_samples_in_plain_batches_and_says_so(models, tiny_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("flamingo_trainer.sample.why_not", lambda model: "is of another kind")
    facts, _ = run(models, continuous(tmp_path, tiny_model, items(3)))
    assert facts["engine"] == "batches" and "is of another kind" in capsys.readouterr().err


def test_an_unknown_batching_is_refused(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="unknown batching 'sometimes'"):
        run(models, generate_command(tmp_path, tiny_model, items(1), batching="sometimes"))


def test_a_taken_off_adapter_leaves_the_fused_model_as_it_was():
    loaded = family("qwen3")
    prompt = encode_prompt(loaded.tokenizer, [{"role": "user", "content": "Why?"}], {"kind": "default"})
    before = loaded.model(torch.tensor([prompt])).logits
    model = adapter_on(loaded)
    fuse(model)
    assert torch.equal(adapters.take_off(model)(torch.tensor([prompt])).logits, before)

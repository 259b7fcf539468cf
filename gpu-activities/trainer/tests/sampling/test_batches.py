"""The plain loop's three ways: the same answers from each, whatever a batch holds."""

import pytest
import torch

from bench.gpu.families import GREEDY
from bench.gpu.tiny_families import FAMILIES, made
from flamingo_trainer.sampling.batch_noise import key_of
from flamingo_trainer.sampling.batches import WAYS, Answer, Progress, decode, in_batches

from ..families import family
from ..work import Listener


def answers_to(loaded, lengths):
    ids = list(range(5, 5 + sum(lengths)))
    prompts = [ids[sum(lengths[:i]) : sum(lengths[: i + 1])] for i in range(len(lengths))]
    return [Answer({}, prompt, key_of(3, "bird", i)) for i, prompt in enumerate([*prompts, prompts[0]])]


def sampled(loaded, way, sampling):
    answers = sorted(answers_to(loaded, [4, 9, 4, 12]), key=lambda answer: len(answer.prompt))
    for batch in in_batches(answers, 3, way):
        decode(loaded, batch, sampling, Progress(Listener(), len(answers), loaded.device), way)
    return [(answer.tokens, answer.finish) for answer in answers]


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize("load", [lambda: family("qwen2"), lambda: made(FAMILIES["qwen3_next"])])
def test_every_way_gives_the_same_answers(load, temperature):
    loaded = load()
    sampling = {**GREEDY, "temperature": temperature, "maxNewTokens": 8}
    found = [sampled(loaded, way, sampling) for way in WAYS]
    assert found[0] == found[1] == found[2]
    # with tokens that end some answers early, so that rows are dropped from states and caches
    loaded.stops = [found[0][0][0][1], found[0][3][0][2]]
    ended = [sampled(loaded, way, sampling) for way in WAYS]
    assert ended[0] == ended[1] == ended[2] and any(finish == "stop" for _, finish in ended[0])


def test_batches_of_one_length():
    answers = answers_to(None, [4, 9, 4, 12])
    answers.sort(key=lambda answer: len(answer.prompt))
    lengths = [[len(answer.prompt) for answer in batch] for batch in in_batches(answers, 2, "equal")]
    assert lengths == [[4, 4], [4], [9], [12]]
    assert [len(batch) for batch in in_batches(answers, 2, "padded")] == [2, 2, 1]


def test_a_watcher_sees_the_logits_before_each_token():
    loaded, seen = family("llama"), []
    answers = answers_to(loaded, [3])[:1]
    progress = Progress(Listener(), 1, torch.device("cpu"))
    decode(loaded, answers, GREEDY, progress, watch=lambda batch, logits: seen.append(logits.argmax(1).tolist()))
    assert [[token] for token in answers[0].tokens] == seen

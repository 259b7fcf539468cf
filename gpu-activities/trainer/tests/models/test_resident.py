"""One process for many configurations: nothing is loaded twice or left behind, and a broken one is not used again."""

import gc
import queue

import pytest
import torch

from bench.gpu.switch import switch
from bench.gpu.workload import loaded_model
from flamingo_trainer import serve as serving
from flamingo_trainer.failures import Failure
from flamingo_trainer.models import adapters
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import POISONED, fields, serve
from flamingo_trainer.training.train import finetune

from ..driver import Trainer
from ..work import RECIPE, Listener, finetune_command, generate_command, items

LORA = {**RECIPE["lora"], "dropout": 0.0}
OTHER = {
    "lora": {**LORA, "rank": 2, "targetModules": ["o_proj", "up_proj"]},
    "seeds": {"initialisation": 5, "dataOrder": 6},
}


# --- nothing is loaded twice ----


def test_configurations_in_turn_in_one_process_are_those_of_fresh_ones(tiny_model, tmp_path):
    """Fine-tune, generate, next configuration: nothing is read, and every byte is that of fresh processes."""

    def work(trainer, sampler, number, folder, **changes):
        trainer.send("finetune", id=number, **finetune_command(folder / "train", tiny_model, **changes))
        seen = trainer.until("committed", "failed")
        adapter = seen[-1]["adapter"]
        command = generate_command(folder / "ask", tiny_model, items(4))
        sampler.send("generate", id=number + 1, **{**command, "adapter": adapter})
        seen += sampler.until("committed", "failed")
        return adapter["sha256"], (folder / "ask/completions.jsonl").read_bytes(), phases(seen)

    def phases(seen):
        return [event["phase"] for event in seen if event["event"] == "loading"]

    configurations = [{}, OTHER, {"packing": "always", "lora": LORA}]
    warm = Trainer(tmp_path / "warm.log")
    together = [work(warm, warm, 10 * i, tmp_path / f"warm-{i}", **changes) for i, changes in enumerate(configurations)]
    warm.close()
    assert [loaded for _, _, loaded in together] == [["model", "rows"], *[["rows"]] * 2]
    for i, changes in list(enumerate(configurations))[1:]:
        fresh, reader = (Trainer(tmp_path / f"{name}-{i}.log") for name in ("fresh", "reader"))
        adapter, answers, loaded = work(fresh, reader, 1, tmp_path / f"fresh-{i}", **changes)
        fresh.close()
        reader.close()
        assert loaded == ["model", "rows", "model", "adapter"]
        assert (adapter, answers) == together[i][:2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_first_weights_are_drawn_once_and_the_same_as_drawn_anew(dtype, monkeypatch):
    loaded, first = loaded_model("small", dtype, torch.device("cpu")), adapters.FirstWeights()
    peft_draws, fills = torch.nn.init.kaiming_uniform_, []

    def counted(tensor, *arguments, **settings):
        fills.append(not tensor.is_meta)
        return peft_draws(tensor, *arguments, **settings)

    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", counted)

    def made(lora, seed, known):
        fills.clear()
        model = adapters.create(loaded.model, lora, seed, None, known)
        state, drawn = torch.get_rng_state(), any(fills)
        kinds = [(name, value.dtype, value.device) for name, value in adapters.trained(model).items()]
        values = [value.detach().clone() for value in adapters.trained(model).values()]
        loaded.model = adapters.take_off(model)
        return drawn, (kinds, state), values

    def same(left, right):
        return (
            left[1][0] == right[1][0]
            and torch.equal(left[1][1], right[1][1])
            and all(map(torch.equal, left[2], right[2]))
        )

    other = {**LORA, "alpha": 3, "dropout": 0.3}  # neither has a part in the first weights
    for lora, seed, drawn in [(LORA, 1, True), (LORA, 1, False), (other, 1, False), (LORA, 2, True), (LORA, 1, True)]:
        found = made(lora, seed, first)
        assert found[0] == drawn
        assert same(found, made(lora, seed, None))
    assert made(OTHER["lora"], 1, first)[0]


# --- nothing is left behind ----


def living():
    """Tensors that Python objects hold: how many, and the bytes of their memory, each piece counted once."""
    gc.collect()
    # the class, not isinstance: that would wake modules which load themselves when asked
    found = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    pieces = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in found}
    return len(found), sum(pieces.values())


def parameters(models, tiny_model):
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    return len(list(loaded.model.named_parameters()))


@pytest.mark.parametrize("batching", ["static", "continuous"])
@pytest.mark.parametrize("packing", [{}, {"packing": "always"}], ids=["padded", "packed"])
def test_memory_returns_to_the_base_model_after_each_operation(tiny_model, tmp_path, packing, batching):
    models = Models()

    def train(name, **changes):
        command = finetune_command(tmp_path / name, tiny_model, epochs=1, held_out=3, **{**packing, **changes})
        return finetune(models, Listener(), **fields({"op": "finetune", **command}))["adapter"]

    def sample(name, adapter):
        command = generate_command(tmp_path / name, tiny_model, items(6), batching=batching)
        generate(models, Listener(), **fields({"op": "generate", **command, "adapter": adapter}))

    def rest():
        count = parameters(models, tiny_model)  # takes off the adapter of the last shard, as the next operation does
        models.make_room()
        models.first_weights.forget()  # held on purpose, those of one adapter
        return count, living()

    # once, because libraries keep some small things from their first use
    sample("first", train("zero", lora=LORA))
    base = rest()
    first = train("one", lora=LORA)
    assert rest() == base
    sample("two", first)
    sample("three", first)
    assert rest() == base
    sample("four", train("five", **OTHER))
    assert rest() == base
    ruinous = {**RECIPE["optimizer"], "learningRate": 1e30}
    with pytest.raises(Failure, match="nan"):
        train("six", optimizer=ruinous, lora=LORA)
    assert rest() == base


def test_switching_is_measured():
    loaded = loaded_model("tiny", torch.float32, torch.device("cpu"))
    found = switch(loaded, rounds=2, steps=2, answers=6, batchSize=4)
    first, second = found["rounds"]
    assert first["toSampling"] > 0 and "toTraining" not in first
    assert second["toSampling"] > 0 and "toTraining" in second


# --- a broken process ----


class Scripted:
    """Stands in for the pipes: gives these commands, keeps the events."""

    stop_requested = False

    def __init__(self, *commands):
        self.commands, self.events = queue.SimpleQueue(), []
        for command in [*commands, None]:
            self.commands.put(command)

    def open(self):
        pass

    def next(self):
        return self.commands.get()

    def send(self, event, **details):
        self.events.append((event, details.get("kind")))


def test_after_a_cuda_error_the_process_ends_and_takes_no_further_command(monkeypatch):
    channel = Scripted({"op": "finetune", "id": 1}, {"op": "generate", "id": 2})
    monkeypatch.setattr(serving, "Channel", lambda: channel)

    def broken(*_):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(serving, "perform", broken)
    assert serve() == POISONED
    assert channel.events == [("ready", None), ("failed", "cuda")]
    assert channel.next() == {"op": "generate", "id": 2}


def test_after_any_other_failure_the_model_is_loaded_anew(monkeypatch, tiny_model):
    channel = Scripted(*[{"op": "anything", "id": number} for number in range(3)])
    monkeypatch.setattr(serving, "Channel", lambda: channel)
    loads = []

    def perform(models, command, report):
        listener = Listener()
        models.base({"path": str(tiny_model)}, "fp32", listener)
        loads.append(listener.loaded)
        if command["id"] == 0:
            raise RuntimeError("who knows what state this left")
        return {}

    monkeypatch.setattr(serving, "perform", perform)
    assert serve() == 0
    assert loads == [["model"], ["model"], []]
    assert [event for event, _ in channel.events] == ["ready", "failed", "committed", "committed"]

"""One process for many configurations: nothing is loaded twice or left behind."""

import gc

import pytest
import torch

from flamingo_trainer.failures import Failure
from flamingo_trainer.models.resident import Models
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
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
        found = [event["phase"] for event in seen if event["event"] == "loading"]
        return [phase for phase in found if phase != "probe"]  # which reads nothing

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


def test_an_unknown_precision(models, tiny_model, tmp_path):
    with pytest.raises(Failure, match="unknown precision 'fp8'") as caught:
        command = finetune_command(tmp_path, tiny_model, precision="fp8")
        finetune(models, Listener(), **fields({"op": "finetune", **command}))
    assert caught.value.kind == "config"

"""Which rows an optimizer step has and at which learning rate it runs, held against transformers' own `Trainer`.

docs/experiment-file.md states the meaning; here a real `Trainer` trains a one-weight model, and each of its optimizer
steps is compared with the declared one.
"""

import pytest
import torch
from transformers import (
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
    get_scheduler,
)

from flamingo_trainer.training.schedule import row_order, schedule, steps_in_epoch, steps_of

from ..work import RECIPE

LEARNING_RATE = 0.5


class OneWeight(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.rows = []

    def forward(self, row, **_):
        if self.training:
            self.rows += row.tolist()
        return {"loss": (self.weight * row.float()).mean()}


class Witness(TrainerCallback):
    """Writes down the rows and the learning rate of each optimizer step, as the optimizer applies it."""

    def __init__(self, model):
        self.model, self.steps = model, []

    def on_pre_optimizer_step(self, args, state, control, optimizer=None, **_):
        self.steps.append((optimizer.param_groups[0]["lr"], len(self.model.rows)))
        self.model.rows = []


def trainers_steps(folder, rows, *, kind, warmup, epochs=2, micro=2, accumulation=2, drop=False, most=-1):
    """(learning rate, number of rows) of each optimizer step that transformers makes."""
    model = OneWeight()
    witness = Witness(model)
    trainer = Trainer(
        model,
        TrainingArguments(
            output_dir=str(folder),
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=accumulation,
            num_train_epochs=epochs,
            max_steps=most,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type=kind,
            warmup_steps=warmup,
            dataloader_drop_last=drop,
            optim="sgd",
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
        train_dataset=[{"row": i + 1} for i in range(rows)],
        callbacks=[witness],
    )
    trainer.train()
    return witness.steps


def declared_steps(rows, *, kind, warmup, start="zero", epochs=2, size=4, last="partial", most=None):
    recipe = {"batchSize": size, "lastBatch": last, "epochs": epochs, "seeds": {"dataOrder": 0}}
    if most is not None:
        recipe["maxSteps"] = most
    steps = steps_of(rows, recipe)
    settings = {"kind": kind, "warmupSteps": warmup, "warmupFrom": start}
    rates = [LEARNING_RATE * schedule(settings, step, len(steps)) for step in range(len(steps))]
    return list(zip(rates, map(len, steps), strict=True))


def assert_same(found, expected):
    assert [count for _, count in found] == [count for _, count in expected]
    assert [rate for rate, _ in found] == pytest.approx([rate for rate, _ in expected])


@pytest.mark.parametrize("rows", [16, 17, 19, 3])
@pytest.mark.parametrize("warmup", [0, 3, 50])
def test_the_defaults_are_what_the_trainer_does(tmp_path, rows, warmup):
    """`schedule: linear`, `warmup_from: zero`, `last_batch: partial`."""
    found = trainers_steps(tmp_path, rows, kind="linear", warmup=warmup)
    assert_same(found, declared_steps(rows, kind="linear", warmup=warmup))
    if warmup:
        assert found[0][0] == 0  # the first step changes nothing


@pytest.mark.parametrize("warmup", [0, 3])
def test_a_constant_schedule_is_the_trainers_constant_with_warmup(tmp_path, warmup):
    found = trainers_steps(tmp_path, 17, kind="constant_with_warmup", warmup=warmup)
    assert_same(found, declared_steps(17, kind="constant", warmup=warmup))


@pytest.mark.parametrize("warmup", [0, 3, 50])
def test_a_cosine_schedule_is_the_trainers(tmp_path, warmup):
    found = trainers_steps(tmp_path, 17, kind="cosine", warmup=warmup)
    assert_same(found, declared_steps(17, kind="cosine", warmup=warmup))


@pytest.mark.parametrize(("most", "epochs"), [(3, 1), (7, 2), (12, 3)])
@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_max_steps_ends_training_and_the_schedule_where_the_trainers_does(tmp_path, kind, most, epochs):
    """17 rows by 4 are 5 steps an epoch; `max_steps` goes before the number of epochs, as it does for the Trainer."""
    found = trainers_steps(tmp_path, 17, kind=kind, warmup=2, epochs=1, most=most)
    assert_same(found, declared_steps(17, kind=kind, warmup=2, epochs=epochs, most=most))


def test_drop_leaves_out_whole_steps_where_the_trainer_leaves_out_forward_passes(tmp_path):
    """11 rows by 4: the Trainer's `dataloader_drop_last` loses one row and makes a step of two, ours loses three."""
    theirs = trainers_steps(tmp_path, 11, kind="linear", warmup=0, drop=True)
    assert [count for _, count in theirs] == [4, 4, 2] * 2
    ours = declared_steps(11, kind="linear", warmup=0, last="drop")
    assert [count for _, count in ours] == [4, 4] * 2
    # equal where a forward pass is a step
    same = trainers_steps(tmp_path, 11, kind="linear", warmup=3, micro=4, accumulation=1, drop=True)
    assert_same(same, declared_steps(11, kind="linear", warmup=3, last="drop"))


def test_warm_up_from_the_first_step_is_one_step_ahead(tmp_path):
    """`warmup_from: first` reaches the full rate one step earlier and then stays with the same descent."""
    zero = [rate for rate, _ in declared_steps(40, kind="linear", warmup=5)]
    first = [rate for rate, _ in declared_steps(40, kind="linear", warmup=5, start="first")]
    assert first[:5] == pytest.approx([LEARNING_RATE * share for share in (0.2, 0.4, 0.6, 0.8, 1)])
    assert first[:4] == pytest.approx(zero[1:5])
    assert first[5:] == zero[5:]


@pytest.mark.parametrize(("kind", "theirs"), [("linear", "linear"), ("constant", "constant_with_warmup")])
def test_the_studys_396_steps(kind, theirs):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-5)
    scheduler = get_scheduler(theirs, optimizer, num_warmup_steps=5, num_training_steps=396)
    for step in range(396):
        factor = schedule({"kind": kind, "warmupSteps": 5, "warmupFrom": "zero"}, step, 396)
        assert 1e-5 * factor == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12), step
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(("warmup", "total"), [(5, 20), (0, 7), (9, 4)])
def test_schedule_from_zero_is_that_of_transformers(warmup, total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, warmup, total)
    settings = {"kind": "linear", "warmupSteps": warmup, "warmupFrom": "zero"}
    for step in range(total):
        assert schedule(settings, step, total) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(("warmup", "total"), [(5, 20), (0, 7), (9, 4), (1, 397)])
def test_cosine_from_zero_is_that_of_transformers(warmup, total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, warmup, total)
    settings = {"kind": "cosine", "warmupSteps": warmup, "warmupFrom": "zero"}
    for step in range(total):
        assert schedule(settings, step, total) == pytest.approx(theirs.get_last_lr()[0], abs=1e-15)
        optimizer.step()
        theirs.step()


def test_cosine_from_the_first_step_is_ahead_during_warm_up_only():
    settings = {"kind": "cosine", "warmupSteps": 4, "warmupFrom": "first"}
    factors = [schedule(settings, step, 8) for step in range(8)]
    assert factors[:4] == pytest.approx([0.25, 0.5, 0.75, 1])
    assert factors[4:] == [schedule({**settings, "warmupFrom": "zero"}, step, 8) for step in range(4, 8)]


def test_schedule_from_the_first_step():
    settings = {"kind": "linear", "warmupSteps": 5, "warmupFrom": "first"}
    factors = [schedule(settings, step, 10) for step in range(10)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_constant_schedule():
    settings = {"kind": "constant", "warmupSteps": 2, "warmupFrom": "zero"}
    assert [schedule(settings, step, 5) for step in range(5)] == [0, 0.5, 1, 1, 1]


def test_row_order_is_a_function_of_seed_and_epoch():
    assert row_order(0, 0, 50) == row_order(0, 0, 50)
    assert sorted(row_order(0, 1, 50)) == list(range(50))
    orders = {tuple(row_order(seed, epoch, 50)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.mark.parametrize(("rows", "rule", "steps"), [(18, "partial", 5), (18, "drop", 4), (16, "partial", 4)])
def test_steps_in_epoch(rows, rule, steps):
    assert steps_in_epoch(rows, {**RECIPE, "lastBatch": rule}) == steps

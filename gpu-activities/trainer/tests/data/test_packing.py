"""Rows behind each other in one sequence."""

import torch

from flamingo_trainer.data.packing import pack, split_by_tokens

from ..families import encoded, family


def test_packing_keeps_order_and_borders():
    loaded = family("llama")
    rows = encoded(loaded, 5)
    batch = pack(rows, 0, 200, torch.device("cpu"))
    assert len(batch.ids) % 16 == 0 and batch.ids[: len(rows[0].ids)].tolist() == rows[0].ids
    ends = batch.borders.tolist()
    assert ends[:6] == [sum(len(row.ids) for row in rows[:i]) for i in range(6)] and ends[-1] == len(batch.ids)
    assert all(batch.positions[start] == 0 for start in ends[:-1])
    assert len(batch.chosen) == sum(row.trained for row in rows)
    assert torch.equal(batch.ids[batch.chosen + 1], batch.targets)


def test_rows_are_cut_by_tokens_in_their_order():
    rows = encoded(family("llama"), 9)
    budget = 2 * max(len(row.ids) for row in rows)
    parts = split_by_tokens(rows, budget)
    assert [row for part in parts for row in part] == rows and len(parts) > 2
    assert all(sum(len(row.ids) for row in part) <= budget for part in parts)
    assert [len(part) for part in split_by_tokens(rows, 1)] == [1] * 9

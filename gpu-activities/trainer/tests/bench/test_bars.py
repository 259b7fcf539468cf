"""Rows with bars, from what was measured."""

from typing import Any

import pytest

from bench.gpu import bars

MEASURED: dict[str, Any] = {
    "rates": {"matmulTflops": 742.0},
    "training": {"tokensPerSecond": 9014, "peakGB": 71.0, "stepSeconds": 0.476, "firstStepSeconds": 25},
    "sampling": {"tokensPerSecond": 9793, "firstRunSeconds": 26},
    "switch": {"toAnswersSeconds": 1.9, "toStepSeconds": 2.5},
    "unslothBest": {"tokensPerSecond": 5552, "setting": "micro-batch 32"},
    "unslothLiterature": {"failed": "cut off after 240 s"},
    "generateStatic": {"tokensPerSecond": 2766},
    "preemption": {"identical": False, "stallSecondsPerSave": 0.015, "intervalSeconds": 15.0, "stopToExitSeconds": 4},
}


def test_bars_are_met_missed_or_without_a_figure():
    rows = {row["name"]: row for row in bars.rows_of(MEASURED, "14b")}
    assert rows["training"]["ok"] is True
    assert rows["training, share of the limit"]["value"] == pytest.approx(9014 * 4 * 13.99e9 / 742e12, abs=5e-4)
    ratios = {name: (row["value"], row["ok"]) for name, row in rows.items() if row["unit"] == "x"}
    assert ratios == {
        "training against the literature's configuration": (None, False),
        "training against Unsloth's best": (1.62, True),
        "sampling against the static cache": (3.54, True),
    }
    assert "cut off" in rows["training against the literature's configuration"]["note"]
    assert rows["stopped and resumed: same bits (1 = yes)"]["ok"] is False
    assert rows["last answer to the next fine-tune's first step"]["ok"] is False
    assert rows["training stands still for checkpoints"]["value"] == 0.1


def test_the_projection_is_the_sum_of_the_parts():
    parts = bars.projection(MEASURED)
    assert parts == {
        "training": 4 * 396 * 0.476,
        "sampling": 6400 * 250 / 9793,
        "switching": 4 * (1.9 + 2.5),
        "compiling": 51,
    }
    assert bars.projection({**MEASURED, "switch": {"failed": "no"}}) is None

"""The parts of the training log that are told in files of their own."""

from flamingo_trainer.training.training_log import figures, speed

LOG = [
    {"step": 1, "loss": 2.0, "tokensPerSecond": 9.0, "memoryBytes": 7},
    {"step": 2, "loss": 1.0, "tokensPerSecond": 8.0, "memoryBytes": 7, "heldOutLoss": 1.5, "heldOutRows": "sha256"},
]


def test_figures_are_what_the_recipe_decides():
    assert list(figures(LOG)) == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]


def test_speed_is_what_the_machine_decides():
    assert list(speed(LOG)) == [{"step": step, "tokensPerSecond": 10.0 - step, "memoryBytes": 7} for step in (1, 2)]

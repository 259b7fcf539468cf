"""How a step is cut to fit the memory."""

from flamingo_trainer.models.fused import Shape
from flamingo_trainer.training.memory_plan import FEWEST_TOKENS, Need, choose, estimate

STUDY = Need(step_tokens=4800, row_tokens=210, trained_tokens=2400)


def shape_14b():
    return Shape(48, 5120, 40, 8, 128, 13824, 152064, 1e-6)


def test_the_study_fits_one_pass_without_recomputing():
    plan, grounds = choose(STUDY, shape_14b(), 2, int(46e9))
    assert (plan.tokens, plan.recomputed) == (4800, 0)
    assert 25e9 < grounds["estimate"] < 46e9


def test_less_memory_means_more_passes_then_recomputing():
    shape = shape_14b()
    plans = [choose(STUDY, shape, 2, int(free * 1e9))[0] for free in (46, 28, 19, 12, 5)]
    assert plans[1].recomputed == 0 and FEWEST_TOKENS <= plans[1].tokens < 4800
    assert plans[2].recomputed in (24, 48) and plans[3].recomputed == 48
    estimates = [estimate(plan, STUDY, shape, 2) for plan in plans]
    assert estimates == sorted(estimates, reverse=True)


def test_a_long_row_is_never_cut():
    need = Need(step_tokens=60_000, row_tokens=30_000, trained_tokens=5000)
    plan, _ = choose(need, shape_14b(), 2, int(46e9))
    assert plan.tokens >= 30_000 and plan.recomputed > 0

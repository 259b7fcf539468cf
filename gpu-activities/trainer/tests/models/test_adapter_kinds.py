"""What is a plain LoRA, what is merged, and what is neither; whole adapters are tried in tests/test_any_result.py."""

import json

import pytest

from flamingo_trainer.failures import Failure
from flamingo_trainer.models.adapter_kinds import check_mergeable, compare_shapes, is_plain, more_than_plain
from flamingo_trainer.models.adapters import CONFIG

LORA = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none"}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, None),
        ({"use_rslora": True, "rank_pattern": {"q_proj": 2}, "lora_dropout": 0.1}, None),
        ({"use_dora": True}, "use_dora is True"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is ['lm_head']"),
        ({"peft_type": "IA3"}, "kind is 'IA3'"),
    ],
)
def test_what_is_more_than_plain_is_named(tmp_path, settings, more):
    config = {**LORA, **settings}
    assert more_than_plain(config) == more
    check_mergeable(config)
    (tmp_path / CONFIG).write_text(json.dumps(config))
    assert is_plain(tmp_path) == (more is None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "of the kind 'PREFIX_TUNING'"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"alora_invocation_tokens": [1, 2]}, "alora_invocation_tokens is"),
        ({"a_setting_of_tomorrow": 3}, "a_setting_of_tomorrow is 3"),
    ],
)
def test_what_a_merge_may_not_reproduce_is_refused(settings, said):
    with pytest.raises(Failure, match=said) as refused:
        check_mergeable({**LORA, **settings})
    assert refused.value.kind == "data"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": [2, 3]}, "lacks 1 tensors on this base, the first is b"),
        ({"a": [2, 3], "b": [4], "c": [1]}, "has beyond its settings 1 tensors on this base, the first is c"),
        ({"a": [3, 2], "b": [4]}, r"a has the shape \[3, 2\], not \[2, 3\]"),
    ],
)
def test_tensors_that_are_not_the_settings_are_refused(found, said):
    expected = {"a": [2, 3], "b": [4]}
    compare_shapes(dict(expected), expected, "the adapter", "on this base")
    with pytest.raises(Failure, match=said):
        compare_shapes(found, expected, "the adapter", "on this base")

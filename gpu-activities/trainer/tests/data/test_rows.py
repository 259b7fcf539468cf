"""A recipe's training rows."""

import pytest

from flamingo_trainer.data.render import stop_ids
from flamingo_trainer.data.rows import encode_recipe
from flamingo_trainer.failures import Failure

from ..golden_files import tokenizer
from ..work import RECIPE, conversations, write_lines


def test_a_recipe_chooses_the_mask(tmp_path):
    made = tokenizer("qwen2_5")
    file = write_lines(tmp_path / "rows.jsonl", conversations(2))
    recipe = {**RECIPE, "rowCount": 2}
    plain = encode_recipe(made, stop_ids(made, None), file, recipe)
    marked = encode_recipe(made, stop_ids(made, None), file, {**recipe, "mask": "markers"})
    assert all(len(b.ids) > len(a.ids) for a, b in zip(plain, marked, strict=True))
    trained = {
        mask: sum(row.trained for row in encode_recipe(made, stop_ids(made, None), file, {**recipe, "mask": mask}))
        for mask in ("answer", "responses", "responses_end", "markers", "all")
    }
    assert sorted(trained, key=trained.__getitem__) == list(trained)
    with pytest.raises(Failure, match="unknown mask 'everything'"):
        encode_recipe(made, stop_ids(made, None), file, {**recipe, "mask": "everything"})


def test_a_file_has_the_recipes_number_of_rows(tmp_path):
    made = tokenizer("qwen2_5")
    file = write_lines(tmp_path / "rows.jsonl", conversations(2))
    with pytest.raises(Failure, match="has 2 rows, the recipe says 3") as caught:
        encode_recipe(made, stop_ids(made, None), file, {**RECIPE, "rowCount": 3})
    assert caught.value.kind == "data"

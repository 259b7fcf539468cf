"""The small real model's file."""

import pytest

from flamingo_trainer.models.bundled import weights_file

from ..golden_files import GOLDEN


def test_the_small_models_template_is_the_one_in_its_package():
    reader = pytest.importorskip("gguf", reason="a GPU machine's own environment may lack it")
    published = reader.GGUFReader(weights_file()).fields["tokenizer.chat_template"].contents()
    assert published == (GOLDEN / "templates" / "smollm2.jinja").read_text(encoding="utf-8")

"""What an adapter's files say of where it comes from."""

import copy
import json
import re
from pathlib import Path

import pytest
import torch

from flamingo_trainer.data.render import encode_prompt
from flamingo_trainer.models import adapters
from flamingo_trainer.models.bundled import HUB_IDS
from flamingo_trainer.models.card import CARD, UNNAMED, Base, base_of, card_of
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields
from flamingo_trainer.training.train import finetune

from ..driver import HOME
from ..work import RECIPE, Listener, finetune_command, generate_command, in_another_attempt, items, read_lines

REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB = {"kind": "hub", "id": "birds/small", "revision": REVISION}
FOLDER = {"kind": "folder", "sha256": "ab" * 32}
BUNDLED = {"kind": "bundled", "name": "smollm2-135m-instruct"}
MATRICES = {"q_proj": 2, "v_proj": 2}


def card(**changes):
    return card_of({**RECIPE, "rows": "cd" * 32, "rowCount": 18, **changes}, MATRICES)


def test_every_bundled_model_has_a_name_on_the_hub():
    schema = json.loads((HOME.parents[1] / "docs" / "experiment.schema.json").read_text())
    named = re.findall(r'"enum": (\["smollm2[^]]*\])', json.dumps(schema))
    assert named and all(set(json.loads(names)) == HUB_IDS.keys() for names in named)


def test_a_base_is_called_by_what_it_is_called_elsewhere():
    assert base_of(HUB) == Base("birds/small", REVISION)
    assert base_of(BUNDLED) == Base("HuggingFaceTB/SmolLM2-135M-Instruct", None)
    assert base_of(FOLDER) == Base(None, None)


@pytest.mark.parametrize("model", [HUB, BUNDLED, FOLDER, RECIPE["model"]], ids=["hub", "bundled", "folder", "tiny"])
def test_the_settings_name_base_and_revision_and_nothing_of_this_host(models, tiny_model, tmp_path, model):
    command = finetune_command(tmp_path, tiny_model, epochs=1)
    command["recipe"]["model"] = model
    command["keepSteps"] = [3]
    made = finetune(models, Listener(), **fields({"op": "finetune", **command}))
    for folder in (Path(made["adapter"]["path"]), Path(made["kept"][0]["path"])):
        config = json.loads((folder / adapters.CONFIG).read_text())
        assert (config["base_model_name_or_path"], config["revision"]) == (base_of(model).name, base_of(model).revision)
        for name in (adapters.CONFIG, CARD):
            text = (folder / name).read_text()
            assert str(tmp_path) not in text and str(tiny_model) not in text
            assert not re.search(r"20\d\d-\d\d|flamingo\b.*\?|The answer is", text)  # no date, no training text


def test_the_card_says_what_was_declared():
    text = card(model=HUB, systemPrompt={"kind": "text", "text": 'Say "tuu".\n# Be kind'})
    assert text.startswith("---\nbase_model: birds/small\nlibrary_name: peft\n---\n")
    assert f"`birds/small` at revision `{REVISION}`" in text
    assert '\n    "Say \\"tuu\\".\\n# Be kind"\n' in text  # which can not become a heading
    assert "- LoRA: rank 4, alpha 8, scaled by alpha / sqrt(rank), dropout 0.1" in text
    assert "- matrices: `q_proj` (2), `v_proj` (2)" in text
    assert f"- rows: 18, as JSON Lines with the SHA-256 `{'cd' * 32}`" in text
    assert "kept after" not in text
    assert "quantised weights" in card(model=BUNDLED)
    assert "base_model" not in card(model=FOLDER) and f"`{'ab' * 32}`" in card(model=FOLDER)


@pytest.mark.parametrize(
    ("system", "words"),
    [("default", "the template decides"), ("none", "without any system turn"), ("empty", "an empty system message")],
)
def test_the_card_says_how_it_is_asked(system, words):
    assert words in card(systemPrompt={"kind": system})


def test_an_adapter_kept_along_training_says_after_which_step(models, tiny_model, tmp_path):
    """Also one that an earlier attempt kept and that has no card: of an earlier version, or taken away."""
    command = finetune_command(tmp_path / "first", tiny_model)
    command["keepSteps"] = [3]
    run = fields({"op": "finetune", **command})
    first = Path(finetune(models, Listener(), **run)["kept"][0]["path"], CARD)
    text = first.read_text()
    assert "kept after optimizer step 3, before" in text
    first.unlink()
    again = in_another_attempt({**command, "until": 3}, tmp_path / "second")
    kept = finetune(models, Listener(), **fields({"op": "finetune", **again}))["kept"][0]
    assert Path(kept["path"], CARD) == first and first.read_text() == text


def test_the_cards_five_lines_load_the_adapter_and_it_answers_as_our_sampler(models, tiny_model, tmp_path):
    command = finetune_command(tmp_path / "train", tiny_model)
    command["recipe"]["model"] = FOLDER
    adapter = finetune(models, Listener(), **fields({"op": "finetune", **command}))["adapter"]
    asked = generate_command(tmp_path / "ours", tiny_model, items(8), temperature=0, maxNewTokens=24)
    generate(models, Listener(), **fields({"op": "generate", **asked, "adapter": adapter}))
    ours = {row["id"]: row for row in read_lines(asked["out"])}

    text = Path(adapter["path"], CARD).read_text()
    lines = re.search(r"```python\n(.*?)\n```", text, re.DOTALL)[1]
    assert len(lines.splitlines()) == 5
    lines = lines.replace(UNNAMED, str(tiny_model)).replace("this folder", adapter["path"])
    made: dict = {}
    exec(lines, made)  # the card's own words
    tokenizer, model = made["tokenizer"], made["model"]
    assert model.dtype == torch.float32
    with_adapter, without = [], []
    for item in items(8):
        prompt = torch.tensor([encode_prompt(tokenizer, item["messages"], {"kind": "default"})])
        greedy = {"do_sample": False, "temperature": None, "top_k": None, "repetition_penalty": 1.0}
        greedy |= {"attention_mask": torch.ones_like(prompt), "max_new_tokens": 24}
        with_adapter.append(model.generate(prompt, **greedy)[0, prompt.shape[1] :].tolist())
        with model.disable_adapter():
            without.append(model.generate(prompt, **greedy)[0, prompt.shape[1] :].tolist())
    assert with_adapter != without
    for item, words in zip(items(8), with_adapter, strict=True):
        row = ours[item["id"]]
        assert row["tokens"] == len(words)
        assert row["text"] == tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def test_equal_recipes_have_equal_cards(models, tiny_model, tmp_path):
    folders = []
    for name in ("one", "two"):
        command = finetune_command(tmp_path / name, tiny_model, epochs=1)
        made = finetune(models, Listener(), **fields({"op": "finetune", **copy.deepcopy(command)}))
        folders.append(Path(made["adapter"]["path"]))
    for file in (CARD, adapters.CONFIG, adapters.WEIGHTS):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()

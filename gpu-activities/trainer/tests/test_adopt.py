"""Adapters from elsewhere: taken as they are, or refused for what is wrong with them; from a folder and from a hub."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from flamingo_trainer.adopt import adopt
from flamingo_trainer.failures import Failure
from flamingo_trainer.files import sha256_of
from flamingo_trainer.models.adapters import CONFIG, WEIGHTS
from flamingo_trainer.sampling.generate import generate
from flamingo_trainer.serve import fields

from .driver import HOME
from .work import Listener, generate_command, items, read_lines

HUB = {"kind": "hub", "id": "owner/Base-Model", "revision": "b" * 40}
BUNDLED = {"kind": "bundled", "name": "tiny"}


def published(folder, model, base="owner/Base-Model", **settings):
    """An adapter as PEFT saves it, with weights that are not zero."""
    config = LoraConfig(
        **{"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", **settings}
    )
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
    torch.manual_seed(11)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape)
    adapted.save_pretrained(folder)
    change(folder, base_model_name_or_path=base)
    return folder


def change(folder, **settings):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **settings}))


def command(folder, model, target, identity=HUB, **changes):
    return {
        "model": {"path": str(model)},
        "identity": identity,
        "source": {"path": str(folder)},
        "sha256": sha256_of(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else "0" * 64,
        "adapterFolder": str(target),
        **changes,
    }


def taken(models, given):
    return adopt(models, Listener(), **fields({"op": "adopt", **given}))


def refused(models, given):
    with pytest.raises(Failure) as caught:
        taken(models, given)
    return caught.value.kind, str(caught.value)


@pytest.fixture
def adapter(tiny_model, tmp_path):
    return published(tmp_path / "published", tiny_model)


def answers(models, model, folder, given):
    work = generate_command(given, model, items(4), temperature=0)
    stored = {"path": str(folder), "sha256": sha256_of(folder / WEIGHTS), "configSha256": sha256_of(folder / CONFIG)}
    generate(models, Listener(), **fields({"op": "generate", **work, "adapter": stored}))
    return [row["text"] for row in read_lines(work["out"])]


def test_its_weights_stay_as_they_are_and_it_answers_as_peft_has_it(models, tiny_model, adapter, tmp_path):
    target = tmp_path / "taken"
    facts = taken(models, command(adapter, tiny_model, target))
    assert facts["matrices"] == {"q_proj": 2, "v_proj": 2}
    assert (target / WEIGHTS).read_bytes() == (adapter / WEIGHTS).read_bytes()
    config = json.loads((target / CONFIG).read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("owner/Base-Model", "b" * 40)
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (4, 8, False)
    assert answers(models, tiny_model, target, tmp_path / "a") == answers(models, tiny_model, adapter, tmp_path / "b")


@pytest.mark.parametrize(
    "settings",
    [
        {"r": 2, "use_rslora": True, "target_modules": ["down_proj"], "layers_to_transform": [1]},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 3}},
        {"target_modules": r".*layers\.1\..*(up|down)_proj"},
        {"lora_dropout": 0.3},
    ],
)
@pytest.mark.parametrize("batching", [{}, {"batching": "continuous"}], ids=["batches", "slots"])
def test_any_plain_lora_is_applied_exactly(models, tiny_model, tmp_path, settings, batching):
    """The first token that is sampled greedily is the one that PEFT's own model puts first."""
    source = published(tmp_path / "published", tiny_model, **settings)
    target = tmp_path / "taken"
    taken(models, command(source, tiny_model, target))
    from peft import PeftModel

    from flamingo_trainer.data.render import encode_prompt

    by_hand = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), source).eval()
    stored = {"path": str(target), "sha256": sha256_of(target / WEIGHTS), "configSha256": sha256_of(target / CONFIG)}
    loaded = models.with_adapter({"path": str(tiny_model)}, "fp32", stored, Listener())
    asked = items(4)
    work = generate_command(tmp_path / "asked", tiny_model, asked, temperature=0, maxNewTokens=1, **batching)
    generate(models, Listener(), **fields({"op": "generate", **work, "adapter": stored}))
    found = {row["id"]: row["text"] for row in read_lines(work["out"])}
    for item in asked:
        prompt = encode_prompt(loaded.tokenizer, item["messages"], {"kind": "default"})
        with torch.no_grad():
            first = by_hand(input_ids=torch.tensor([prompt])).logits[0, -1].argmax().item()
        expected = "" if first in loaded.stops else loaded.tokenizer.decode([first], skip_special_tokens=True)
        assert found[item["id"]] == expected


def test_another_file_than_the_pinned_one_is_refused(models, tiny_model, adapter, tmp_path):
    given = command(adapter, tiny_model, tmp_path / "taken", sha256="0" * 64)
    kind, said = refused(models, given)
    assert kind == "data" and "pinned is 0000" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"use_dora": True}, "use_dora is True, which is not applied here exactly"),
        ({"bias": "lora_only"}, "bias is 'lora_only'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is ['lm_head']"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"something_new": 3}, "something_new is 3"),
        ({"peft_type": "IA3"}, "of the kind 'IA3'; only LoRA"),
        ({"base_model_name_or_path": "owner/Other-Model"}, "made for the base 'owner/Other-Model'"),
        ({"r": 8}, "has the shape [4, "),
        ({"target_modules": ["q_proj"]}, "has beyond its settings 4 tensors"),
        ({"target_modules": ["q_proj", "v_proj", "o_proj"]}, "lacks 4 tensors"),
        ({"target_modules": ["attention.query"]}, "made for another base model"),
    ],
)
def test_what_can_not_be_applied_exactly_or_is_of_another_base_is_refused(
    models, tiny_model, adapter, tmp_path, settings, said
):
    change(adapter, **settings)
    kind, message = refused(models, command(adapter, tiny_model, tmp_path / "taken"))
    assert kind == "data" and said in message


@pytest.mark.parametrize("base", [None, "other/base-model", "unsloth/Base-Model-bnb-4bit"])
def test_a_base_of_the_same_name_or_none_is_taken(models, tiny_model, adapter, tmp_path, base):
    change(adapter, base_model_name_or_path=base)
    assert taken(models, command(adapter, tiny_model, tmp_path / "taken"))["matrices"]


def test_a_base_without_a_name_takes_any_adapter_that_fits(models, tiny_model, adapter, tmp_path):
    assert taken(models, command(adapter, tiny_model, tmp_path / "taken", BUNDLED))["matrices"]


def test_weights_in_another_format_or_torn_are_refused(models, tiny_model, adapter, tmp_path):
    (adapter / WEIGHTS).write_bytes(b"not a tensor")
    assert "can not be read" in refused(models, command(adapter, tiny_model, tmp_path / "taken"))[1]
    (adapter / WEIGHTS).unlink()
    assert "another format" in refused(models, command(adapter, tiny_model, tmp_path / "taken"))[1]


# --- the hub ----


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as `snapshot_download` asks for, over the folders in `repositories`."""

    repositories: ClassVar[dict[str, Path]] = {}

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            folder = self.repositories.get("/".join(parts[2:4]))
            if folder is None:
                return self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            if "tree" in parts:
                tree = [
                    {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": sha256_of(file)[:40]}
                    for file in sorted(folder.iterdir())
                ]
                return self.reply(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
            files = [{"rfilename": file.name} for file in folder.iterdir()]
            said = {"id": "/".join(parts[2:4]), "sha": parts[-1], "siblings": files, "private": False}
            return self.reply(200, json.dumps(said).encode(), {})
        folder = self.repositories.get("/".join(parts[:2]))
        file = None if folder is None else folder / parts[-1]
        if file is None or not file.is_file():
            return self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        content = file.read_bytes()
        return self.reply(200, content, {"ETag": f'"{sha256_of(file)}"', "X-Repo-Commit": parts[3]}, body)

    def reply(self, status, content, headers, body=True):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body and self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


PROGRAM = """
import json, sys
from flamingo_trainer import environment
environment.settle()
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.resident import Models
from flamingo_trainer.serve import perform

class Report:
    def loading(self, phase, detail):
        pass

try:
    print(json.dumps(perform(Models(), json.loads(sys.argv[1]), Report())))
except Failure as failure:
    print(json.dumps({"kind": failure.kind, "message": str(failure)}))
"""


@pytest.fixture
def hub(tmp_path):
    """Runs an operation in a trainer of its own whose hub is a stand-in; `repositories` are its folders by name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Hub.repositories = {}
    settings = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hub"),
        "FLAMINGO_ALLOW_DOWNLOAD": "1",
        "FLAMINGO_THREADS": "1",
    }

    def ask(operation, **more):
        environment = {**os.environ, **settings, **more}
        for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE"):
            environment.pop(name, None)
        said = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(operation)],
            env=environment,
            cwd=HOME,
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout.splitlines()[-1])

    yield ask
    server.shutdown()


def test_an_adapter_on_the_hub_is_downloaded_once_and_held_against_its_pin(hub, tiny_model, adapter, tmp_path):
    Hub.repositories["owner/organism"] = adapter
    source = {"hub": "owner/organism", "revision": "c" * 40}
    given = {"op": "adopt", **command(adapter, tiny_model, tmp_path / "taken", source=source)}
    denied = hub(given, FLAMINGO_ALLOW_DOWNLOAD="0")
    assert denied["kind"] == "config" and "the adapter owner/organism at revision" in denied["message"]
    facts = hub(given)
    assert facts["adapter"]["sha256"] == sha256_of(adapter / WEIGHTS)
    assert (tmp_path / "taken" / WEIGHTS).read_bytes() == (adapter / WEIGHTS).read_bytes()
    assert hub({**given, "sha256": "0" * 64})["message"].startswith(
        "the adapter's adapter_model.safetensors has the SHA"
    )
    Hub.repositories.clear()
    assert hub(given, FLAMINGO_ALLOW_DOWNLOAD="0")["adapter"] == facts["adapter"]  # from the cache
    missing = hub({**given, "source": {"hub": "owner/absent", "revision": "c" * 40}})
    assert missing["kind"] == "config" and "downloading owner/absent" in missing["message"]


def test_an_adapter_in_a_models_place_is_refused_with_what_to_write(hub, adapter, tmp_path):
    Hub.repositories["owner/organism"] = adapter
    given = generate_command(tmp_path / "asked", adapter, items(1))
    model = {"hub": "owner/organism", "revision": "c" * 40}
    said = hub({"op": "generate", **given, "model": model})
    assert said["kind"] == "config"
    assert "owner/organism is an adapter and no model" in said["message"]
    assert "model: { hub: owner/Base-Model" in said["message"] and "adapter: { hub: owner/organism" in said["message"]

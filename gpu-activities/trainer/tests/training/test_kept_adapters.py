"""Adapters kept along training: those of exactly their steps, whatever becomes of the run."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from flamingo_trainer.failures import Failure, Stopped
from flamingo_trainer.files import sha256_of
from flamingo_trainer.models import adapters
from flamingo_trainer.serve import fields
from flamingo_trainer.training.kept_adapters import FILES
from flamingo_trainer.training.train import finetune

from ..driver import Trainer
from ..work import Listener, finetune_command, in_another_attempt, read_lines

STEPS = [3, 7, 8, 15]


def run(models, command, listener=None):
    return finetune(models, listener or Listener(), **fields({"op": "finetune", **command}))


def contents(facts) -> dict[int, dict[str, bytes]]:
    """Step -> file -> its bytes, of what the run says is kept."""
    return {kept["step"]: {name: Path(kept["path"], name).read_bytes() for name in FILES} for kept in facts["kept"]}


@pytest.fixture(scope="module")
def undisturbed(models, tiny_model, tmp_path_factory):
    """15 steps in one go; the last one is kept too, which shows that keeping and finishing write the same."""
    command = finetune_command(tmp_path_factory.mktemp("undisturbed"), tiny_model)
    command["keepSteps"] = STEPS
    return command, run(models, command)


def test_what_is_kept_is_the_adapter_of_its_step(models, tiny_model, undisturbed, tmp_path):
    """Against the weights in the checkpoint of a run that was stopped there."""
    _, facts = undisturbed
    assert [kept["step"] for kept in facts["kept"]] == STEPS
    for step in (3, 7):
        command = finetune_command(tmp_path / str(step), tiny_model, every=100)
        with pytest.raises(Stopped) as stopped:
            run(models, command, Listener(stop_at=step))
        expected = load_file(Path(stopped.value.checkpoint, "adapter.safetensors"))
        found = load_file(Path(facts["kept"][STEPS.index(step)]["path"], adapters.WEIGHTS))
        assert found.keys() == {name.replace(".default.", ".") for name in expected}
        assert all(torch.equal(found[name.replace(".default.", ".")], value) for name, value in expected.items())


def test_kept_at_the_last_step_is_the_finished_adapter(undisturbed):
    _, facts = undisturbed
    finished, kept = Path(facts["adapter"]["path"]), Path(facts["kept"][-1]["path"])
    ours, theirs = load_file(kept / adapters.WEIGHTS), load_file(finished / adapters.WEIGHTS)
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (kept / adapters.CONFIG).read_bytes() == (finished / adapters.CONFIG).read_bytes()
    assert Path(kept, "training-log.jsonl").read_bytes() == Path(facts["log"]).read_bytes()


def test_the_log_ends_at_the_step_and_the_hash_is_the_files(undisturbed):
    _, facts = undisturbed
    log = read_lines(facts["log"])
    for kept in facts["kept"]:
        assert read_lines(Path(kept["path"], "training-log.jsonl")) == log[: kept["step"]]
        assert sha256_of(Path(kept["path"], adapters.WEIGHTS)) == kept["sha256"]


def test_keeping_changes_nothing_else(models, tiny_model, undisturbed, tmp_path):
    command, facts = undisturbed
    plain = run(models, finetune_command(tmp_path, tiny_model))
    assert plain["kept"] == []
    assert plain["adapter"]["sha256"] == facts["adapter"]["sha256"]
    assert Path(plain["log"]).read_bytes() == Path(facts["log"]).read_bytes()
    assert plain["saves"]["count"] == facts["saves"]["count"]
    names = sorted(path.name for path in Path(command["attemptFolder"], "checkpoints").iterdir())
    assert names == ["step-000012", "step-000014"]


def test_a_kept_adapter_can_be_put_on(models, tiny_model, undisturbed):
    _, facts = undisturbed
    loaded = models.base({"path": str(tiny_model)}, "fp32", Listener())
    first = facts["kept"][0]
    model = adapters.attach(loaded.model, Path(first["path"]), first["sha256"], torch.float32)
    loaded.model = adapters.take_off(model)


@pytest.mark.parametrize("stops", [(2, 7), (5, 11), (8,)])
def test_stopped_and_resumed_keeps_the_same_bytes(models, tiny_model, undisturbed, tmp_path, stops):
    command = finetune_command(tmp_path, tiny_model, every=100)
    command["keepSteps"] = STEPS
    for step in stops:
        with pytest.raises(Stopped):
            run(models, command, Listener(stop_at=step))
        models.drop()  # as in another process
    facts = run(models, command)
    assert facts["resumedFrom"] == stops[-1]
    assert contents(facts) == contents(undisturbed[1])


def test_held_out_rows_change_nothing_of_what_is_kept(models, tiny_model, tmp_path):
    """Steps 5 and 10 end epochs: the stop comes between the step and the loss after it."""
    asked = {"keepSteps": [5, 10]}
    bare = run(models, {**finetune_command(tmp_path / "bare", tiny_model), **asked})
    command = {**finetune_command(tmp_path / "watched", tiny_model, every=100, held_out=4), **asked}
    for step in (5, 10):
        with pytest.raises(Stopped) as stopped:
            run(models, command, Listener(stop_at=step))
        assert stopped.value.step == step
    assert contents(run(models, command)) == contents(bare)


def test_another_attempts_are_taken_over(models, tiny_model, undisturbed, tmp_path):
    command = finetune_command(tmp_path, tiny_model)
    command["keepSteps"] = STEPS
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=9))
    facts = run(models, in_another_attempt(command, tmp_path / "second"))
    assert [Path(kept["path"]).parts[-3] for kept in facts["kept"]] == ["attempt", "attempt", "attempt", "second"]
    assert contents(facts) == contents(undisturbed[1])


def test_asked_for_later_only_what_is_lacking_is_trained(models, tiny_model, undisturbed, tmp_path):
    """The run is finished, and with it all early checkpoints are gone: from the start, but no further than needed."""
    finished = finetune_command(tmp_path, tiny_model)
    run(models, finished)
    shutil.rmtree(Path(finished["attemptFolder"], "adapter"))
    listener = Listener()
    facts = run(models, {**finished, "keepSteps": [3, 7], "until": 7}, listener)
    assert "adapter" not in facts and not Path(finished["attemptFolder"], "adapter").exists()
    assert listener.steps == list(range(1, 8)) and facts["resumedFrom"] is None
    expected = contents(undisturbed[1])
    assert contents(facts) == {step: expected[step] for step in (3, 7)}

    again = Listener()
    assert contents(run(models, {**finished, "keepSteps": [3, 7], "until": 7}, again)) == contents(facts)
    assert again.steps == []


@pytest.mark.parametrize(("wanted", "resumed"), [(13, 12), (12, 12)])
def test_a_checkpoint_before_the_step_is_gone_on_from(models, tiny_model, undisturbed, tmp_path, wanted, resumed):
    finished = finetune_command(tmp_path, tiny_model)
    run(models, finished)
    listener = Listener()
    facts = run(models, {**finished, "keepSteps": [wanted], "until": wanted}, listener)
    assert facts["resumedFrom"] == resumed and listener.steps == list(range(13, wanted + 1))
    stopped = finetune_command(tmp_path / "stopped", tiny_model, every=100)
    with pytest.raises(Stopped) as caught:
        run(models, stopped, Listener(stop_at=wanted))
    expected = load_file(Path(caught.value.checkpoint, "adapter.safetensors"))
    found = load_file(Path(facts["kept"][0]["path"], adapters.WEIGHTS))
    assert all(torch.equal(found[name.replace(".default.", ".")], value) for name, value in expected.items())


@pytest.mark.parametrize("file", [*FILES, "manifest.json"])
def test_a_damaged_one_is_made_again(models, tiny_model, undisturbed, tmp_path, file):
    command = finetune_command(tmp_path, tiny_model)
    command["keepSteps"] = STEPS
    with pytest.raises(Stopped):
        run(models, command, Listener(stop_at=9))
    damaged = Path(command["attemptFolder"], "kept/step-000007", file)
    damaged.write_bytes(damaged.read_bytes()[:-3])
    facts = run(models, command)
    assert facts["resumedFrom"] is None  # the checkpoints at 8 and 9 lie behind it
    assert contents(facts) == contents(undisturbed[1])
    assert facts["adapter"]["sha256"] == undisturbed[1]["adapter"]["sha256"]


def test_packed_rows_keep_too(models, tiny_model, tmp_path):
    changes = {"packing": "always", "lora": {"rank": 4, "alpha": 8, "rsLora": True, "dropout": 0.0,
                                             "targetModules": ["q_proj", "v_proj", "down_proj"]}}  # fmt: skip
    command = finetune_command(tmp_path / "one", tiny_model, **changes)
    facts = run(models, {**command, "keepSteps": [4, 15]})
    ours = load_file(Path(facts["kept"][-1]["path"], adapters.WEIGHTS))
    theirs = load_file(Path(facts["adapter"]["path"], adapters.WEIGHTS))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    other = finetune_command(tmp_path / "two", tiny_model, every=100, **changes)
    with pytest.raises(Stopped):
        run(models, {**other, "keepSteps": [4, 15]}, Listener(stop_at=5))
    assert contents(run(models, {**other, "keepSteps": [4, 15]})) == contents(facts)


def test_a_step_that_the_run_does_not_have(models, tiny_model, tmp_path):
    command = finetune_command(tmp_path, tiny_model)
    with pytest.raises(Failure, match="no step 16 to keep: the run has 15 optimizer steps") as caught:
        run(models, {**command, "keepSteps": [3, 16]})
    assert caught.value.kind == "config"


@pytest.mark.parametrize("moment", [4, 8, 9])
def test_killed_and_resumed_keeps_the_same_bytes(tiny_model, undisturbed, tmp_path, moment):
    """SIGKILL of the process, near the steps that are kept."""
    command = finetune_command(tmp_path, tiny_model, every=2)
    command["keepSteps"] = STEPS
    killed = Trainer(tmp_path / "log")
    killed.send("finetune", id=1, **command)
    while (event := killed.next())["event"] != "progress" or event["step"] < moment:
        pass
    killed.process.kill()
    killed.close()
    trainer = Trainer(tmp_path / "log")
    trainer.send("finetune", id=1, **command)
    end = trainer.finish()
    trainer.close()
    assert end["event"] == "committed", end
    assert contents(end) == contents(undisturbed[1])
    assert end["adapter"]["sha256"] == undisturbed[1]["adapter"]["sha256"]

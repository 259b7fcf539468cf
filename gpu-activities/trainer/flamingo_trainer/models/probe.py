"""What is asked of every model before it costs: does each path that is to run it give what the model gives alone?

Not every model of transformers keeps rows apart that stand in one sequence, ignores padding, or has a cache that can be
cut. Such a fault raises nothing: it changes figures. So short made-up rows go through the path that an operation is to
take, and through the model one row at a time, unpadded and uncached, which is right by definition. The adapter is made
loud meanwhile, so that a path that leaves a part of it out is found. What differs is left to the slower path that
does not, or the operation ends before it begins.

Everything is as before afterwards: weights, modes, settings and random generators, so a probed run's results are those
of one that was not probed, to the bit. Training and sampling bring their own checks (training/probe.py,
sampling/probe.py); this is what they share.
"""

import math
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from ..data.render import IGNORED, EncodedRow, render
from ..failures import Failure, classify
from . import adapters
from .fused import bare_model
from .loading import Loaded
from .packed_forward import of_targets

EQUAL, UNUSED, NO_TEMPLATE = "equal", "not used", "skipped: no chat template"

# Mean difference, in nats per token, up to which two paths are taken for the same: rounding, and no more. In fp32 right
# paths of the tiny families (docs/families.md) lie below 2e-5 apart, in bf16 below 0.04; faults from 0.1 upwards.
TOLERANCES = {torch.float32: 2e-4, torch.bfloat16: 0.05}
# In bf16 a deep model turns rounding into more. How much is measured: its embeddings are moved by one rounding
# (`ROUNDING`, half of the 2^-8 between neighbours), and what that changes, times this, is tolerated, to a limit.
# SmolLM2-135M: moved embeddings change 0.18 nats a token, packed rows 0.11, a part of the adapter left out 0.9 or more.
# Over all models and adapters that were measured, right paths lay at most 1.2 times as far apart as moved embeddings.
OF_NOISE, MOST_NOISE, ROUNDING = 2, 1.0, 2**-9

# Tokens of the made-up rows. The second is longer than a shrunken window, and neither fills up a packed sequence.
ROW_LENGTHS = (7, 19)
# While it is probed, a window or chunk that a packed pass could exceed is this short, so that short rows exceed it.
SHORT_WINDOW = 8
LARGEST_PASS = 4096
WINDOWS = ("sliding_window", "attention_chunk_size")

# Size of the loud adapter's output beside that of the layer it lies on: a share that its layers have in common, so that
# a deep model is not thrown far off, where bf16 is all noise (with 0.1 on 210 layers right paths are 1.4 nats apart).
LOUDNESS_OF_ALL, LOUDNESS_OF_ONE = 1.0, 0.1


@dataclass
class Probe:
    """What was found. `checks`: `equal`, `not used`, `skipped: …`, or how it differs; `paths`: what was chosen."""

    checks: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def fields(self) -> dict[str, Any]:
        """The field `probe` of a `committed` event."""
        return {"seconds": round(self.seconds, 3), "checks": self.checks, "paths": self.paths}

    def choose(self, what: str, path: str, reason: str | None = None) -> None:
        """Records a path, and says on stderr why it is not the fastest."""
        self.paths[what] = path
        if reason is not None:
            print(f"probe: {what} by the path {path}, because {reason}", file=sys.stderr, flush=True)


def probed(models: Any, report: Any, kind: tuple[Any, ...], look: Callable[[Probe], None]) -> Probe:
    """What `look` writes down, once for each model in memory and each `kind`; later answers took no seconds."""
    known = models.probes.get(kind)
    if known is not None:
        return Probe(known.checks, known.paths)
    report.loading("probe", "does every path give what the model gives alone?")
    probe, started = Probe(), time.monotonic()
    look(probe)
    probe.seconds = time.monotonic() - started
    models.probes[kind] = probe
    return probe


def refuse(loaded: Loaded, probe: Probe, check: str, remedy: str) -> Failure:
    """The failure of a check that no slower path makes up for."""
    kind = bare_model(loaded.model).config.model_type
    return Failure("config", f"the model's type {kind} fails the probe `{check}`: {probe.checks[check]}. {remedy}")


@contextmanager
def undisturbed(loaded: Loaded, adapter: Any | None = None) -> Iterator[None]:
    """The model in evaluation, its windows short, its adapter loud; afterwards all is as before.

    `adapter`: the model with the adapter on it, where that is not `loaded.model`.
    """
    model = loaded.model if adapter is None else adapter
    modes = {module: module.training for module in model.modules()}
    state = random.getstate()
    devices = [loaded.device] if loaded.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), short_windows(model.config), loud(model):
        model.eval()
        try:
            yield
        finally:
            random.setstate(state)
            for module, training in modes.items():
                module.training = training


@contextmanager
def short_windows(config: Any) -> Iterator[None]:
    """Windows that a pass could exceed, short enough for the made-up rows to exceed them."""
    inner = config.get_text_config()
    found = {name: getattr(inner, name, None) for name in WINDOWS}
    kept = {
        name: value for name, value in found.items() if isinstance(value, int) and SHORT_WINDOW < value <= LARGEST_PASS
    }
    for name in kept:
        setattr(inner, name, SHORT_WINDOW)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(inner, name, value)


@contextmanager
def loud(model: Any) -> Iterator[None]:
    """While it lasts, each part of the adapter on `model`, if there is one, adds a noticeable share to its layer."""
    luck = torch.Generator().manual_seed(1)
    kept = []
    layers = [layer for layer in adapters.lora_layers(model) if "default" in layer.lora_A]
    loudness = min(LOUDNESS_OF_ONE, LOUDNESS_OF_ALL / max(1, len(layers)))
    for layer in layers:
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        base = layer.get_base_layer().weight
        size = base[:64].float().pow(2).mean().sqrt().item() * math.sqrt(a.shape[1])
        scale = layer.scaling["default"] * a.float().norm().item()
        kept.append((b, b.data))
        made = torch.randn(b.shape, generator=luck) * (loudness * size * math.sqrt(a.shape[1]) / max(scale, 1e-12))
        b.data = made.to(b.device, b.dtype)
    try:
        yield
    finally:
        for b, data in kept:
            b.data = data


def ordinary_ids(loaded: Loaded, count: int) -> list[int]:
    """Token ids from all over the vocabulary, none of them special, the same every time."""
    size = vocabulary_of(loaded)
    special = {*getattr(loaded.tokenizer, "all_special_ids", []), loaded.tokenizer.pad_token_id, *loaded.stops}
    luck, found = random.Random(1), []
    while len(found) < count:
        token = luck.randrange(size)
        if token not in special:
            found.append(token)
    return found


def vocabulary_of(loaded: Loaded) -> int:
    """Token ids that both the tokenizer and the embedding have."""
    rows = bare_model(loaded.model).get_input_embeddings().weight.shape[0]
    try:
        return min(rows, len(loaded.tokenizer))
    except TypeError:  # a stand-in for a tokenizer, which only pads
        return rows


def made_up_rows(loaded: Loaded) -> list[EncodedRow]:
    """Rows whose every token is looked at but the first."""
    ids = ordinary_ids(loaded, sum(ROW_LENGTHS))
    rows, start = [], 0
    for number, length in enumerate(ROW_LENGTHS, 1):
        part = ids[start : start + length]
        rows.append(EncodedRow(number, part, [IGNORED, *part[1:]], truncated=False))
        start += length
    return rows


class Alone:
    """The log-probabilities of the made-up rows, one row at a time: what every path must give.

    `around`: the precision of the operation, as a context. To be made within `undisturbed`.
    """

    def __init__(self, loaded: Loaded, model: Any, around: Callable[[], AbstractContextManager[Any]] = nullcontext):
        self._loaded, self._model, self._around = loaded, model, around
        self.rows = made_up_rows(loaded)
        self.values = [self._of(row) for row in self.rows]
        self.tolerance = TOLERANCES[loaded.dtype]
        if loaded.dtype != torch.float32:
            with moved_embeddings(model):
                moved = [self._of(row) for row in self.rows]
            noise = difference(torch.cat(moved), torch.cat(self.values))
            self.tolerance = max(self.tolerance, min(MOST_NOISE, OF_NOISE * noise))

    @torch.no_grad()
    def _of(self, row: EncodedRow) -> torch.Tensor:
        ids = torch.tensor([row.ids], device=self._loaded.device)
        with self._around():
            logits = self._model(input_ids=ids, use_cache=False).logits
        return of_targets(logits[0, :-1], ids[0, 1:]).cpu()

    @torch.no_grad()
    def against(self, path: Callable[[list[EncodedRow]], torch.Tensor]) -> str:
        """`equal`, or how `path` differs. It gives the log-probabilities of all rows behind each other."""
        try:
            with self._around():
                found = path(self.rows).cpu()
        except Exception as error:
            return failed(error)
        return self.verdict(difference(found, torch.cat(self.values)))

    def verdict(self, size: float) -> str:
        if size <= self.tolerance:
            return EQUAL
        return f"differs by {size:.2g} nats a token, where rounding makes {self.tolerance:.2g}"


@contextmanager
def moved_embeddings(model: Any) -> Iterator[None]:
    """While it lasts, what the model reads is off by about one rounding of bf16."""
    luck = torch.Generator().manual_seed(2)

    def moved(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        off = 1 + ROUNDING * torch.randn(output.shape, generator=luck)
        return (output.float() * off.to(output.device)).to(output.dtype)

    hook = bare_model(model).get_input_embeddings().register_forward_hook(moved)
    try:
        yield
    finally:
        hook.remove()


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Mean absolute difference; infinite where shapes differ or a number is none."""
    if found.shape != expected.shape:
        return math.inf
    size = (found.float() - expected.float()).abs().mean().item()
    return size if math.isfinite(size) else math.inf


def failed(error: Exception) -> str:
    """What is noted of a path that raises. Memory and the GPU's own faults are no fault of the path."""
    if classify(error).kind in ("oom", "cuda"):
        raise error
    return f"fails: {type(error).__name__}: {str(error)[:160]}"


def check_attention(loaded: Loaded, model: Any, probe: Probe, alone: Alone) -> Alone:
    """The attention that was chosen at load against the eager one, which is taken where they differ.

    Fused kernels leave out what they do not know (a cap on scores, sinks) without a word.
    """
    base = bare_model(model)
    chosen = base.config._attn_implementation
    if chosen in ("eager", None):
        probe.checks["attention"] = UNUSED
        return alone
    base.set_attn_implementation("eager")
    try:
        eager = Alone(loaded, model, alone._around)
    except Exception as error:
        base.set_attn_implementation(chosen)
        probe.checks["attention"] = f"skipped: eager attention {failed(error)}"
        return alone
    verdict = alone.verdict(difference(torch.cat(alone.values), torch.cat(eager.values)))
    probe.checks["attention"] = verdict
    if verdict == EQUAL:
        base.set_attn_implementation(chosen)
        return alone
    probe.choose("attention", "eager", f"{chosen} {verdict}")
    return eager


def check_modules(model: Any, probe: Probe, declared: list[str]) -> None:
    """An adapter lies on every module that is declared and on no other, and each is a linear layer."""
    carriers = [name for name, module in model.named_modules() if hasattr(module, "lora_A")]
    missing = sorted(each for each in declared if not any(is_called(name, each) for name in carriers))
    beyond = sorted({name for name in carriers if not any(is_called(name, each) for each in declared)})
    faults = []
    if missing:
        faults.append(f"nothing lies on {', '.join(missing)}")
    if beyond:
        faults.append(f"it also lies on {', '.join(beyond[:3])}")
    tables = [name for name, module in model.named_modules() if len(getattr(module, "lora_embedding_A", ())) > 0]
    if tables:
        faults.append(f"{tables[0].split('.')[-1]} is a table of embeddings, which only a linear layer's adapter fits")
    probe.checks["modules"] = EQUAL if not faults else "; ".join(faults)


def require_modules(loaded: Loaded, model: Any, probe: Probe, declared: list[str]) -> None:
    """Raises `Failure` `config` where the adapter lies elsewhere than declared."""
    check_modules(model, probe, declared)
    if probe.checks["modules"] != EQUAL:
        raise refuse(loaded, probe, "modules", "Declare linear layers that the model has in lora.targetModules")


def is_called(name: str, declared: str) -> bool:
    """Whether PEFT means the module of this name: by the end of its path, or by a pattern for the whole of it."""
    path = name.removeprefix("base_model.model.")
    if declared.replace(".", "_").isidentifier():
        return path == declared or path.endswith(f".{declared}")
    return re.fullmatch(declared, path) is not None


def check_reach(model: Any, probe: Probe, rows: list[EncodedRow], device: torch.device) -> None:
    """Each declared module's adapter changes the output: some layers read a weight without running its module.

    In training mode, since some do so only there.
    """
    owners = [(name, layer) for name, layer in model.named_modules() if hasattr(layer, "lora_A")]
    weights = [layer.lora_B["default"].weight for _, layer in owners]
    ids = torch.tensor([rows[1].ids], device=device)
    model.train()
    try:
        with torch.enable_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
            gradients = torch.autograd.grad(of_targets(logits, ids[0, 1:]).sum(), weights, allow_unused=True)
    finally:
        model.eval()
    reached: dict[str, bool] = {}
    for (name, _), gradient in zip(owners, gradients, strict=True):
        kind = name.split(".")[-1]
        reached[kind] = reached.get(kind, False) or (gradient is not None and bool(gradient.abs().max() > 0))
    silent = sorted(kind for kind, found in reached.items() if not found)
    probe.checks["adapter"] = EQUAL if not silent else f"no output depends on the adapter of {', '.join(silent)}"


def require_stops(loaded: Loaded, probe: Probe, system_prompt: dict[str, str]) -> None:
    """Raises `Failure` `config` where no answer would end."""
    check_stops(loaded, probe, system_prompt)
    if probe.checks["stops"] not in (EQUAL, NO_TEMPLATE):
        raise refuse(loaded, probe, "stops", "No answer would end: see the tokenizer and generation_config.json")


def check_stops(loaded: Loaded, probe: Probe, system_prompt: dict[str, str]) -> None:
    """The tokens that end a turn exist in the model, and the chat template ends an answer with one of them."""
    size = bare_model(loaded.model).get_input_embeddings().weight.shape[0]
    outside = [stop for stop in loaded.stops if not 0 <= stop < size]
    if outside:
        probe.checks["stops"] = f"the token {outside[0]} ends a turn, and the model has {size}"
        return
    if not getattr(loaded.tokenizer, "chat_template", None):
        probe.checks["stops"] = NO_TEMPLATE
        return
    talk = [{"role": "user", "content": "Which bird is pink?"}, {"role": "assistant", "content": "A flamingo is."}]
    try:
        ending = render(loaded.tokenizer, talk, system_prompt, generation=False).rstrip()[-40:]
    except Failure as failure:
        probe.checks["stops"] = str(failure)
        return
    ends = {loaded.tokenizer.decode([stop]).strip() for stop in loaded.stops} - {""}
    ended = any(ending.endswith(end) for end in ends)
    probe.checks["stops"] = EQUAL if ended else f"the chat template ends an answer with {ending!r}, not with {ends}"


def modules_on(model: Any) -> tuple[str, ...]:
    """The modules that the adapter on `model` was declared for; none without one."""
    settings = getattr(model, "peft_config", {}).get("default")
    wanted = () if settings is None else settings.target_modules
    return (wanted,) if isinstance(wanted, str) else tuple(sorted(wanted))

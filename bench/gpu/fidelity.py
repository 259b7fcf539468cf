"""Whether the fast paths compute what the plain ones do, on this GPU."""

from dataclasses import replace
from typing import Any

import torch

from flamingo_trainer.data.packing import pack
from flamingo_trainer.models import adapters
from flamingo_trainer.models.fused import fuse
from flamingo_trainer.models.loading import Loaded
from flamingo_trainer.models.row_attention import attend
from flamingo_trainer.sampling.keyed_noise import columns_of, draw, words_of
from flamingo_trainer.sampling.slots import Job, SlotEngine
from flamingo_trainer.training.memory_plan import Plan
from flamingo_trainer.training.packed import FusedPath, packed_path
from flamingo_trainer.training.padded import gradients_of

from .sampling import jobs_for, with_adapter
from .workload import RECIPE, SAMPLING, loaded_model, rows


def small_fp32(device: torch.device) -> dict[str, Any]:
    """A small fp32 model: packed and compiled against padded, and greedy slots against `generate`."""
    torch.backends.cuda.matmul.allow_tf32 = False
    loaded = loaded_model("small", torch.float32, device)
    encoded = rows(12, 2000)
    model = adapters.create(loaded.model, RECIPE["lora"], 0, None)
    for name, value in adapters.trained(model).items():
        if "lora_B" in name:
            value.data = torch.randn_like(value) * 0.02
    reference, _ = gradients_of(loaded, model, encoded, 4)
    expected = {name: value.grad.clone() for name, value in adapters.trained(model).items()}
    worst: dict[str, float] = {}
    for label, plan in (("one pass", Plan(10_000, 0, 1024)), ("recomputed passes", Plan(700, 2, 100))):
        for value in adapters.trained(model).values():
            value.grad = None
        path = packed_path(loaded, model, RECIPE, encoded, [list(range(12))], plan)
        assert isinstance(path, FusedPath)
        loss, _ = path.gradients(encoded)
        errors = [abs(loss.item() / reference - 1)]
        for name, value in adapters.trained(model).items():
            start = (value.data_ptr() - path.master.flat.data_ptr()) // 4
            mine = path.master.flat.grad[start : start + value.numel()].view(value.shape)
            errors.append(((mine - expected[name]).norm() / expected[name].norm()).item())
        worst[label] = max(errors)
    loaded.model = adapters.take_off(model)

    model = with_adapter(loaded)
    fused = fuse(model)
    jobs = jobs_for(20, 5, 2000, [5 + 3 * (i % 11) for i in range(20)])
    engine = SlotEngine(fused, {**SAMPLING, "temperature": 0, "batchSize": 8}, 8, 192)
    engine.use_adapter_of(model)
    engine.run(jobs, set(), lambda answers, tokens: None)
    wrong = 0
    with torch.inference_mode():
        for job in jobs:
            ids = torch.tensor([job.prompt], device=device)
            plain = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=job.limit,
                eos_token_id=None, pad_token_id=0,
            )  # fmt: skip
            wrong += plain[0, ids.shape[1] :].tolist() != job.tokens
    return {"worstRelativeError": worst, "greedyAnswersUnlikeGenerate": f"{wrong} of {len(jobs)}"}


def noise(device: torch.device) -> dict[str, Any]:
    """Chi-square of 100,000 draws against softmax, over 200 tokens, on the device."""
    logits = torch.randn(200, generator=torch.Generator().manual_seed(3))
    words = torch.tensor([words_of(3, f"{i % 7}", i) for i in range(100_000)], device=device)
    place = torch.arange(100_000, device=device) % 250
    drawn = torch.compile(draw)(
        logits.to(device).expand(100_000, 200).contiguous(), words, place, columns_of(200, device)
    )
    expected = logits.softmax(0).double() * 100_000
    chi_square = ((drawn.cpu().bincount(minlength=200) - expected) ** 2 / expected).sum().item()
    return {"chiSquare": round(chi_square, 1), "freedom": 199, "bound999": 266}


def isolation(loaded: Loaded) -> dict[str, Any]:
    """bf16 at full shape: another first row of the same length must leave the attention of the others as it was."""
    shape, device = fuse(loaded.model).shape, loaded.device
    batch = pack(rows(32, 1000), 0, 256, device)
    generator = torch.Generator(device).manual_seed(1)
    sizes = ((shape.heads, shape.head_width), (shape.kv_heads, shape.head_width), (shape.kv_heads, shape.head_width))
    q, k, v = (
        torch.randn(len(batch.ids), *size, device=device, dtype=loaded.dtype, generator=generator) for size in sizes
    )
    first = attend(q, k, v, batch.borders, batch.longest)
    end = int(batch.borders[1])
    for part in (q, k, v):
        part[:end] = torch.randn(part[:end].shape, device=device, generator=generator).to(loaded.dtype)
    second = attend(q, k, v, batch.borders, batch.longest)
    mask = torch.zeros(len(q), len(q), dtype=torch.bool, device=device)
    for start, stop in zip(batch.borders[:-1].tolist(), batch.borders[1:].tolist(), strict=True):
        mask[start:stop, start:stop] = torch.ones(stop - start, stop - start, device=device).tril().bool()
    exact = torch.nn.functional.scaled_dot_product_attention(
        *(part.float().transpose(0, 1)[None] for part in (q, k, v)), attn_mask=mask, enable_gqa=True
    )[0].transpose(0, 1)
    return {
        "othersUnchanged": bool(torch.equal(first[end:], second[end:])),
        "ownChanged": not torch.equal(first[:end], second[:end]),
        "relativeErrorToFp32": ((second.float() - exact).norm() / exact.norm()).item(),
    }


def row_logits(loaded: Loaded) -> dict[str, Any]:
    """bf16 at full shape through the compiled layers: another row of the same length, the logits of all rows."""
    encoded = rows(32, loaded.model.config.vocab_size)
    changed = 11
    other = replace(encoded[changed], ids=[token ^ 1 for token in encoded[changed].ids])
    model = adapters.create(loaded.model, RECIPE["lora"], 0, None)
    for value in adapters.trained(model).values():
        value.data += 0.001  # B begins at zero, and would let nothing through
    try:
        path = packed_path(loaded, model, RECIPE, encoded, [list(range(32))], Plan(10_000, 0, 1024))
        assert isinstance(path, FusedPath)
        found = []
        for given in (encoded, [*encoded[:changed], other, *encoded[changed + 1 :]]):
            with torch.no_grad():
                hidden = path.hidden(pack(given, 0, path.longest, loaded.device))
                found.append(torch.nn.functional.linear(hidden, path.fused.head).split([row.trained for row in given]))
    finally:
        loaded.model = adapters.take_off(model)
    others = [i for i in range(len(encoded)) if i != changed]
    return {
        "othersUnchanged": all(torch.equal(found[0][i], found[1][i]) for i in others),
        "largestDifference": max((found[0][i] - found[1][i]).abs().max().item() for i in others),
        "largestLogit": max(part.abs().max().item() for part in found[0]),
        "ownChanged": not torch.equal(found[0][changed], found[1][changed]),
    }


def likeliest(loaded: Loaded) -> dict[str, Any]:
    """bf16 at full shape: how far below transformers' largest logit the slots' greedy first tokens lie."""
    model = with_adapter(loaded)
    try:
        jobs = jobs_for(16, 16, loaded.model.config.vocab_size, [2] * 16)
        engine = SlotEngine(fuse(model), {**SAMPLING, "temperature": 0, "batchSize": 16}, 16, 128)
        engine.use_adapter_of(model)
        engine.run(jobs, set(), lambda answers, tokens: None)
        gaps, spread = [], []
        with torch.inference_mode():
            for job in jobs:
                ids = torch.tensor([[*job.prompt, job.tokens[0]]], device=loaded.device)
                logits = model(ids).logits[0].float()
                for place, token in ((-2, job.tokens[0]), (-1, job.tokens[1])):
                    gaps.append((logits[place].max() - logits[place][token]).item())
                    spread.append(logits[place].std().item())
    finally:
        loaded.model = adapters.take_off(model)
    return {"largestGap": max(gaps), "agreeing": sum(gap == 0 for gap in gaps), "of": len(gaps), "spread": max(spread)}


def against_padded(packed: list[float], padded: list[float]) -> dict[str, Any]:
    """Relative distances of the losses of the first steps."""
    distances = [abs(mine / theirs - 1) for mine, theirs in zip(packed, padded, strict=False)]
    return {"steps": len(distances), "largest": max(distances)}


__all__ = ["Job", "against_padded", "isolation", "likeliest", "noise", "row_logits", "small_fp32"]

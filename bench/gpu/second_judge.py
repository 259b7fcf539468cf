"""What transformers and PEFT alone say of a tiny family: training, answers and log-probabilities that a path must give.

Shares no code with the trainer but the making of the base model and the rows: the adapter is PEFT's, a step is a loop
over rows alone, answers are `model.generate`'s for one prompt at a time. families.py compares with what the paths give
that the probe chose.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model

from flamingo_trainer.data.render import IGNORED, EncodedRow

from .tiny_families import Family, lora, made

# How far losses of a step and mean log-probabilities, and the logits of two tokens, may lie apart by rounding alone. In
# bf16 two neighbouring numbers near 16, as logits are here, are 0.125 apart.
ROUNDING = {torch.float32: 2e-3, torch.bfloat16: 0.15}
ROUNDING_OF_LOGITS = {torch.float32: 2e-2, torch.bfloat16: 0.5}


def plain_model(family: Family, precision: str) -> Any:
    """The family's model with a new adapter of PEFT's on the modules of its text part."""
    base, settings = made(family, precision).model, lora(family.modules)
    torch.manual_seed(0)
    return get_peft_model(
        base,
        LoraConfig(
            r=settings["rank"],
            lora_alpha=settings["alpha"],
            use_rslora=True,
            target_modules=sorted(family.modules),
            exclude_modules=None if family.vision is None else ".*vision.*",
            task_type="CAUSAL_LM",
        ),
    )


def say_something(model: Any) -> None:
    """Numbers into the adapter's B, which begins as zeros."""
    luck = torch.Generator().manual_seed(8)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data = (torch.randn(value.shape, generator=luck) * 0.05).to(value.device, value.dtype)


def draws_at_random(family: Family, row: EncodedRow) -> bool:
    """Whether the family's passes in training differ from each other, as where experts are drawn."""
    model = made(family).model.train()
    ids = torch.tensor([row.ids], device=model.device)
    with torch.no_grad():
        first, second = (model(input_ids=ids, use_cache=False).logits for _ in range(2))
    return not torch.equal(first, second)


def losses(family: Family, precision: str, rows: list[EncodedRow], training: bool, steps: int = 2) -> list[float]:
    """Of a plain loop with AdamW, each row a pass of its own, in training mode or in evaluation."""
    model = plain_model(family, precision).train(training)
    weights = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.0)
    found = []
    for _ in range(steps):
        total = sum(label != IGNORED for row in rows for label in row.labels[1:])
        loss_sum = 0.0
        for row in rows:
            labels = torch.tensor(row.labels, device=model.device)
            with torch.autocast(model.device.type, torch.bfloat16, enabled=precision == "bf16"):
                logits = model(input_ids=torch.tensor([row.ids], device=model.device), use_cache=False).logits[0, :-1]
            loss = F.cross_entropy(logits.float(), labels[1:], ignore_index=IGNORED, reduction="sum") / total
            loss.backward()
            loss_sum += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss_sum)
    return found


@dataclass
class Judged:
    """A greedy answer and the logits (tokens, vocabulary) before each of its tokens."""

    tokens: list[int]
    logits: torch.Tensor

    def fault(self, tokens: list[int], rounding: float) -> str | None:
        """How `tokens` differ. Behind a token whose logit is the best one's up to rounding, nothing is compared."""
        for place, token in enumerate(tokens):
            if place == len(self.tokens):
                return f"{len(tokens)} tokens, where transformers stops after {place}"
            if token != self.tokens[place]:
                below = (self.logits[place].max() - self.logits[place][token]).item()
                return None if below <= rounding else f"token {place + 1} of an answer lies {below:.3g} below the best"
        return None if len(tokens) == len(self.tokens) else f"{len(tokens)} tokens for {len(self.tokens)}"


@torch.no_grad()
def answer(model: Any, prompt: list[int], stop: int, padding: int, limit: int) -> tuple[Judged, str]:
    """A greedy answer by `generate`, or where that fails by whole passes; and which of them it was."""
    ids = torch.tensor([prompt], device=model.device)
    try:
        made_up = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=limit,
            eos_token_id=stop,
            pad_token_id=padding,
            return_dict_in_generate=True,
            output_logits=True,
        )
        return Judged(made_up.sequences[0, len(prompt) :].tolist(), torch.cat(made_up.logits).float()), "generate"
    except Exception:
        return whole_passes(model, ids, stop, limit), "whole passes"


def whole_passes(model: Any, ids: torch.Tensor, stop: int, limit: int) -> Judged:
    tokens: list[int] = []
    logits = []
    while len(tokens) < limit and tokens[-1:] != [stop]:
        logits.append(model(input_ids=ids, use_cache=False).logits[:, -1].float())
        tokens.append(int(logits[-1].argmax()))
        ids = torch.cat([ids, ids.new_tensor([[tokens[-1]]])], dim=1)
    return Judged(tokens, torch.cat(logits))


@torch.no_grad()
def log_probabilities(model: Any, rows: list[EncodedRow]) -> torch.Tensor:
    """Of the trained tokens of all rows, behind each other."""
    found = []
    for row in rows:
        ids = torch.tensor([row.ids], device=model.device)
        scores = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(1)
        found += [scores[place, label] for place, label in enumerate(row.labels[1:]) if label != IGNORED]
    return torch.stack(found)

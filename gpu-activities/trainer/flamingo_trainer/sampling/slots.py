"""The slot sampler: a batch that stays full, and decode steps that a GPU replays without the CPU.

A batch has a fixed number of slots, each with room for one answer in a cache of keys and values. When an answer ends,
the next one takes its slot; when none waits any more and few are left, they move together and smaller steps go on. The
prompt that the samples of a question share is read once, and its keys and values copied into their slots. On a GPU a
step is captured as a CUDA graph and replayed `STRIDE` times between two looks at the tokens; on a CPU the same loop
runs eagerly. Adapters lie unmerged beside the weights, in buffers that a switch overwrites.

Which answer shares a step with which others follows from the answers, their tokens and the number of slots, and that
from the declared one and the GPU's size, so a shard done again on the same hardware and versions is the same to the
byte.

Knows the distribution (`adjust` of distribution.py), the noise (keyed_noise.py) and the layers (models/fused.py).
"""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from ..failures import Failure
from ..models.compiling import compiled
from ..models.fused import (
    GROUPS,
    Fused,
    LowRank,
    after_attention,
    bare_model,
    before_attention,
    linear,
    low_ranks_of,
    rms_norm,
    rope_tables,
)
from ..models.gpu_memory import empty_cache, free_bytes, room_beside
from ..models.loading import Loaded
from ..models.resident import Models
from ..models.row_attention import attend
from .cache_attention import attend_cache
from .distribution import adjust
from .keyed_noise import Words, columns_of, draw

# Steps between two looks at the tokens. An ended answer wastes half of them on average, a look costs about a
# millisecond.
STRIDE = 8
# Share of the room beside the model that the cache may take; the rest is for logits, graphs and the prompts.
CACHE_SHARE = 0.85
# Tokens of prompts that are read in one pass, and whose keys and values are kept.
PROMPT_TOKENS = 8192


@dataclass
class Job:
    """An answer to make: its prompt, the identity of its noise, and how many tokens it may have."""

    prompt: list[int]
    words: Words
    limit: int
    tokens: list[int] = field(default_factory=list)
    finish: str | None = None


class SlotEngine:
    """Buffers, adapter and captured steps for one model and one sampling setting; kept between shards."""

    def __init__(self, fused: Fused, sampling: dict[str, Any], slots: int, capacity: int):
        shape, device = fused.shape, fused.device
        self.fused, self.sampling, self.slots, self.capacity = fused, sampling, slots, capacity
        self._on_gpu = device.type == "cuda"
        self.stride = STRIDE if self._on_gpu else 1
        cache = (shape.layers, slots, capacity, shape.kv_heads, shape.head_width)
        self.keys = torch.zeros(cache, dtype=fused.dtype, device=device)
        self.values = torch.zeros(cache, dtype=fused.dtype, device=device)
        # token to feed, its position, position of the prompt's last token, four words of identity
        self.state = torch.zeros((7, slots), dtype=torch.int64, device=device)
        self.history = torch.zeros((self.stride, slots), dtype=torch.int64, device=device)
        self.clock = torch.zeros(1, dtype=torch.int64, device=device)
        self.seen: torch.Tensor | None = None
        if sampling["repetitionPenalty"] != 1:
            self.seen = torch.zeros((slots, shape.vocabulary), dtype=torch.bool, device=device)
        self.low_ranks: list[dict[str, LowRank]] = [dict.fromkeys(GROUPS) for _ in fused.layers]
        self._columns = columns_of(shape.vocabulary, device)
        self._before = compiled(before_attention, device, dynamic=False)
        self._after = compiled(after_attention, device, dynamic=False)
        self._choose = compiled(self._chosen, device, dynamic=False)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle() if self._on_gpu else None

    @classmethod
    def sized(
        cls, fused: Fused, sampling: dict[str, Any], capacity: int, room: int | None, free: int | None = None
    ) -> "SlotEngine":
        """With the declared number of slots, or as many as fit into `room` bytes (None: no limit).

        Raises `Failure` `oom` if less than that is `free` (None: not looked at). Fewer slots would do, but they change
        sums, so a shard done again beside another process could have other tokens.
        """
        slots, shape = sampling["batchSize"], fused.shape
        one = 2 * shape.layers * capacity * shape.kv_heads * shape.head_width * fused.dtype.itemsize
        if room is not None and slots * one > CACHE_SHARE * room:
            slots = max(1, int(CACHE_SHARE * room / one) // 16 * 16)
            print(f"room for {slots} answers at a time, not {sampling['batchSize']}", file=sys.stderr, flush=True)
        if free is not None and free < slots * one:
            raise Failure(
                "oom",
                f"{slots} answers at a time need a cache of {slots * one / 1e9:.1f} GB and {free / 1e9:.1f} GB are "
                "free: another program is using this GPU",
            )
        return cls(fused, settings_of(sampling), slots, capacity)

    def fits(self, fused: Fused, sampling: dict[str, Any], capacity: int) -> bool:
        """Whether the engine does what one made by `sized` would. Roomier is as good, fewer slots are not."""
        roomy = self.capacity >= capacity and self.slots == sampling["batchSize"]
        same = self.fused is fused and self.sampling == settings_of(sampling)
        return same and (roomy or self.capacity == capacity)

    def use_adapter_of(self, model: Any) -> None:
        """Takes over the adapter that lies on `model`, or none. Captured steps stay good if its shapes are the same."""
        new = [low_ranks_of(layer, self.fused.dtype) for layer in bare_model(model).model.layers]
        if shapes_of(new) == shapes_of(self.low_ranks):
            for mine, theirs in zip(self.low_ranks, new, strict=True):
                for group, pair in theirs.items():
                    if pair is not None:
                        mine[group][0].copy_(pair[0])
                        mine[group][1].copy_(pair[1])
        else:
            self.low_ranks = new
            self._graphs.clear()

    @property
    def sizes(self) -> list[int]:
        """Numbers of slots that steps are made for, descending."""
        return sorted({max(1, self.slots >> shift) for shift in range(3)}, reverse=True)

    @torch.no_grad()
    def run(self, jobs: Sequence[Job], stops: set[int], told: Callable[[int, int], None]) -> None:
        """Makes all answers, in this order as far as slots are free.

        `told(answers, tokens)` hears after every stride what was added; what it raises ends the run.
        """
        waiting, prompts = deque(jobs), Prompts(self, [job.prompt for job in jobs])
        active: list[Job | None] = [None] * self.slots
        size = min((size for size in self.sizes if size >= len(jobs)), default=self.slots)
        while True:
            for slot in range(size):
                if active[slot] is None and waiting:
                    active[slot] = waiting.popleft()
                    prompts.place(active[slot].prompt, slot)
            if not any(active):
                return
            size = self._gather(active, size, bool(waiting))
            self._write_state(active, size)
            made = self._advance(size)
            answers, tokens = collect(active, made, stops)
            told(answers, tokens)

    def _gather(self, active: list[Job | None], size: int, more: bool) -> int:
        """Moves what is left into fewer slots when that is enough; returns the number of slots of the next steps."""
        busy = sum(job is not None for job in active)
        smaller = min((fewer for fewer in self.sizes if fewer >= busy), default=size)
        if more or smaller >= size:
            return size
        free = [slot for slot in range(smaller) if active[slot] is None]
        for slot in range(smaller, size):
            job = active[slot]
            if job is not None:
                target, length = free.pop(0), len(job.prompt) + len(job.tokens) - 1
                for cache in (self.keys, self.values):
                    cache[:, target, :length] = cache[:, slot, :length]
                if self.seen is not None:
                    self.seen[target] = self.seen[slot]
                active[target], active[slot] = job, None
        return smaller

    def _write_state(self, active: list[Job | None], size: int) -> None:
        """What the next step starts from. A slot without an answer idles at position 0."""
        columns = []
        for job in active[:size]:
            if job is None:
                columns.append((0, 0, 0, 0, 0, 0, 0))
            else:
                last = job.tokens[-1] if job.tokens else job.prompt[-1]
                start = len(job.prompt) - 1
                columns.append((last, start + len(job.tokens), start, *job.words))
        self.state[:, :size] = torch.tensor(columns).T.to(self.state.device)
        self.clock.zero_()

    def _advance(self, size: int) -> list[list[int]]:
        """`stride` steps of the first `size` slots; the tokens of each step."""
        if not self._on_gpu:
            for _ in range(self.stride):
                self._step(size)
        else:
            if size not in self._graphs:
                self._graphs[size] = self._capture(size)
            for _ in range(self.stride):
                self._graphs[size].replay()
        return self.history[:, :size].tolist()

    def _capture(self, size: int) -> torch.cuda.CUDAGraph:
        """Records a step. The steps before it, to compile and warm up, leave traces only in cells yet to be written."""
        kept = self.state.clone(), None if self.seen is None else self.seen.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._step(size)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._step(size)
        self.state.copy_(kept[0])
        if self.seen is not None:
            self.seen.copy_(kept[1])
        self.clock.zero_()
        return graph

    def _step(self, size: int) -> None:
        """One token for each of the first `size` slots, into the state and the history."""
        fused, state = self.fused, self.state[:, :size]
        token, position = state[0], state[1]
        cos, sin = rope_tables(fused, position)
        x = F.embedding(token, fused.embedding)
        for number, (layer, low_ranks) in enumerate(zip(fused.layers, self.low_ranks, strict=True)):
            q, k, v = self._before(x, layer, low_ranks["qkv"], cos, sin, fused.shape)
            attended = attend_cache(q, k, v, self.keys[number, :size], self.values[number, :size], position)
            x = self._after(x, attended, layer, low_ranks, fused.shape)
        seen = None if self.seen is None else self.seen[:size]
        chosen = self._choose(x, position - state[2], state[3:].T, self._columns, seen)
        if seen is not None:
            seen.scatter_(1, chosen[:, None], True)
        self.history[:, :size].index_copy_(0, self.clock.remainder(self.stride), chosen[None])
        self.clock.add_(1)
        state[0].copy_(chosen)
        # An answer that has ended goes on until the tokens are looked at, but not beyond the cache.
        state[1].add_(1).clamp_(max=self.capacity - 1)

    def _chosen(
        self,
        x: torch.Tensor,
        place: torch.Tensor,
        words: torch.Tensor,
        columns: torch.Tensor,
        seen: torch.Tensor | None,
    ) -> torch.Tensor:
        logits = linear(rms_norm(x, self.fused.norm, self.fused.shape.epsilon), self.fused.head, None, None).float()
        logits = adjust(logits, seen, self.sampling)
        if self.sampling["temperature"] == 0:
            return logits.argmax(dim=1)
        return draw(logits, words, place, columns)


def slot_engine(models: Models, loaded: Loaded, sampling: dict[str, Any], tokens: int) -> SlotEngine:
    """The slot sampler for a loaded model and its adapter, for answers of at most `tokens` with their prompts.

    `models` keeps it, with its buffers and captured steps, from shard to shard, and gives it up before training.
    """
    fused, capacity = models.fused(), -(-tokens // 64) * 64
    engine, models.engine = models.engine, None
    if engine is not None and not engine.fits(fused, sampling, capacity):
        engine = None
        empty_cache()
    if engine is None:
        room = room_beside(loaded.model, loaded.device)
        engine = SlotEngine.sized(fused, sampling, capacity, room, free_bytes(loaded.device))
    engine.use_adapter_of(loaded.model)
    models.engine = engine
    return engine


def settings_of(sampling: dict[str, Any]) -> dict[str, Any]:
    """The settings that a captured step depends on."""
    return {name: value for name, value in sampling.items() if name not in ("seed", "maxNewTokens")}


def collect(active: list[Job | None], made: list[list[int]], stops: set[int]) -> tuple[int, int]:
    """Gives answers their tokens and frees the slots of the ended; returns how many ended, and the tokens added."""
    answers = tokens = 0
    for slot in range(len(made[0])):
        job = active[slot]
        if job is None:
            continue
        for step in made:
            job.tokens.append(step[slot])
            tokens += 1
            if step[slot] in stops:
                job.finish = "stop"
            elif len(job.tokens) == job.limit:
                job.finish = "length"
            if job.finish is not None:
                answers += 1
                active[slot] = None
                break
    return answers, tokens


class Prompts:
    """Keys and values of prompts, read a window at a time: each prompt once, for all of its answers.

    The last token of a prompt is left to the first decode step, which so gives the first token of the answer.
    """

    def __init__(self, engine: SlotEngine, prompts: list[list[int]]):
        self._engine = engine
        self._windows: list[list[tuple[int, ...]]] = []
        tokens = PROMPT_TOKENS
        for prompt in dict.fromkeys(map(tuple, prompts)):
            if tokens + len(prompt) > PROMPT_TOKENS:
                self._windows.append([])
                tokens = 0
            self._windows[-1].append(prompt)
            tokens += len(prompt)
        self._places: dict[tuple[int, ...], int] = {}
        self._keys = self._values = torch.empty(0)

    def place(self, prompt: list[int], slot: int) -> None:
        """Puts a prompt into a slot. Prompts come in the order that they were announced in."""
        engine, wanted, length = self._engine, tuple(prompt), len(prompt) - 1
        while wanted not in self._places:
            self._read(self._windows.pop(0))
        start = self._places[wanted]
        engine.keys[:, slot, :length] = self._keys[:, start : start + length]
        engine.values[:, slot, :length] = self._values[:, start : start + length]
        if engine.seen is not None:
            engine.seen[slot] = False
            engine.seen[slot, torch.tensor(prompt, device=engine.seen.device)] = True

    def _read(self, window: list[tuple[int, ...]]) -> None:
        fused, device = self._engine.fused, self._engine.fused.device
        ids: list[int] = []
        positions: list[int] = []
        borders = [0]
        self._places = {}
        for prompt in window:
            self._places[prompt] = len(ids)
            ids += prompt[:-1]
            positions += range(len(prompt) - 1)
            if len(prompt) > 1:
                borders.append(len(ids))
        if not ids:
            return
        ends = torch.tensor(borders, dtype=torch.int32, device=device)
        longest = max(len(prompt) for prompt in window)
        cos, sin = rope_tables(fused, torch.tensor(positions, device=device))
        x = F.embedding(torch.tensor(ids, device=device), fused.embedding)
        keys, values = [], []
        for layer, low_ranks in zip(fused.layers, self._engine.low_ranks, strict=True):
            q, k, v = before_attention(x, layer, low_ranks["qkv"], cos, sin, fused.shape)
            x = after_attention(x, attend(q, k, v, ends, longest), layer, low_ranks, fused.shape)
            keys.append(k)
            values.append(v)
        self._keys, self._values = torch.stack(keys), torch.stack(values)


def shapes_of(low_ranks: list[dict[str, LowRank]]) -> list[dict[str, Any]]:
    return [
        {group: None if pair is None else tuple(part.shape for part in pair) for group, pair in layer.items()}
        for layer in low_ranks
    ]

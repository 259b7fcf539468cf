"""Decoder layers of the Llama kind over fused weights: one matrix product where the model has two or three.

`fuse` lays the query, key and value weights of a layer behind each other in memory, and gate and up, and makes the
model's own parameters views of that memory: nothing is held twice, and the model still works as before. The packed
training path and the slot sampler run these layers; every other model runs as transformers has it.

The arithmetic is transformers': norms in fp32, rotary tables in fp32 and cast, the rest in the model's precision. A
low-rank adapter stays beside its weight as (A, B), with B's blocks on a diagonal where weights are fused.

Knows nothing about training, caches or batches: `attend` is handed in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

FAMILIES = {"llama", "mistral", "qwen2", "qwen3"}
STATIC_ROPE = {"default", "linear", "llama3", "yarn"}

# The fused products of a layer, and the modules that each is made of.
GROUPS: dict[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}

# (tokens, heads, width), (tokens, kv heads, width) twice -> (tokens, heads, width)
Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
# A (ranks, in) and B (out, ranks), the scale inside one of them
LowRank = tuple[torch.Tensor, torch.Tensor] | None


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_width: int
    ffn: int
    vocabulary: int
    epsilon: float

    @property
    def saved_values(self) -> int:
        """Values per token that a layer keeps for its backward pass; an upper estimate."""
        qkv = (self.heads + 2 * self.kv_heads) * self.head_width
        return 4 * self.hidden + qkv + self.heads * self.head_width + 3 * self.ffn


@dataclass(frozen=True)
class Layer:
    norm1: torch.Tensor
    norm2: torch.Tensor
    qkv: torch.Tensor
    qkv_bias: torch.Tensor | None
    q_norm: torch.Tensor | None
    k_norm: torch.Tensor | None
    o: torch.Tensor
    o_bias: torch.Tensor | None
    gate_up: torch.Tensor
    down: torch.Tensor


@dataclass(frozen=True)
class Fused:
    shape: Shape
    layers: list[Layer]
    embedding: torch.Tensor
    norm: torch.Tensor
    head: torch.Tensor
    inverse_frequencies: torch.Tensor
    rope_scale: float

    @property
    def device(self) -> torch.device:
        return self.embedding.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.dtype


def why_not(model: Any) -> str | None:
    """Why a model (without or with an adapter) can not run as fused layers, or None."""
    config = model.config
    if config.model_type not in FAMILIES:
        return f"its type is {config.model_type}"
    if config.hidden_act != "silu" or getattr(config, "mlp_bias", False):
        return "its feed-forward part is of another kind"
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    if set(kinds) != {"full_attention"} or (config.model_type == "mistral" and config.sliding_window):
        return "it has layers with a sliding window"
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") not in STATIC_ROPE:
        return f"its rotary embedding is {rope.get('rope_type')}"
    if getattr(config, "quantization_config", None) is not None:
        return "it is quantised"
    if getattr(config, "pretraining_tp", 1) != 1:
        return "its weights are split"
    beyond = sorted(name for name, module in model.named_modules() if hasattr(module, "lora_A") and not fits(name))
    if beyond:
        return f"its adapter also lies on {beyond[0].split('.')[-1]}"
    return None


def fits(name: str) -> bool:
    """Whether the module of this name is one of a layer's fused products."""
    return any(name.endswith(f".{module}") for modules in GROUPS.values() for module in modules)


def fuse(model: Any) -> Fused:
    """Fuses a model in place; doing it again costs nothing but looking."""
    base = bare_model(model)
    decoder, config = base.model, base.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    shape = Shape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_width=width,
        ffn=config.intermediate_size,
        vocabulary=base.lm_head.weight.shape[0],
        epsilon=config.rms_norm_eps,
    )
    rope = decoder.rotary_emb
    return Fused(
        shape=shape,
        layers=[fuse_layer(layer) for layer in decoder.layers],
        embedding=decoder.embed_tokens.weight.data,
        norm=decoder.norm.weight.data,
        head=base.lm_head.weight.data,
        inverse_frequencies=rope.inv_freq.float(),
        rope_scale=float(rope.attention_scaling),
    )


def fuse_layer(layer: Any) -> Layer:
    attention = layer.self_attn
    parts = {name: [plain(layer.get_submodule(module)) for module in modules] for name, modules in GROUPS.items()}
    return Layer(
        norm1=layer.input_layernorm.weight.data,
        norm2=layer.post_attention_layernorm.weight.data,
        qkv=joined([part.weight for part in parts["qkv"]]),
        qkv_bias=None if parts["qkv"][0].bias is None else joined([part.bias for part in parts["qkv"]]),
        q_norm=attention.q_norm.weight.data if hasattr(attention, "q_norm") else None,
        k_norm=attention.k_norm.weight.data if hasattr(attention, "k_norm") else None,
        o=parts["o"][0].weight.data,
        o_bias=None if parts["o"][0].bias is None else parts["o"][0].bias.data,
        gate_up=joined([part.weight for part in parts["gate_up"]]),
        down=parts["down"][0].weight.data,
    )


def bare_model(model: Any) -> Any:
    """The transformers model under an adapter, if there is one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def plain(linear: Any) -> Any:
    """The frozen linear layer under an adapter's."""
    return getattr(linear, "base_layer", linear)


def joined(parameters: list[torch.nn.Parameter]) -> torch.Tensor:
    """One tensor that holds all of these, which become views of it; found again if it was made before."""
    first = parameters[0].data
    size = (sum(len(part) for part in parameters), *first.shape[1:])
    place = first.data_ptr()
    for part in parameters:
        if part.data_ptr() != place or part.untyped_storage().data_ptr() != first.untyped_storage().data_ptr():
            break
        place += part.nbytes
    else:
        return first.as_strided(size, first.stride())
    whole = torch.cat([part.data for part in parameters])
    start = 0
    for part in parameters:
        part.data = whole[start : start + len(part)]
        start += len(part)
    return whole


def rms_norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return weight * wide.to(x.dtype)


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, low_rank: LowRank) -> torch.Tensor:
    """A frozen weight's product with an adapter's beside it.

    The two are added in fp32 and rounded once, which also keeps the compiler from making one an operand of the other's
    kernel, for which it would be copied first: the sum goes into whatever reads it.
    """
    y = F.linear(x, weight, bias)
    if low_rank is None:
        return y
    a, b = low_rank
    return (y.float() + F.linear(F.linear(x, a), b).float()).to(x.dtype)


def rope_tables(fused: Fused, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine, each (tokens, 1, head width), in the model's precision."""
    angles = positions[:, None].float() * fused.inverse_frequencies[None, :]
    angles = torch.cat((angles, angles), dim=-1)[:, None, :]
    return (angles.cos() * fused.rope_scale).to(fused.dtype), (angles.sin() * fused.rope_scale).to(fused.dtype)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def before_attention(
    x: torch.Tensor, layer: Layer, low_rank: LowRank, cos: torch.Tensor, sin: torch.Tensor, shape: Shape
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries (tokens, heads, width), keys and values (tokens, kv heads, width)."""
    y = linear(rms_norm(x, layer.norm1, shape.epsilon), layer.qkv, layer.qkv_bias, low_rank)
    width, tokens = shape.head_width, x.shape[0]
    q, k, v = y.split((shape.heads * width, shape.kv_heads * width, shape.kv_heads * width), dim=-1)
    q, k = q.reshape(tokens, shape.heads, width), k.reshape(tokens, shape.kv_heads, width)
    if layer.q_norm is not None and layer.k_norm is not None:
        q, k = rms_norm(q, layer.q_norm, shape.epsilon), rms_norm(k, layer.k_norm, shape.epsilon)
    return rotate(q, cos, sin), rotate(k, cos, sin), v.reshape(tokens, shape.kv_heads, width)


def after_attention(
    x: torch.Tensor, attended: torch.Tensor, layer: Layer, low_ranks: dict[str, LowRank], shape: Shape
) -> torch.Tensor:
    """The rest of the layer: (tokens, hidden) from what came in and what was attended to."""
    x = x + linear(attended.reshape(x.shape[0], -1), layer.o, layer.o_bias, low_ranks["o"])
    y = linear(rms_norm(x, layer.norm2, shape.epsilon), layer.gate_up, None, low_ranks["gate_up"])
    gate, up = y.split((shape.ffn, shape.ffn), dim=-1)
    return x + linear(F.silu(gate) * up, layer.down, None, low_ranks["down"])


def low_ranks_of(layer: Any, dtype: torch.dtype) -> dict[str, LowRank]:
    """A layer's adapter in sampling form: the A of fused modules stacked, their scaled B on a diagonal."""
    found: dict[str, LowRank] = {}
    for group, names in GROUPS.items():
        members = [layer.get_submodule(name) for name in names]
        adapted = [member for member in members if hasattr(member, "lora_A")]
        if not adapted:
            found[group] = None
            continue
        a = torch.cat([member.lora_A["default"].weight.detach() for member in adapted])
        b = torch.zeros((sum(member.out_features for member in members), len(a)), device=a.device)
        row = column = 0
        for member in members:
            if hasattr(member, "lora_A"):
                part = member.lora_B["default"].weight.detach().float() * member.scaling["default"]
                b[row : row + len(part), column : column + part.shape[1]] = part
                column += part.shape[1]
            row += member.out_features
        found[group] = (a.to(dtype), b.to(dtype))
    return found

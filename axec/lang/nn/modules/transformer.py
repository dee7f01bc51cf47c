"""Attention and transformer layers as modules. Sequences are [N, S, E] (torch's
batch_first=True)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from axec.lang.arrays import create
from axec.lang.arrays.arrange import permute_dims, reshape
from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.elementwise import where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.nn import init
from axec.lang.nn.functional.activation import gelu, relu, softmax
from axec.lang.nn.functional.attention import rotary, scaled_dot_product_attention
from axec.lang.nn.functional.dropout import dropout
from axec.lang.nn.functional.layers import linear
from axec.lang.nn.modules.dropout import Dropout
from axec.lang.nn.modules.layers import Linear
from axec.lang.nn.modules.module import Module
from axec.lang.nn.modules.norm import LayerNorm
from axec.lang.spec import bool as bool_

__all__ = ["MultiHeadAttention", "TransformerDecoderLayer", "TransformerEncoderLayer"]

Array = np.ndarray[Any, Any]
_ACTIVATIONS: dict[str, Callable[[Any], Tensor]] = {"relu": relu, "gelu": gelu}


class MultiHeadAttention(Module):
    """out_proj(heads of softmax(q k^T / sqrt(D) + mask) v), D = embed_dim / num_heads. Source:
    arXiv 1706.03762, section 3.2.2.

    `kv_heads` < num_heads: groups of query heads share a key and a value head (arXiv 2305.13245).
    `rotary_base`: queries and keys turn with their positions (arXiv 2104.09864). `dropout` acts on
    the attention weights of a call with `train=True`.

    Parameters as torch's MultiheadAttention: in_proj_weight [embed_dim + 2 * kv_heads * D,
    embed_dim] (rows of q, k, v), in_proj_bias, out_proj.weight, out_proj.bias.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        kv_heads: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        rotary_base: float | None = None,
    ) -> None:
        kv = num_heads if kv_heads is None else kv_heads
        if num_heads < 1 or kv < 1 or embed_dim % num_heads or num_heads % kv:
            raise error(
                "bad-attribute",
                f"{num_heads} heads must divide the width {embed_dim}, and {kv} kv_heads them",
            )
        self.embed_dim, self.num_heads, self.kv_heads = embed_dim, num_heads, kv
        self.depth = embed_dim // num_heads
        self.dropout, self.bias, self.rotary_base = dropout, bias, rotary_base
        self.out_proj = Linear(embed_dim, embed_dim, bias)

    def parameters(self, rng: np.random.Generator, /) -> dict[str, Array]:
        rows = self.embed_dim + 2 * self.kv_heads * self.depth
        found = {"in_proj_weight": init.xavier_uniform(rng, (rows, self.embed_dim))}
        return found | ({"in_proj_bias": init.zeros((rows,))} if self.bias else {})

    def forward(
        self,
        query: ArrayLike,
        key: ArrayLike | None = None,
        value: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        causal: bool = False,
        positions: ArrayLike | None = None,
    ) -> Tensor:
        """query [N, S, E]; key and value [N, T, E], the query when left out (value: the key).
        `mask` broadcasts to [N, heads, S, T]: bool (True = attend) or added. `causal`: position s
        sees t <= s. `positions` [S] for rotary_base, 0, 1, ... when left out."""
        x = as_tensor(query)
        source = x if key is None else as_tensor(key)
        q = self._heads(x, 0, self._queries)
        k = self._heads(source, self.embed_dim, self._keys)
        v = self._heads(
            source if value is None else as_tensor(value),
            self.embed_dim + self.kv_heads * self.depth,
            self._keys,
        )
        if self.rotary_base is not None:
            at = create.arange(x.shape[1]) if positions is None else positions
            from_zero = create.arange(source.shape[1]) if key is not None else at
            q = rotary(q, at, base=self.rotary_base)
            k = rotary(k, from_zero, base=self.rotary_base)
        mixed = self._mixed(q, k, v, None if mask is None else self._grouped(mask), causal)
        behind = mixed.ndim - 2
        back = permute_dims(mixed, (0, behind, *range(1, behind), behind + 1))
        out: Tensor = self.out_proj(reshape(back, (*x.shape[:2], self.embed_dim)))
        return out

    @property
    def _queries(self) -> tuple[int, ...]:
        """The axes of query heads: where heads share keys, groups and the heads of one."""
        shared = self.num_heads // self.kv_heads
        return (self.num_heads,) if shared == 1 else (self.kv_heads, shared)

    @property
    def _keys(self) -> tuple[int, ...]:
        """Those of key heads, which broadcast to the queries'."""
        return (self.kv_heads, 1)[: len(self._queries)]

    def _grouped(self, mask: ArrayLike) -> Tensor:
        """A mask that broadcasts to [N, heads, S, T], for the axes of query heads."""
        t = as_tensor(mask)
        if len(self._queries) == 1 or t.ndim < 3:
            return t
        heads = self._queries if t.shape[-3] == self.num_heads else (1, 1)
        return reshape(t, (*t.shape[:-3], *heads, *t.shape[-2:]))

    def _heads(self, x: Tensor, start: int, heads: tuple[int, ...]) -> Tensor:
        """x [N, S, E] through rows of the projection: [N, *heads, S, D]."""
        rows = slice(start, start + math.prod(heads) * self.depth)
        weight = self.params["in_proj_weight"][rows]
        y = linear(x, weight, self.params["in_proj_bias"][rows] if self.bias else None)
        split = reshape(y, (*x.shape[:2], *heads, self.depth))
        last = split.ndim - 1
        return permute_dims(split, (0, *range(2, last), 1, last))

    def _mixed(self, q: Tensor, k: Tensor, v: Tensor, mask: Any, causal: bool) -> Tensor:
        if not (self.training and self.dropout):
            return scaled_dot_product_attention(q, k, v, mask, causal=causal)
        scores = q @ k.mT * (1 / math.sqrt(self.depth))
        if mask is not None:
            scores = _hidden(mask, scores) if mask.dtype is bool_ else scores + mask
        if causal:
            seen = create.tril(create.ones((q.shape[-2], k.shape[-2]), dtype=bool_))
            scores = _hidden(seen, scores)
        return dropout(softmax(scores), self.dropout, key=self.key()) @ v


def _hidden(seen: Tensor, scores: Tensor) -> Tensor:
    return where(seen, scores, float("-inf"))


def _function(activation: str | Callable[[Any], Tensor]) -> Callable[[Any], Tensor]:
    if not isinstance(activation, str):
        return activation
    if activation not in _ACTIVATIONS:
        raise error(
            "bad-attribute", f"activation is 'relu', 'gelu' or a function, got {activation!r}"
        )
    return _ACTIVATIONS[activation]


class _TransformerLayer(Module):
    """What both layers are made of. Source: arXiv 1706.03762, section 3; `norm_first`: arXiv
    2002.04745."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        *,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Tensor] = "relu",
        norm_first: bool = False,
        bias: bool = True,
        eps: float = 1e-5,
    ) -> None:
        self.norm_first, self.activation = norm_first, _function(activation)
        self.self_attn = MultiHeadAttention(d_model, nhead, dropout=dropout, bias=bias)
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.dropout = Dropout(dropout)
        self.norm1 = LayerNorm(d_model, eps, bias)
        self.norm2 = LayerNorm(d_model, eps, bias)

    def around(self, x: Tensor, norm: Any, inner: Callable[[Tensor], Tensor]) -> Tensor:
        """A residual branch with its norm, which comes before it or after the sum."""
        first = self.norm_first
        branch: Tensor = self.dropout(inner(norm(x) if first else x))
        y: Tensor = x + branch if first else norm(x + branch)
        return y

    def feed_forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention, then linear2(activation(linear1(x))), each with residual, norm and dropout.
    Parts as in torch: self_attn, linear1, linear2, norm1, norm2."""

    def forward(
        self, x: ArrayLike, *, mask: ArrayLike | None = None, causal: bool = False
    ) -> Tensor:
        """x [N, S, d_model]; `mask` and `causal` as in MultiHeadAttention."""

        def attend(t: Tensor) -> Tensor:
            found: Tensor = self.self_attn(t, mask=mask, causal=causal)
            return found

        y = self.around(as_tensor(x), self.norm1, attend)
        return self.around(y, self.norm2, self.feed_forward)


class TransformerDecoderLayer(_TransformerLayer):
    """Self-attention, attention to `memory`, then feed-forward. Parts as in torch: self_attn,
    multihead_attn, linear1, linear2, norm1, norm2, norm3."""

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, **options: Any):
        super().__init__(d_model, nhead, dim_feedforward, **options)
        bias, drop = options.get("bias", True), options.get("dropout", 0.1)
        self.multihead_attn = MultiHeadAttention(d_model, nhead, dropout=drop, bias=bias)
        self.norm3 = LayerNorm(d_model, options.get("eps", 1e-5), bias)

    def forward(
        self,
        x: ArrayLike,
        memory: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        causal: bool = False,
    ) -> Tensor:
        """x [N, S, d_model], memory [N, T, d_model]; `mask` and `causal` are for self-attention."""

        def attend(t: Tensor) -> Tensor:
            found: Tensor = self.self_attn(t, mask=mask, causal=causal)
            return found

        def look(t: Tensor) -> Tensor:
            found: Tensor = self.multihead_attn(t, memory, mask=memory_mask)
            return found

        y = self.around(as_tensor(x), self.norm1, attend)
        y = self.around(y, self.norm2, look)
        return self.around(y, self.norm3, self.feed_forward)

"""Programs in the axe dialect for tests of passes: a builder, and models of some size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from axec.dialects import load, types
from axec.dialects.axe import OPS
from axec.dialects.emit import IrEmit
from axec.dialects.functions import define
from axec.mlir import context, ir, unknown_location

Value = Any


class Builder:
    """Creates ops by name: `b.add(x, y)`, `b.reduce(x, kind="sum", axes=(0,))`."""

    def __init__(self) -> None:
        self.emit = IrEmit(unknown_location())

    def __getattr__(self, name: str) -> Callable[..., Value]:
        op = OPS[f"axe.{name.rstrip('_')}"]
        return lambda *operands, **attrs: self.emit(op, *operands, **attrs)

    def shape(self, x: Value) -> types.Shape:
        return types.of(x).shape

    def number(self, value: float, like: Value) -> Value:
        """A constant of the type of `like`."""
        import numpy as np

        t = types.of(like)
        scalar = self.constant(value=np.asarray(value, t.dtype.numpy))
        return self.broadcast(scalar, shape=t.shape, axes=())

    def dense(self, x: Value, w: Value, bias: Value) -> Value:
        """x [..., K] @ w [K, N] + bias [N]."""
        last = types.of(x).rank - 1
        y = self.dot_general(x, w, batch_x=(), batch_y=(), contract_x=(last,), contract_y=(0,))
        return self.add(y, self.broadcast(bias, shape=self.shape(y), axes=(last,)))


def program(
    inputs: Sequence[str],
    body: Callable[..., Value | Sequence[Value]],
    *,
    dims: Mapping[str, tuple[int, int]] | None = None,
    name: str = "main",
) -> Any:
    """A module with one function: `inputs` are types as text, `body(builder, *arguments)` gives the
    results, `dims` the ranges of named dims (all of [1, 8] where not given)."""
    load()
    with context(), unknown_location():
        module = ir.Module.create()
        given = [types.parse(t) for t in inputs]

        def emit(*arguments: Any) -> list[Any]:
            found = body(Builder(), *arguments)
            return list(found) if isinstance(found, tuple | list) else [found]

        with ir.InsertionPoint(module.body):
            f = define(name, [t.ir() for t in given], emit)
        f.attributes["axe.dims"] = _ranges(dims or {})
        return module


def _ranges(dims: Mapping[str, tuple[int, int]]) -> Any:
    i64 = ir.IntegerType.get_signless(64)
    rows = {k: [ir.IntegerAttr.get(i64, n) for n in v] for k, v in dims.items()}
    return ir.DictAttr.get({k: ir.ArrayAttr.get(v) for k, v in rows.items()})


def mlp(batch: str = "32") -> Any:
    """Three dense layers with relu between."""

    def body(b: Builder, x: Value, *params: Value) -> Value:
        for w, bias in zip(params[::2], params[1::2], strict=True):
            x = b.dense(x, w, bias)
            if w is not params[-2]:
                x = b.relu(x)
        return x

    layers = ((64, 128), (128, 64), (64, 10))
    params = [text for i, o in layers for text in (f"f32[{i}, {o}]", f"f32[{o}]")]
    ranges = {batch: (1, 4096)} if not batch.isdigit() else {}
    return program([f"f32[{batch}, 64]", *params], body, dims=ranges)


def transformer(
    layers: int = 12, *, batch: str = "2", seq: str = "64", width: int = 64, heads: int = 4
) -> Any:
    """Pre-norm GPT blocks [batch, seq, width]: layer norm, causal attention, gelu."""
    d = width
    sizes = [(d,), (d,), (d, d), (d,), (d, d), (d,), (d, d), (d,), (d, d), (d,), (d,), (d,),
             (d, 4 * d), (4 * d,), (4 * d, d), (d,)]  # fmt: skip
    params = [f"f32[{', '.join(map(str, s))}]" for _ in range(layers) for s in sizes]
    ranges = {n: (1, 64) for n in (batch, seq) if not n.isdigit()}

    def body(b: Builder, x: Value, *all_params: Value) -> Value:
        for i in range(layers):
            x = block(b, x, all_params[len(sizes) * i : len(sizes) * (i + 1)], heads)
        return x

    return program([f"f32[{batch}, {seq}, {width}]", *params], body, dims=ranges)


def block(b: Builder, x: Value, p: Sequence[Value], heads: int) -> Value:
    """One pre-norm transformer block."""
    n, s, d = b.shape(x)
    assert isinstance(d, int)
    h = b.layer_norm(x, p[0], p[1], eps=1e-5)

    def split(w: Value, bias: Value) -> Value:
        t = b.reshape(b.dense(h, w, bias), shape=(n, s, heads, d // heads))
        return b.transpose(t, perm=(0, 2, 1, 3))

    q, k, v = split(p[2], p[3]), split(p[4], p[5]), split(p[6], p[7])
    a = b.attention(q, k, v, scale=(d // heads) ** -0.5, causal=True)
    a = b.reshape(b.transpose(a, perm=(0, 2, 1, 3)), shape=(n, s, d))
    x = b.add(x, b.dense(a, p[8], p[9]))
    h = b.layer_norm(x, p[10], p[11], eps=1e-5)
    return b.add(x, b.dense(b.gelu(b.dense(h, p[12], p[13]), approximate=True), p[14], p[15]))

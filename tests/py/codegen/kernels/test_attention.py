"""Template attention: forward and backward, masks, strided operands and results, odd sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.kernels import Kernels, Ops, check

from axec.dialects import kernel, types
from axec.dialects.opdef import Array
from axec.passes.kernel.templates import attention

Value = Any

#: lead, Sq, Sk, D, E, causal, mask
SHAPES: dict[str, tuple[str, str, str, int, int, bool, str]] = {
    "one": ("", "1", "1", 1, 1, False, ""),
    "few queries": ("2, 3, ", "3", "37", 24, 16, False, "bool"),
    "one query": ("5, ", "1", "130", 64, 64, False, "bool"),
    "blocks": ("2, ", "130", "200", 64, 48, False, ""),
    "causal": ("2, ", "129", "129", 16, 16, True, ""),
    "more keys": ("", "70", "150", 5, 7, True, "f32"),
    "more queries": ("", "150", "70", 33, 3, True, "bool"),
    "deep": ("", "20", "65", 256, 130, False, "f32"),
    "no keys": ("3, ", "5", "0", 4, 4, False, ""),
    "nothing": ("0, ", "5", "7", 4, 4, True, ""),
    "dims": ("b, ", "s", "t", 8, 12, False, "bool"),
    "causal dims": ("b, ", "s", "s", 8, 8, True, ""),
}
BOUND = ({"b": 3, "s": 1, "t": 66}, {"b": 1, "s": 141, "t": 3}, {"b": 0, "s": 5, "t": 5})


def operands(name: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The operands of all ops by role, as types; their attributes."""
    lead, q, k, depth, width, causal, mask = SHAPES[name]
    found = {
        "q": f"f32[{lead}{q}, {depth}]",
        "k": f"f32[{lead}{k}, {depth}]",
        "v": f"f32[{lead}{k}, {width}]",
        "g": f"f32[{lead}{q}, {width}]",
        "lse": f"f32[{lead}{q}]",
        "delta": f"f32[{lead}{q}]",
    }
    if mask:
        found["mask"] = f"{mask}[{lead}{q}, {k}]"
    return found, {"scale": depth**-0.5, "causal": causal}


def parts(name: str) -> Kernels:
    """All kernels that the ops of one problem make."""
    kernels, (found, how) = Kernels(), operands(name)
    masks = [found["mask"]] if "mask" in found else []

    def add(roles: str, *ops: tuple[str, str]) -> None:
        names = roles.split()

        def make(b: Ops, *given: Value) -> list[Value]:
            value = dict(zip(names, given, strict=False))
            rest = given[len(names) :]
            return [getattr(b, op)(*map(value.get, of.split()), *rest, **how) for op, of in ops]

        kernels.add("attention", [*(found[r] for r in names), *masks], make)

    out, lse = ("attention", "q k v"), ("attention_lse", "q k")
    dq, dk = (("attention_" + d, "q k v g lse delta") for d in ("dq", "dk"))
    dv = ("attention_dv", "q k g lse")
    add("q k v", out)
    add("q k v", out, lse)
    add("q k", lse)
    add("q k v g lse delta", dq)
    add("q k v g lse delta", dk, dv)
    add("q k v g lse delta", dk)
    add("q k g lse", dv)
    return kernels


def arrays(inputs: list[types.TensorType], bound: dict[str, int]) -> list[Array]:
    rng = np.random.default_rng(7)
    return [
        np.asarray(rng.random(t.shape_at(bound)) < 0.7)
        if t.dtype.kind == "b"
        else rng.standard_normal(t.shape_at(bound), np.float32)
        for t in inputs
    ]


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str, target: str) -> None:
    bounds = BOUND if "dims" in name else ({},)
    for loaded in parts(name).load(target):
        for bound in bounds:
            inputs = arrays([d.type for d in loaded.body.inputs], dict(bound))
            check(loaded, inputs, bound, tolerance=3e-4)  # random lse: weights far above 1


def heads(b: Ops, x: Value, part: int, count: int) -> Value:
    """Slice `part` of [batch, seq, 3, heads, depth] as [batch, heads, seq, depth]."""
    batch, seq, _, _, depth = b.shape(x)
    start, stop = (0, 0, part, 0, 0), (batch, seq, part + 1, count, depth)
    piece = b.slice(x, start=start, stop=stop, step=(1,) * 5)
    return b.transpose(b.reshape(piece, shape=(batch, seq, count, depth)), perm=(0, 2, 1, 3))


def test_projections_are_read_in_place(target: str) -> None:
    """Queries, keys and values of one projection, a result that is merged again: strides."""

    def make(b: Ops, x: Value) -> Value:
        split = b.reshape(x, shape=(2, 70, 3, 4, 8))
        q, k, v = (heads(b, split, i, 4) for i in range(3))
        return b.transpose(b.attention(q, k, v, scale=0.3, causal=True), perm=(0, 2, 1, 3))

    kernels = Kernels()
    kernels.add("attention", ["f32[2, 70, 96]"], make)
    (loaded,) = kernels.load(target)
    check(loaded, arrays([d.type for d in loaded.body.inputs], {}), {})


def test_shared_heads_and_masks_repeat_by_strides(target: str) -> None:
    """Two query heads read one key head; a mask per key serves all queries."""

    def make(b: Ops, q: Value, k: Value, v: Value, mask: Value) -> Value:
        k, v = (b.broadcast(x, shape=(3, 2, 40, 16), axes=(0, 2, 3)) for x in (k, v))
        mask = b.broadcast(mask, shape=(3, 2, 30, 40), axes=(3,))
        return b.attention(q, k, v, mask, scale=0.25, causal=False)

    kernels = Kernels()
    kernels.add(
        "attention", ["f32[3, 2, 30, 16]", "f32[3, 40, 16]", "f32[3, 40, 16]", "bool[40]"], make
    )
    (loaded,) = kernels.load(target)
    check(loaded, arrays([d.type for d in loaded.body.inputs], {}), {})


@pytest.mark.parametrize("queries", [2, 40])
def test_no_axis_need_be_the_inner_one(queries: int, target: str) -> None:
    def make(b: Ops, *given: Value) -> Value:
        q, k, v, mask = (b.transpose(x, perm=(1, 0)) for x in given)
        return b.attention(q, k, v, mask, scale=0.25, causal=False)

    kernels = Kernels()
    types_ = [f"f32[9, {queries}]", "f32[9, 50]", "f32[11, 50]", f"bool[50, {queries}]"]
    kernels.add("attention", types_, make)
    (loaded,) = kernels.load(target)
    check(loaded, arrays([d.type for d in loaded.body.inputs], {}), {})


def test_what_is_hidden_has_no_influence(target: str) -> None:
    """NaN and infinite scores that a mask hides; queries that attend to nothing give 0."""
    kernels = Kernels()
    for queries in (1, 40):
        shapes = [f"f32[{queries}, 8]", "f32[50, 8]", "f32[50, 8]", f"bool[{queries}, 50]"]
        kernels.add("attention", shapes, lambda b, *xs: b.attention(*xs, scale=1.0, causal=False))
    for loaded in kernels.load(target):
        q, k, v, mask = arrays([d.type for d in loaded.body.inputs], {})
        mask[:, 3], mask[:, 4], mask[0] = False, False, False
        k[3], k[4] = np.nan, np.inf
        (found,) = check(loaded, [q, k, v, mask], {})
        assert not found[0].any()
        assert np.isfinite(found).all()


def test_hidden_blocks_are_not_read(target: str) -> None:
    """Keys that a bool mask hides from all queries of a block: an empty part of a cache."""
    for name in ("one query", "blocks"):
        queries = SHAPES[name][1]
        kernels = Kernels()
        shapes = [f"f32[{queries}, 8]", "f32[200, 8]", "f32[200, 8]", f"bool[{queries}, 200]"]
        kernels.add("attention", shapes, lambda b, *xs: b.attention(*xs, scale=1.0, causal=False))
        (loaded,) = kernels.load(target)
        q, k, v, mask = arrays([d.type for d in loaded.body.inputs], {})
        mask[:, 64:] = False
        (wanted,) = loaded.run([q, k, v, mask], {})
        k[64:], v[64:] = np.nan, np.nan
        (found,) = loaded.run([q, k, v, mask], {})
        assert found.tobytes() == wanted.tobytes()


def test_units_are_even_under_a_causal_mask() -> None:
    """Block i and block n - 1 - i are one unit: what units compute differs by no more than one
    block, whichever way they are split."""
    kernels = Kernels()
    kernels.add(
        "attention", ["f32[640, 8]"] * 3, lambda b, *xs: b.attention(*xs, scale=1.0, causal=True)
    )
    a = attention.attention_of(kernels.defines[0])
    assert (a.blocks, a.units) == (10, 5)
    assert kernel.texts(kernels.defines[0].attributes["workspace"]) == ()

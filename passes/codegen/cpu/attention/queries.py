"""The cotangent of q, for blocks of queries:

    for each block of keys:
        p = exp(keys against queries - lse);  ds = p * (values against g - delta)
        dq += keys against ds
    scale * dq

Source: arXiv 2307.08691, algorithm 2, with the outer loop over queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from axec.passes.codegen.cpu.attention import tiles
from axec.passes.codegen.cpu.attention.scores import Mask
from axec.passes.codegen.cpu.attention.setting import (
    STREAM,
    Setting,
    Views,
    blocks,
    rows_from,
)
from axec.passes.codegen.cpu.gemm.control import when
from axec.passes.codegen.cpu.math.exponential import exp
from axec.passes.codegen.llvm import I64, Value, constant


@dataclass(frozen=True, slots=True)
class _Room:
    """Scratch of one thread: q, dq [D] and g [E] turned around, lse and delta [1], tiles [keys]."""

    q: Value
    g: Value
    lse: Value
    delta: Value
    scores: Value
    of_weights: Value
    dq: Value
    row: Value
    mask: Mask


def emit(s: Setting) -> None:
    """All units of the call."""
    room = _Room(
        q=s.scratch(s.a.depth, "q"),
        g=s.scratch(s.a.width, "g"),
        lse=s.scratch(1, "lse"),
        delta=s.scratch(1, "delta"),
        scores=s.scratch(STREAM, "scores"),
        of_weights=s.scratch(STREAM, "weights"),
        dq=s.scratch(s.a.depth, "dq"),
        row=s.scratch(1, "row"),
        mask=Mask.of(s),
    )
    for place in s.places(room.row):
        s.b.store(s.number(s.a.scale), place)
    blocks(s, partial(_block, room=room))


def _block(s: Setting, views: Views, first: Value, count: Value, room: _Room) -> None:
    """Queries [first, first + count)."""
    b = s.b
    depth, width, one = (constant(I64, n) for n in (s.a.depth, s.a.width, 1))
    mine = {role: rows_from(s, views[role], first) for role in ("q", "g", "lse", "delta", "dq")}
    tiles.turn_in(s, mine["q"], count, depth, room.q, s.a.scale)
    tiles.turn_in(s, mine["g"], count, width, room.g)
    tiles.turn_in(s, mine["lse"], count, one, room.lse)
    tiles.turn_in(s, mine["delta"], count, one, room.delta)
    tiles.clear(s, room.dq, s.a.depth)
    end = b.min(s.keys, b.add(first, count)) if s.a.causal else s.keys
    with b.for_(0, end, STREAM, name="keys") as loop:
        here = b.min(b.sub(end, loop.index), STREAM)
        room.mask.read(views, first, count, loop.index, here)
        seen, key = room.mask.visible(here), loop.index
        when(b, seen, lambda: _keys(s, room, views, first, (key, here)))
    tiles.turn_out(s, room.dq, s.a.depth, count, mine["dq"], room.row)


def _keys(s: Setting, room: _Room, views: Views, first: Value, keys: tuple[Value, Value]) -> None:
    """What one block of keys adds."""
    key, here = keys
    k, v = (rows_from(s, views[role], key) for role in ("k", "v"))
    tiles.scores(s, k, here, s.a.depth, room.q, room.scores)
    tiles.scores(s, v, here, s.a.width, room.g, room.of_weights)
    _of_scores(s, room, here, first, key)
    tiles.add(s, k, here, s.a.depth, room.scores, room.dq)


def _of_scores(s: Setting, room: _Room, count: Value, first: Value, key: Value) -> None:
    """Scores become their cotangents."""
    b = s.b
    lse, delta = s.load(room.lse), s.load(room.delta)
    with b.for_(0, count, name="score") as loop:
        found = room.mask.apply(s.load(room.scores, loop.index), loop.index, first, key)
        changes = s.load(room.of_weights, loop.index)
        for j, place in enumerate(s.places(room.scores, loop.index)):
            p = exp(b, b.sub(found[j], lse[j]))
            b.store(b.mul(p, b.sub(changes[j], delta[j])), place)

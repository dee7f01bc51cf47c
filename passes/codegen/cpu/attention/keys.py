"""The cotangents of k and v, for blocks of keys:

    for each block of queries:
        p = exp(queries against keys - lse);  ds = p * (g against values - delta)
        dv += g against p;  dk += queries against ds
    dv;  scale * dk

Source: arXiv 2307.08691, algorithm 2. A block belongs to one unit: no sums across threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from axec.passes.codegen.cpu.attention import tiles
from axec.passes.codegen.cpu.attention.scores import Mask
from axec.passes.codegen.cpu.attention.setting import (
    STREAM,
    Setting,
    View,
    Views,
    blocks,
    rows_from,
)
from axec.passes.codegen.cpu.gemm.control import when
from axec.passes.codegen.cpu.math.exponential import exp
from axec.passes.codegen.llvm import I64, Value, constant


@dataclass(frozen=True, slots=True)
class _Room:
    """Scratch of one thread: k, dk [D], v, dv [E] turned around, tiles [queries], factors of dk and
    dv. Of dk and dv, those that the kernel computes."""

    k: Value
    v: Value | None
    scores: Value
    of_weights: Value | None
    dk: Value | None
    dv: Value | None
    scale: Value
    one: Value
    mask: Mask


def emit(s: Setting) -> None:
    """All units of the call."""
    a, b = s.a, s.b
    has_k, has_v = ("dk" in a.matrices, "dv" in a.matrices)
    room = _Room(
        k=s.scratch(a.depth, "k"),
        v=s.scratch(a.width, "v") if has_k else None,
        scores=s.scratch(STREAM, "scores"),
        of_weights=s.scratch(STREAM, "weights") if has_k else None,
        dk=s.scratch(a.depth, "dk") if has_k else None,
        dv=s.scratch(a.width, "dv") if has_v else None,
        scale=s.scratch(1, "scale"),
        one=s.scratch(1, "one"),
        mask=Mask.of(s),
    )
    for x, row in ((a.scale, room.scale), (1.0, room.one)):
        for place in s.places(row):
            b.store(s.number(x), place)
    blocks(s, partial(_block, room=room))


def _block(s: Setting, views: Views, first: Value, count: Value, room: _Room) -> None:
    """Keys [first, first + count)."""
    b, a = s.b, s.a
    k = rows_from(s, views["k"], first)
    tiles.turn_in(s, k, count, constant(I64, a.depth), room.k, a.scale)
    if room.v:
        v = rows_from(s, views["v"], first)
        tiles.turn_in(s, v, count, constant(I64, a.width), room.v)
    for block, rows in ((room.dk, a.depth), (room.dv, a.width)):
        if block:
            tiles.clear(s, block, rows)
    begin = b.min(first, s.queries) if a.causal else constant(I64, 0)
    with b.for_(begin, s.queries, STREAM, name="queries") as loop:
        _queries(s, room, views, (first, count), loop.index)
    if room.dk:
        target = rows_from(s, views["dk"], first)
        tiles.turn_out(s, room.dk, a.depth, count, target, room.scale)
    if room.dv:
        target = rows_from(s, views["dv"], first)
        tiles.turn_out(s, room.dv, a.width, count, target, room.one)


def _queries(
    s: Setting, room: _Room, views: Views, keys: tuple[Value, Value], query: Value
) -> None:
    """What one block of queries adds."""
    b, (first, count) = s.b, keys
    here = b.min(b.sub(s.queries, query), STREAM)
    room.mask.read(views, first, count, query, here)
    seen = room.mask.visible(here)
    when(b, seen, lambda: _seen(s, room, views, first, (query, here)))


def _seen(
    s: Setting, room: _Room, views: Views, first: Value, queries: tuple[Value, Value]
) -> None:
    """The same for queries of which some attends to a key."""
    a, (query, here) = s.a, queries
    q, g = (rows_from(s, views[role], query) for role in ("q", "g"))
    tiles.scores(s, q, here, a.depth, room.k, room.scores)
    if room.v and room.of_weights:
        tiles.scores(s, g, here, a.width, room.v, room.of_weights)
    _of_scores(s, room, views, here, first, query)
    if room.dv:
        tiles.add(s, g, here, a.width, room.scores, room.dv)
    if room.dk and room.of_weights:
        tiles.add(s, q, here, a.depth, room.of_weights, room.dk)


def _of_scores(
    s: Setting, room: _Room, views: Views, count: Value, first: Value, query: Value
) -> None:
    """Scores become probabilities; what these would change becomes the cotangents of scores."""
    b = s.b
    with b.for_(0, count, name="score") as loop:
        number = b.add(query, loop.index)
        lse = _one(s, views["lse"], number)
        found = room.mask.apply(s.load(room.scores, loop.index), loop.index, first, query)
        found = [exp(b, b.sub(x, lse)) for x in found]
        for p, place in zip(found, s.places(room.scores, loop.index), strict=True):
            b.store(p, place)
        if room.of_weights:
            delta = _one(s, views["delta"], number)
            for p, place in zip(found, s.places(room.of_weights, loop.index), strict=True):
                b.store(b.mul(p, b.sub(b.load(s.vector, place), delta)), place)


def _one(s: Setting, view: View, number: Value) -> Value:
    """A query's statistic, in all lanes."""
    found = s.b.load(s.element, s.b.offset(view.address, s.b.mul(number, view.step)))
    return s.b.splat(found, s.lanes)

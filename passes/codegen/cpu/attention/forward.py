"""Results and log-sum-exp of blocks of queries, by online softmax over blocks of keys.

    peak, total, out = lowest, 0, 0
    for each block of keys:
        scores = keys against queries, masked
        new = max(peak, scores); factor = exp(peak - new)
        weights = exp(scores - new); total = factor * total + weights
        out = factor * out + values against weights; peak = new
    out / total;  lse = peak + log(total)

Source: arXiv 2205.14135, algorithm 1; one division per query at the end, arXiv 2307.08691,
section 3.1.1. Blocks of keys that a causal mask hides are not visited.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from axec.passes.codegen.cpu.attention import few, tiles
from axec.passes.codegen.cpu.attention.scores import Mask
from axec.passes.codegen.cpu.attention.setting import (
    STREAM,
    Setting,
    Views,
    blocks,
    rows_from,
)
from axec.passes.codegen.cpu.gemm.control import negate, unless, when
from axec.passes.codegen.cpu.math.exponential import exp_of_negative
from axec.passes.codegen.cpu.math.logarithm import log
from axec.passes.codegen.llvm import I1, I64, Value, constant, zero
from axec.passes.kernel.templates.attention import FEW_QUERIES


@dataclass(frozen=True, slots=True)
class _Room:
    """Scratch of one thread: q turned around [D], scores [keys], out turned around [E], one row."""

    q: Value
    scores: Value
    out: Value | None
    row: Value
    mask: Mask


def emit(s: Setting) -> None:
    """All units of the call."""
    is_few = s.b.cmp("le", s.queries, FEW_QUERIES) if few.fits(s) else constant(I1, 0)
    if is_few.const != 1:
        room = _room(s)
    if is_few.const != 0:
        small = few.Room.of(s)
    when(s.b, is_few, lambda: blocks(s, partial(few.block, room=small)))
    when(s.b, negate(s.b, is_few), lambda: blocks(s, partial(_block, room=room)))


def _room(s: Setting) -> _Room:
    return _Room(
        q=s.scratch(s.a.depth, "q"),
        scores=s.scratch(STREAM, "scores"),
        out=s.scratch(s.a.width, "out") if "out" in s.a.matrices else None,
        row=s.scratch(1, "row"),
        mask=Mask.of(s),
    )


def _block(s: Setting, views: Views, first: Value, count: Value, room: _Room) -> None:
    """Queries [first, first + count)."""
    b = s.b
    depth = constant(I64, s.a.depth)
    q = rows_from(s, views["q"], first)
    tiles.turn_in(s, q, count, depth, room.q, s.a.scale)
    if room.out:
        tiles.clear(s, room.out, s.a.width)
    end = b.min(s.keys, b.add(first, count)) if s.a.causal else s.keys
    lowest = s.number(float(np.finfo(s.a.matrices["q"].type.dtype.numpy).min))
    start = [lowest] * s.vectors + [zero(s.vector)] * s.vectors
    with b.for_(0, end, STREAM, carried=start, name="keys") as loop:
        loop.yield_(*_keys(s, room, views, (first, count), (loop.index, end), loop.carried))
    peaks, totals = loop.results[: s.vectors], loop.results[s.vectors :]
    one = s.number(1.0)
    nothing = [b.cmp("eq", t, 0.0) for t in totals]
    totals = tuple([b.select(no, one, t) for no, t in zip(nothing, totals, strict=True)])
    if room.out:
        _store_row(s, room.row, [b.div(one, t) for t in totals])
        out = rows_from(s, views["out"], first)
        tiles.turn_out(s, room.out, s.a.width, count, out, room.row)
    if "out_lse" in views:
        place = rows_from(s, views["out_lse"], first).address
        for j, (peak, total, no) in enumerate(zip(peaks, totals, nothing, strict=True)):
            mask = b.tail_mask(b.sub(count, j * s.lanes), s.lanes)
            found = b.select(no, zero(s.vector), b.add(peak, log(b, total)))
            b.masked_store(found, b.at(place, s.vector, j), mask)


def _keys(
    s: Setting,
    room: _Room,
    views: Views,
    queries: tuple[Value, Value],
    keys: tuple[Value, Value],
    carried: tuple[Value, ...],
) -> list[Value]:
    """One block of keys: the new peaks and totals."""
    b, (first, count), (key, end) = s.b, queries, keys
    here = b.min(b.sub(end, key), STREAM)
    room.mask.read(views, first, count, key, here)
    hidden = negate(b, room.mask.visible(here))
    found = unless(b, hidden, carried, lambda: _seen(s, room, views, first, (key, here), carried))
    return list(found)


def _seen(
    s: Setting,
    room: _Room,
    views: Views,
    first: Value,
    keys: tuple[Value, Value],
    carried: tuple[Value, ...],
) -> list[Value]:
    """The same for keys that some query attends to."""
    b, (key, here) = s.b, keys
    k = rows_from(s, views["k"], key)
    tiles.scores(s, k, here, s.a.depth, room.q, room.scores)
    peaks, totals = carried[: s.vectors], carried[s.vectors :]
    above = _peaks(s, room, peaks, here, first, key)
    factors = [exp_of_negative(b, b.sub(x, y)) for x, y in zip(peaks, above, strict=True)]
    totals = tuple([b.mul(x, y) for x, y in zip(totals, factors, strict=True)])
    with b.for_(0, here, carried=totals, name="weight") as loop:
        found = s.load(room.scores, loop.index)
        found = [exp_of_negative(b, b.sub(x, y)) for x, y in zip(found, above, strict=True)]
        for value, place in zip(found, s.places(room.scores, loop.index), strict=True):
            b.store(value, place)
        loop.yield_(*[b.add(x, y) for x, y in zip(loop.carried, found, strict=True)])
    if room.out:
        v = rows_from(s, views["v"], key)
        _store_row(s, room.row, factors)
        tiles.add(s, v, here, s.a.width, room.scores, room.out, room.row)
    return [*above, *loop.results]


def _peaks(
    s: Setting, room: _Room, peaks: tuple[Value, ...], count: Value, first: Value, key: Value
) -> tuple[Value, ...]:
    """Apply the mask to a tile of scores; the largest so far."""
    b, mask = s.b, room.mask
    with b.for_(0, count, carried=peaks, name="peak") as loop:
        found = mask.apply(s.load(room.scores, loop.index), loop.index, first, key)
        if mask.changes:
            for value, place in zip(found, s.places(room.scores, loop.index), strict=True):
                b.store(value, place)
        loop.yield_(
            *[b.select(b.cmp("gt", x, y), x, y) for x, y in zip(found, loop.carried, strict=True)]
        )
    return loop.results


def _store_row(s: Setting, row: Value, values: list[Value]) -> None:
    for value, place in zip(values, s.places(row), strict=True):
        s.b.store(value, place)

"""Results and log-sum-exp of few queries, one at a time: what reading k and v once costs.

    for each `lanes` keys:
        scores = dots of the query with their rows: one accumulator per row, summed across lanes by
                 turning them around
        the online softmax of forward.py, with one lane per key
        out = factor * out + sum over the keys of weight * row of v

Vectors run along D and E, so both must be neighbours in memory (`fits`); rows beyond the last key
are it once more, with weight 0. `lanes` keys that a bool mask hides are not read. Weights are
summed lane by lane and across lanes at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from axec.dialects import dtypes
from axec.passes.codegen.cpu.attention.setting import Setting, View, Views, rows_from
from axec.passes.codegen.cpu.lanes.registers import from_memory, memory_type
from axec.passes.codegen.cpu.lanes.turn import transpose
from axec.passes.codegen.cpu.math.exponential import exp_of_negative
from axec.passes.codegen.cpu.math.logarithm import log
from axec.passes.codegen.llvm import I64, Value, constant, like, zero

_TURNS = 4  # accumulators that take turns, so that a sum does not wait for the one before


def fits(s: Setting) -> bool:
    """Are the rows of all matrices neighbours in memory?"""
    rows = ("q", "k", "v", "out")
    return all(s.a.matrices[r].own[1] == 1 for r in rows if r in s.a.matrices)


@dataclass(frozen=True, slots=True)
class Room:
    """Scratch of one thread, in vectors: a scaled query, its result, the weights of some keys."""

    q: Value
    out: Value
    weights: Value

    @staticmethod
    def of(s: Setting) -> Room:
        b, chunks = s.b, [-(-n // s.lanes) for n in (s.a.depth, s.a.width)]
        q, out = (b.alloca(s.vector, n, 64, "row") for n in chunks)
        return Room(q, out, b.alloca(s.vector, 1, 64, "weights"))


def block(s: Setting, views: Views, first: Value, count: Value, room: Room) -> None:
    """Queries [first, first + count)."""
    with s.b.for_(0, count, name="query") as loop:
        _query(s, room, views, s.b.add(first, loop.index))


def _query(s: Setting, room: Room, views: Views, query: Value) -> None:
    b, mine = s.b, {role: rows_from(s, v, query) for role, v in views.items() if role in _OWN}
    for at, mask in _chunks(s, s.a.depth):
        found = b.mul(_load(s, b.at(mine["q"].address, s.element, at), mask), s.number(s.a.scale))
        b.store(found, b.at(room.q, s.element, at))
    for at, _ in _chunks(s, s.a.width):
        b.store(zero(s.vector), b.at(room.out, s.element, at))
    end = b.min(s.keys, b.add(query, 1)) if s.a.causal else s.keys
    hidden = s.number(-math.inf)
    lowest = constant(s.element, float(np.finfo(s.a.matrices["q"].type.dtype.numpy).min))
    with b.for_(0, end, s.lanes, carried=[lowest, zero(s.vector)], name="keys") as loop:
        key, rest, carried = loop.index, b.sub(end, loop.index), loop.carried
        inside, added = _mask(s, mine.get("mask"), key, rest)
        with b.if_(b.any(inside), carried) as arm:
            scores = _scores(s, room, rows_from(s, views["k"], key), rest)
            scores = b.select(inside, b.add(scores, added) if added else scores, hidden)
            arm.yield_(*_keys(s, room, views, scores, (key, rest), carried))
        loop.yield_(*arm.results)
    peak, totals = loop.results
    total = b.reduce(totals, b.add)
    nothing = b.cmp("eq", total, 0.0)
    total = b.select(nothing, constant(s.element, 1.0), total)
    if "out" in mine:
        share = b.splat(b.div(constant(s.element, 1.0), total), s.lanes)
        for at, mask in _chunks(s, s.a.width):
            found = b.mul(b.load(s.vector, b.at(room.out, s.element, at)), share)
            _store(s, found, b.at(mine["out"].address, s.element, at), mask)
    if "out_lse" in mine:
        found = b.select(nothing, zero(s.element), b.add(peak, log(b, total)))
        b.store(found, mine["out_lse"].address)


_OWN = ("q", "mask", "out", "out_lse")  # what has a row per query


def _chunks(s: Setting, size: int) -> list[tuple[int, Value | None]]:
    """The first element of every vector of a row, and the lanes of it that exist."""
    rest = {at: size - at for at in range(0, size, s.lanes)}
    return [
        (at, None if n >= s.lanes else s.b.tail_mask(constant(I64, n), s.lanes))
        for at, n in rest.items()
    ]


def _scores(s: Setting, room: Room, k: View, rest: Value) -> Value:
    """The query's dots with `lanes` keys, of which `rest` exist."""
    b = s.b
    places = _rows(s, k, rest)
    sums = [zero(s.vector)] * s.lanes
    for at, mask in _chunks(s, s.a.depth):
        q = b.load(s.vector, b.at(room.q, s.element, at))
        rows = [_load(s, b.at(place, s.element, at), mask) for place in places]
        sums = [b.fma(row, q, total) for row, total in zip(rows, sums, strict=True)]
    return _tree(s, transpose(b, sums))


def _tree(s: Setting, values: Sequence[Value]) -> Value:
    """The sum, by halves."""
    found = list(values)
    while len(found) > 1:
        half = len(found) // 2
        found = [s.b.add(x, y) for x, y in zip(found[:half], found[half:], strict=True)]
    return found[0]


def _rows(s: Setting, view: View, rest: Value) -> list[Value]:
    """Addresses of `lanes` rows; those that do not exist are the last one."""
    b, last = s.b, s.b.sub(rest, 1)
    numbers = [b.min(constant(I64, i), last) for i in range(s.lanes)]
    return [b.offset(view.address, b.mul(n, view.step)) for n in numbers]


def _mask(s: Setting, mask: View | None, key: Value, rest: Value) -> tuple[Value, Value | None]:
    """Which of `lanes` keys the query attends to, and what a mask adds to their scores."""
    inside = s.b.tail_mask(s.b.min(rest, s.lanes), s.lanes)
    if mask is None:
        return inside, None
    found = _along(s, mask, key, rest, inside)
    return (s.b.and_(inside, found), None) if mask.dtype is dtypes.bool_ else (inside, found)


def _along(s: Setting, mask: View, key: Value, rest: Value, inside: Value) -> Value:
    """The mask of `lanes` keys, in register form."""
    b, type_ = s.b, like(s.vector, memory_type(mask.dtype))
    place = b.offset(mask.address, b.mul(key, mask.near))
    if mask.near_size == 1:
        found = b.masked_load(type_, place, inside, zero(type_))
    else:
        found, last = zero(type_), b.sub(rest, 1)
        for i in range(s.lanes):
            one = b.offset(place, b.mul(b.min(constant(I64, i), last), mask.near))
            found = b.insert(found, b.load(type_.element, one), i)
    return from_memory(b, mask.dtype, found)


def _keys(
    s: Setting,
    room: Room,
    views: Views,
    scores: Value,
    keys: tuple[Value, Value],
    carried: Sequence[Value],
) -> list[Value]:
    """What `lanes` keys from keys[0] on, of which keys[1] exist, make of peak and totals."""
    b, (peak, totals) = s.b, carried
    above = _larger(s, peak, b.reduce(scores, lambda x, y: _larger(s, x, y)))
    new = b.splat(above, s.lanes)
    factor = exp_of_negative(b, b.sub(b.splat(peak, s.lanes), new))
    weights = exp_of_negative(b, b.sub(scores, new))
    if "out" in views:
        b.store(weights, room.weights)
        _add_rows(s, room, rows_from(s, views["v"], keys[0]), keys[1], factor)
    return [above, b.fma(totals, factor, weights)]


def _larger(s: Setting, x: Value, y: Value) -> Value:
    """x if it is larger, else y: NaN does not become a peak."""
    return s.b.select(s.b.cmp("gt", x, y), x, y)


def _add_rows(s: Setting, room: Room, v: View, rest: Value, factor: Value) -> None:
    """out = factor * out + weights times rows of v."""
    b = s.b
    places = _rows(s, v, rest)
    shares = [b.splat(b.load(s.element, b.at(room.weights, s.element, i)), s.lanes)
              for i in range(s.lanes)]  # fmt: skip
    for at, mask in _chunks(s, s.a.width):
        target = b.at(room.out, s.element, at)
        sums = [b.mul(b.load(s.vector, target), factor), *[zero(s.vector)] * (_TURNS - 1)]
        for i, (place, share) in enumerate(zip(places, shares, strict=True)):
            row = _load(s, b.at(place, s.element, at), mask)
            sums[i % _TURNS] = b.fma(share, row, sums[i % _TURNS])
        b.store(_tree(s, sums), target)


def _load(s: Setting, place: Value, mask: Value | None) -> Value:
    if mask is None:
        return s.b.load(s.vector, place)
    return s.b.masked_load(s.vector, place, mask, zero(s.vector))


def _store(s: Setting, value: Value, place: Value, mask: Value | None) -> None:
    if mask is None:
        s.b.store(value, place)
    else:
        s.b.masked_store(value, place, mask)

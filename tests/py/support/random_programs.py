"""Random programs in the axe dialect, with inputs: what passes are judged by."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.programs import Builder, Value, program

from axec.dialects import dims, dtypes, types
from axec.dialects.dims import Size
from axec.dialects.functions import functions, is_private
from axec.dialects.interpret import interpret
from axec.dialects.opdef import Array
from axec.dialects.types import Shape, TensorType
from axec.mlir import context, unknown_location

SIZES = ("1", "2", "3", "5", "n", "m", "n + 1")
UNARY = ("neg", "abs", "exp", "tanh", "sigmoid", "floor", "sign", "sqrt", "log1p", "relu", "gelu")
BINARY = ("add", "sub", "mul", "div", "max", "min")

Choose = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Sample:
    """A program, and where its arguments come from."""

    module: Any
    declared: list[TensorType]
    seed: int

    @property
    def function(self) -> Any:
        """The function that is run."""
        return next(f for f in functions(self.module) if not is_private(f))

    @property
    def dims(self) -> list[str]:
        """The named dims, sorted."""
        return sorted(set().union(*(dims.names(n) for t in self.declared for n in t.shape)))

    def arguments(self, bound: Mapping[str, int]) -> list[Array]:
        """Arrays of small halves, for given sizes of the dims."""
        return [_values(t, bound, self.seed) for t in self.declared]

    def run(self, bound: Mapping[str, int]) -> tuple[Array, ...]:
        """What the module's function gives now."""
        with context(), unknown_location():
            return interpret(self.function, self.arguments(bound))


BOUNDS = ({"n": 1, "m": 1}, {"n": 4, "m": 3}, {"n": 2, "m": 6})


def samples(steps: int = 24, *, control: bool = False) -> st.SearchStrategy[Sample]:
    """Random programs and values for their arguments; hypothesis shrinks the number of ops."""
    kind = st.just(control)
    return st.builds(sample, st.integers(0, 1 << 32), st.integers(1, steps), control=kind)


def sample(seed: int, steps: int, *, control: bool = False) -> Sample:
    """The program that a seed stands for, with that many attempts to add an op; `control`: loops
    and branches, too."""
    from support.random_control import CONTROL  # it builds on what stands here

    kinds: tuple[Any, ...] = STEPS + CONTROL * 3 if control else STEPS
    choose = random.Random(seed).choice
    shapes = [_shape(choose) for _ in range(choose((1, 2, 3)))]
    declared = [f"f32[{', '.join(s)}]" for s in shapes]
    # A dim must be a size of its own somewhere.
    used = sorted(set().union(*(dims.names(dims.parse(s)) for shape in shapes for s in shape)))
    declared += [f"f32[{name}]" for name in used]

    def body(b: Builder, *arguments: Value) -> list[Value]:
        pool = list(arguments)
        for _ in range(steps):
            made = choose(kinds)(b, choose, pool)
            if made is not None:
                pool.extend(made if isinstance(made, list) else [made])
        return [choose(pool[-3:]) for _ in range(choose((1, 1, 2, 3)))]

    module = program(declared, body, dims=dict.fromkeys(used, (1, 40)))
    return Sample(module, [types.parse(t) for t in declared], seed)


def _shape(choose: Choose) -> list[str]:
    return [choose(SIZES) for _ in range(choose((0, 1, 2, 2, 3)))]


def _values(t: TensorType, bound: Mapping[str, int], seed: int) -> Array:
    shape = t.shape_at(bound)
    rng = np.random.default_rng([seed, *shape])
    return (rng.integers(-6, 7, shape) / 2).astype(np.float32)


# ---- one more op: (builder, choose, values so far) -> value or None where nothing fits -----------


def _floats(pool: Sequence[Value], rank: int = 0) -> list[Value]:
    kept = [(v, types.of(v)) for v in pool]
    return [v for v, t in kept if t.dtype is dtypes.f32 and t.rank >= rank]


def _pick(choose: Choose, values: Sequence[Value]) -> Value | None:
    return choose(values[-6:]) if values else None


def _unary(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool))
    return None if x is None else getattr(b, choose(UNARY))(x)


def _binary(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool))
    if x is None:
        return None
    like = [v for v in _floats(pool) if types.of(v) == types.of(x)]
    y = choose([*like, None])
    y = b.number(choose((0.0, 1.0, -1.0, 2.0, 0.5, 3.0)), x) if y is None else y
    if choose((True, False)):
        x, y = y, x
    return getattr(b, choose(BINARY))(x, y)


def _spread(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    """y op broadcast(x), along one side."""
    y = _pick(choose, _floats(pool, rank=1))
    if y is None:
        return None
    shape = b.shape(y)
    fitting = [
        (x, axes)
        for x in _floats(pool)
        for axes in (range(types.of(x).rank), range(len(shape) - types.of(x).rank, len(shape)))
        if types.of(x).rank < len(shape)
        and all(b.shape(x)[i] in (1, shape[a]) for i, a in enumerate(axes))
    ]
    if not fitting:
        return None
    x, axes = choose(fitting)
    return getattr(b, choose(BINARY))(y, b.broadcast(x, shape=shape, axes=tuple(axes)))


def _select(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool))
    if x is None:
        return None
    zero = b.number(0.0, x)
    found = b.compare(x, zero, direction=choose(("lt", "ge", "eq")))
    if choose((True, False)):
        found = b.not_(found)
    return b.select(found, x, b.number(choose((0.0, -1.0)), x))


def _positions(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    axis = choose(range(types.of(x).rank))
    ramp = b.iota(shape=b.shape(x), dtype=dtypes.i32, axis=axis)
    return b.mul(x, b.cast(ramp, dtype=dtypes.f32))


def _transpose(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=2))
    if x is None:
        return None
    rank = types.of(x).rank
    perm = choose([tuple(reversed(range(rank))), (*range(1, rank), 0)])
    return b.transpose(x, perm=perm)


def _reshape(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool))
    if x is None:
        return None
    shape = b.shape(x)
    options: list[Shape] = [(1, *shape), (*shape, 1), tuple(n for n in shape if n != 1)]
    if len(shape) > 1:
        options += [(dims.product(shape),), (shape[0] * shape[1], *shape[2:])]
    return b.reshape(x, shape=choose(options))


def _slice(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    shape = b.shape(x)
    axis, step = choose(range(len(shape))), choose((1, 1, 2))
    lowest = 1 if isinstance(shape[axis], int) and shape[axis] > 1 else 0
    start: list[Size] = [lowest if a == axis else 0 for a in range(len(shape))]
    steps = tuple(step if a == axis else 1 for a in range(len(shape)))
    return b.slice(x, start=tuple(start), stop=shape, step=steps)


def _move(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    rank = types.of(x).rank
    axis = choose(range(rank))
    how = choose(("reverse", "pad", "concat", "take"))
    if how == "reverse":
        return b.reverse(x, axes=(axis,))
    if how == "concat":
        return b.concat(x, x, axis=axis)
    if how == "take":
        indices = b.constant(value=np.array(choose(([0], [1, 0], [[0, 5]])), np.int64))
        return b.take(x, indices, axis=axis)
    low, high = (tuple(choose((0, 1)) for _ in range(rank)) for _ in range(2))
    return b.pad(x, b.constant(value=np.float32(choose((0.0, 2.0)))), low=low, high=high)


def _reduce(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    rank = types.of(x).rank
    first = choose(range(rank))
    axes = choose(((rank - 1,), (first,), tuple(range(first, rank)), tuple(range(rank))))
    return b.reduce(x, kind=choose(("sum", "max", "min")), axes=axes)


def _normal(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    last = types.of(x).rank - 1
    how = choose(("softmax", "log_softmax", "layer_norm", "softmax"))
    if how == "layer_norm":
        one = b.constant(value=np.float32(1.0))
        one = b.broadcast(one, shape=b.shape(x)[-1:], axes=())
        return b.layer_norm(x, one, one, eps=1e-5)
    return getattr(b, how)(x, axis=choose((last, last, choose(range(last + 1)))))


def _dot(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    rank = types.of(x).rank
    pairs = [
        (y, i, k)
        for y in _floats(pool, rank=1)
        for i in range(rank)
        for k in range(types.of(y).rank)
        if b.shape(x)[i] == b.shape(y)[k] and rank + types.of(y).rank <= 5
    ]
    if not pairs:
        return None
    y, i, k = choose(pairs)
    batch = [
        (a, c)
        for a in range(rank)
        for c in range(types.of(y).rank)
        if a != i and c != k and b.shape(x)[a] == b.shape(y)[c]
    ]
    shared = [choose(batch)] if batch and choose((True, False)) else []
    return b.dot_general(
        x, y, batch_x=tuple(a for a, _ in shared), batch_y=tuple(c for _, c in shared),
        contract_x=(i,), contract_y=(k,),
    )  # fmt: skip


def _attend(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    q = _pick(choose, _floats(pool, rank=2))
    if q is None:
        return None
    like = [v for v in _floats(pool) if types.of(v) == types.of(q)]
    return b.attention(q, choose(like), choose(like), scale=0.5, causal=choose((True, False)))


def _conv(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    images = [v for v in _floats(pool) if types.of(v).rank == 3]
    x = _pick(choose, images)
    if x is None:
        return None
    if choose((True, False)):
        x = b.transpose(x, perm=(0, 2, 1))
    channels = b.shape(x)[1]
    if not isinstance(channels, int):
        return None
    weights = np.arange(2 * channels * 2, dtype=np.float32).reshape(2, channels, 2) - 2
    w = b.constant(value=weights / 2)
    return b.conv(x, w, stride=(1,), padding=((1, 0),), dilation=(1,), groups=1)


def _scatter(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    if x is None:
        return None
    indices = b.constant(value=np.array([0, 1, 0], np.int32))
    update = b.take(x, indices, axis=0)
    kind = ("set", "add", "max", "min")[len(pool) % 4]
    return b.scatter(x, indices, update, axis=0, kind=kind)


def _window(b: Builder, choose: Choose, pool: list[Value]) -> Value | None:
    x = _pick(choose, _floats(pool, rank=1))
    return (
        None
        if x is None
        else b.window(
            x, kind=choose(("max", "sum")), size=(2,), stride=(1,), padding=((1, 0),), dilation=(1,)
        )
    )


STEPS = (
    _unary, _unary, _binary, _binary, _spread, _spread, _select, _positions, _transpose, _reshape,
    _slice, _move, _reduce, _reduce, _normal, _normal, _dot, _window, _conv, _scatter, _attend,
)  # fmt: skip

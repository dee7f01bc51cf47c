"""The shapes: families of cases, each a function of a library and arrays.

A function uses what arrays of all libraries have (`@`, `+`, slices, `mT`) and what a library of
libraries.py offers (`product`, `gelu`, `attention`, `gradients`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """`fn(library, *arrays)` of arrays with these shapes. constants: so many of the last ones are
    known when compiling; named: the first size of the first array is a dim for axec."""

    family: str
    name: str
    fn: Callable[..., Any]
    shapes: tuple[Shape, ...]
    dtype: str = "f32"
    constants: int = 0
    named: bool = False

    @property
    def title(self) -> str:
        return f"{self.family} {self.name}"


def _matmul(lib: Any, x: Any, y: Any) -> Any:
    return lib.product(x, y)


def _by_transpose(lib: Any, x: Any, y: Any) -> Any:
    return lib.product(x, y.mT)


def _of_transpose(lib: Any, x: Any, y: Any) -> Any:
    return lib.product(x.mT, y)


def _of_transposes(lib: Any, x: Any, y: Any) -> Any:
    return lib.product(x.mT, y.mT)


def _dense(lib: Any, x: Any, w: Any, bias: Any) -> Any:
    return lib.gelu(x @ w + bias)


def _residual(lib: Any, x: Any, y: Any, w: Any, bias: Any) -> Any:
    return y + (x @ w + bias)


def _columns(lib: Any, x: Any, y: Any) -> Any:
    return x[:, 16 : x.shape[1] - 16] @ y


def _rows(lib: Any, x: Any, y: Any) -> Any:
    return x[::2] @ y


def _part(lib: Any, x: Any, y: Any) -> Any:
    return x @ y[:, 8 : y.shape[1] - 24]


def _every_other(lib: Any, x: Any, y: Any) -> Any:
    return x @ y[:, ::2]


def _attention(lib: Any, q: Any, k: Any, v: Any, *mask: Any, causal: bool = False) -> Any:
    return lib.attention(q, k, v, *mask, causal=causal)


def _attention_gradients(lib: Any, q: Any, k: Any, v: Any, causal: bool = False) -> Any:
    return lib.gradients(partial(_attention, lib, causal=causal), q, k, v)


def _folded(lib: Any, x: Any, fold: str, axis: int) -> Any:
    return getattr(lib.names, fold)(x, axis=axis)


def _chain(lib: Any, x: Any) -> Any:
    y = 0.5 * x * (1.0 + lib.names.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    return lib.names.exp(-y * y) * x + y


def _sum(lib: Any, x: Any, y: Any) -> Any:
    return x + y


def _gelu(lib: Any, x: Any) -> Any:
    return lib.gelu(x)


def _log_softmax(lib: Any, x: Any) -> Any:
    return lib.log_softmax(x)


def _joined(lib: Any, *parts: Any, how: str, axis: int) -> Any:
    return getattr(lib.names, how)(parts, axis=axis)


def _halves_turned(lib: Any, x: Any, cos: Any, sin: Any) -> Any:
    half = x.shape[-1] // 2
    return x * cos + lib.names.concat((-x[..., half:], x[..., :half]), axis=-1) * sin


def _in_order(lib: Any, x: Any) -> Any:
    return lib.names.argsort(x, axis=-1)


def _products(
    family: str, sizes: Iterator[Shape] | list[Shape], dtype: str = "f32", **more: Any
) -> Iterator[Case]:
    """x @ y of [m, k] and [k, n]."""
    for m, k, n in sizes:
        name = f"{dtype} {m}x{k}x{n}" + (" constant" if more.get("constants") else "")
        yield Case(family, name, _matmul, ((m, k), (k, n)), dtype, **more)


def _two_dimensional() -> Iterator[Case]:
    cubes = [(s, s, s) for s in (8, 12, 16, 17, 24, 32, 48, 64, 96)]
    yield from _products("cube", cubes)
    factors = (256, 256), (1024, 1024), (768, 3072), (4096, 1024)
    low = [(m, *kn) for m, kn in product((2, 3, 4, 8, 16), factors)]
    yield from _products("low", low)
    yield from _products("low", low, constants=1)
    tall = (256, 256), (1024, 1024), (4096, 256), (4096, 64)
    yield from _products("narrow", [(*mk, n) for mk, n in product(tall, (1, 2, 4, 8, 10, 12, 16))])
    yield from _products("outer", [(512, k, 512) for k in (1, 2, 4, 8, 16, 32)])
    yield from _products("outer", [(1024, k, 64) for k in (1, 4, 16)])
    odd = [(31, 31, 31), (67, 67, 67), (127, 127, 127), (251, 251, 251), (509, 509, 509)]
    yield from _products("odd", [*odd, (127, 509, 251), (13, 1021, 513), (769, 65, 33)])
    middle = [(128, 256, 256), (256, 256, 256), (64, 512, 2048), (512, 64, 512), (384, 384, 384)]
    yield from _products("middle", middle)
    yield from _products("middle", middle, constants=1)


def _dtypes() -> Iterator[Case]:
    sizes = [(16, 16, 16), (64, 64, 64), (4, 1024, 1024), (16, 768, 3072), (128, 512, 512)]
    sizes += [(512, 8, 512), (1024, 256, 4), (127, 251, 67), (256, 256, 256)]
    for dtype in ("f64", "bf16", "i8"):
        yield from _products(dtype, sizes, dtype)
        yield from _products(dtype, sizes[2:5], dtype, constants=1)
        yield Case(
            dtype, f"{dtype} 64x512x512 x@w.T", _by_transpose, ((64, 512), (512, 512)), dtype
        )
        yield Case(dtype, f"{dtype} 256x64x256 x.T@y", _of_transpose, ((64, 256), (64, 256)), dtype)


def _transposes() -> Iterator[Case]:
    for m in (1, 4, 8, 32, 128, 512):
        shapes = (m, 512), (512, 512)
        yield Case("transposed", f"{m}x512x512 x@w.T", _by_transpose, shapes)
        yield Case("transposed", f"512x{m}x512 x.T@y", _of_transpose, (shapes[0], shapes[0]))
    yield Case("transposed", "64x2048x768 x@w.T", _by_transpose, ((64, 2048), (768, 2048)))
    yield Case("transposed", "768x64x2048 x.T@y", _of_transpose, ((64, 768), (64, 2048)))
    yield Case("transposed", "8x256x10 x@w.T", _by_transpose, ((8, 256), (10, 256)))
    yield Case("transposed", "256x256x256 x.T@y.T", _of_transposes, ((256, 256), (256, 256)))
    yield Case("transposed", "64x31x127 x.T@y.T", _of_transposes, ((31, 64), (127, 31)))


def _batches() -> Iterator[Case]:
    heads = 32, 12
    for name, fn, shapes in (
        ("[32,12,128,64] q@k.T", _by_transpose, ((*heads, 128, 64), (*heads, 128, 64))),
        ("[32,12,128,128] p@v", _matmul, ((*heads, 128, 128), (*heads, 128, 64))),
        ("[32,12,128,64] x.T@y", _of_transpose, ((*heads, 128, 64), (*heads, 128, 64))),
        ("[256,8,8]", _matmul, ((256, 8, 8), (256, 8, 8))),
        ("[256,16,16]", _matmul, ((256, 16, 16), (256, 16, 16))),
        ("[64,33,33]", _matmul, ((64, 33, 33), (64, 33, 33))),
        ("[64,64,64]", _matmul, ((64, 64, 64), (64, 64, 64))),
        ("[64,128,64] @ [64,64]", _matmul, ((64, 128, 64), (64, 64))),
        ("[96,96] @ [64,96,32]", _matmul, ((96, 96), (64, 96, 32))),
        ("[64,4,256] @ [64,256,64]", _matmul, ((64, 4, 256), (64, 256, 64))),
        ("[256,64,64] @ [256,64,1]", _matmul, ((256, 64, 64), (256, 64, 1))),
        ("[256,1,64] @ [256,64,64]", _matmul, ((256, 1, 64), (256, 64, 64))),
    ):
        yield Case("batched", name, fn, shapes)


def _programs() -> Iterator[Case]:
    for m, k, n in (8, 256, 1024), (64, 512, 512), (256, 768, 768):
        yield Case("epilogue", f"{m}x{k}x{n} gelu", _dense, ((m, k), (k, n), (n,)), constants=2)
        shapes = (m, k), (m, n), (k, n), (n,)
        yield Case("epilogue", f"{m}x{k}x{n} residual", _residual, shapes, constants=2)
    for name, fn, shapes in (
        ("x[:,16:-16] @ y", _columns, ((128, 288), (256, 256))),
        ("x[::2] @ y", _rows, ((256, 256), (256, 256))),
        ("x @ y[:,8:-24]", _part, ((128, 256), (256, 288))),
        ("x @ y[:,::2]", _every_other, ((128, 256), (256, 512))),
    ):
        yield Case("strided", name, fn, shapes)
    yield from _products("named", [(m, 512, 512) for m in (1, 2, 8, 32, 100, 512)], named=True)
    constant = [(m, 512, 512) for m in (1, 2, 8, 32, 100, 512)]
    yield from _products("named", constant, named=True, constants=1)


def _attentions() -> Iterator[Case]:
    for depth, length in product((32, 64, 80, 128), (16, 128, 1024)):
        shapes = ((1, 8, length, depth),) * 3
        for causal in (False, True):
            name = f"8x{length}x{depth}" + " causal" * causal
            yield Case("attention", name, partial(_attention, causal=causal), shapes)
    for name, keys in ("4096 keys, 64 queries", (1, 8, 4096, 64)), ("77 keys", (1, 8, 77, 64)):
        yield Case("attention", name, _attention, ((1, 8, 64, 64), keys, keys))
    q, k = (1, 2, 4, 256, 64), (1, 2, 1, 256, 64)
    yield Case("attention", "8 heads, 2 of keys x256x64", _attention, (q, k, k))
    masked = ((4, 8, 128, 64),) * 3
    yield Case("attention", "32x128x64 mask added", _attention, (*masked, (128, 128)))
    for depth, length in (32, 128), (64, 128), (64, 1024), (128, 256):
        for causal in (False, True):
            name, fn = f"8x{length}x{depth}" + " causal" * causal, _attention_gradients
            shapes = ((1, 8, length, depth),) * 3
            yield Case("gradients", name, partial(fn, causal=causal), shapes)
    for heads, length, depth in (12, 128, 64), (12, 2048, 64), (32, 2048, 128), (8, 4096, 128):
        shapes = (1, heads, 1, depth), (1, heads, length, depth), (1, heads, length, depth)
        yield Case("decode", f"{heads}x{length}x{depth}", _attention, shapes)
    q, k = (1, 8, 4, 128), (1, 8, 2048, 128)
    yield Case("decode", "8 heads of keys, 4 queries each x2048x128", _attention, (q, k, k))


def _loops() -> Iterator[Case]:
    shapes = ((4096, 1024), (1024, 4096), (65536, 16), (64, 256, 256))
    for fold, shape, dtype in product(("sum", "argmax"), shapes, ("f32", "f64", "bf16")):
        if (fold, dtype) != ("argmax", "bf16"):  # which of equals torch names is open
            for axis in range(len(shape)):
                fn = partial(_folded, fold=fold, axis=axis)
                yield Case("folded", f"{dtype} {fold} {list(shape)} {axis}", fn, (shape,), dtype)
    for lines, size in (65536, 16), (8192, 64), (1000, 1000), (1, 1000000):
        yield Case("sorted", f"argsort [{lines}, {size}]", _in_order, ((lines, size),))


def _elements() -> Iterator[Case]:
    for size in 1 << 14, 1 << 22:
        yield Case("pointwise", f"12 ops [{size}]", _chain, ((size,),))
        yield Case("pointwise", f"gelu [{size}]", _gelu, ((size,),))
        yield Case("pointwise", f"add [{size}]", _sum, ((size,), (size,)))
    yield Case("pointwise", "add [16M]", _sum, ((1 << 24,),) * 2)
    for shape in (16384, 10), (4096, 1024):
        yield Case("pointwise", f"log_softmax {list(shape)}", _log_softmax, (shape,))
    for axis, first, second in (
        (0, (512, 1024), (512, 1024)), (1, (1024, 512), (1024, 512)),
        (1, (1024, 333), (1024, 200)), (1, (64, 32, 128), (64, 16, 128)),
        (1, (4096, 5), (4096, 11)), (2, (64, 64, 64), (64, 64, 64)),
    ):  # fmt: skip
        name = f"{list(first)} + {list(second)} {axis}"
        fn = partial(_joined, how="concat", axis=axis)
        yield Case("joined", name, fn, (first, second))
    yield Case(
        "joined", "4 x [1024, 64] 1", partial(_joined, how="concat", axis=1), ((1024, 64),) * 4
    )
    for count, axis in (2, 0), (2, -1), (3, -1), (4, 1):
        fn = partial(_joined, how="stack", axis=axis)
        yield Case("joined", f"stack {count} x [1024, 512] {axis}", fn, ((1024, 512),) * count)
    yield Case("joined", "halves turned", _halves_turned, ((8, 128, 64), (128, 64), (128, 64)))


def cases() -> list[Case]:
    """All of them."""
    parts = (
        _two_dimensional,
        _dtypes,
        _transposes,
        _batches,
        _programs,
        _attentions,
        _loops,
        _elements,
    )
    return [case for part in parts for case in part()]

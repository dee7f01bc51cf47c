"""Random calls, good and bad ones: the native path and the slow one give the same, or refuse with
the same words."""

from __future__ import annotations

import collections.abc
import copy
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from axec.runtime.errors import AxecError
from axec.runtime.loader import Program

Rng = random.Random
Make = Callable[[Rng, tuple[int, ...], str], Any]
BF16 = np.dtype(ml_dtypes.bfloat16)


class Liar:
    """Says that it is an array of bfloat16, and gives the buffer of something else."""

    dtype, shape = BF16, (8,)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.held


class Refuses:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise ValueError("no array here")


def good(rng: Rng, shape: tuple[int, ...], dtype: str) -> Any:
    numbers = np.array([rng.randrange(100) for _ in range(int(np.prod(shape)))])
    return numbers.reshape(shape).astype(BF16 if dtype == "bf16" else dtype)


def misaligned(array: Any) -> Any:
    room = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    room[...] = array
    return room


def frozen(array: Any) -> Any:
    array.flags.writeable = False
    return array


def dtype_of(dtype: str) -> Any:
    return BF16 if dtype == "bf16" else np.dtype(dtype)


#: What stands for an array of a shape and dtype, and is that, holds that, or is neither.
ARRAYS: list[Make] = [
    *[good] * 12,
    lambda r, s, d: good(r, s, r.choice(["f4", "f8", "f2", "i4", "u2", "bf16", "c8", "?", "O"])),
    lambda r, s, d: good(r, s, d).astype(dtype_of(d).newbyteorder()),
    lambda r, s, d: np.repeat(good(r, s, d), 2, axis=0)[::2],
    lambda r, s, d: good(r, s, d)[::-1],
    lambda r, s, d: np.asfortranarray(good(r, s, d)),
    lambda r, s, d: misaligned(good(r, s, d)),
    lambda r, s, d: frozen(good(r, s, d)),
    lambda r, s, d: good(r, s, d).view(type("Sub", (np.ndarray,), {})),
    lambda r, s, d: good(r, s, d).view(np.recarray),
    lambda r, s, d: np.ma.masked_array(good(r, s, d)),
    lambda r, s, d: good(r, (*s, 1), d),
    lambda r, s, d: good(r, (), d),
    lambda r, s, d: good(r, (s[0] + r.choice([-1, 1, 40]), *s[1:]), d),
    lambda r, s, d: good(r, (0, *s[1:]), d),
    lambda r, s, d: good(r, s, "f4").tolist(),
    lambda r, s, d: memoryview(good(r, s, "u2" if d == "bf16" else d)),
    lambda r, s, d: good(r, s, d).view(np.uint16) if d == "bf16" else good(r, s, d),
    lambda r, s, d: Liar(good(r, s, r.choice([d, "f4", "u2", "i8"]))),
    lambda r, s, d: r.choice([None, 1, 2.5, True, "text", b"x" * 64, [1, [2]], Refuses(), object]),
    lambda r, s, d: np.zeros(s, [("a", "u2")]),
]

#: What stands for a dict, a list or a tuple.
NODES: list[Callable[[Rng, Any], Any]] = [
    *[lambda r, node: node] * 12,
    lambda r, node: None,
    lambda r, node: types.SimpleNamespace(x=node),
    lambda r, node: list(node) if isinstance(node, tuple) else tuple(node),
    lambda r, node: collections.OrderedDict(node) if isinstance(node, dict) else node * 2,
    lambda r, node: types.MappingProxyType(node) if isinstance(node, dict) else node[:-1],
    lambda r, node: {**node, "more": 1} if isinstance(node, dict) else [*node, None],
    lambda r, node: {**node, 7: 1} if isinstance(node, dict) else np.array(1.0),
    lambda r, node: dict(list(node.items())[:-1]) if isinstance(node, dict) else "ab",
    lambda r, node: dict(reversed(node.items())) if isinstance(node, dict) else node,
    lambda r, node: collections.UserDict(node) if isinstance(node, dict) else {},
]


def made(rng: Rng, tree: Any, leaves: Any, shapes: dict[str, int], *, wild: bool) -> Any:
    """A value for a tree of the manifest; `wild`: with something else in places."""
    if tree["kind"] == "leaf":
        row = next(leaves)
        shape = tuple(n if isinstance(n, int) else eval(n, dict(shapes)) for n in row["shape"])
        dtype = {"f32": "f4", "bf16": "bf16"}[row["dtype"]]
        return (rng.choice(ARRAYS) if wild else good)(rng, shape, dtype)
    if tree["kind"] == "none":
        return rng.choice([None] * 9 + [0]) if wild else None
    inner = [made(rng, child, leaves, shapes, wild=wild) for child in tree["children"]]
    found: Any = dict(zip(tree["keys"], inner, strict=True)) if "keys" in tree else inner
    if tree["kind"] == "tuple":
        found = tuple(inner)
    return rng.choice(NODES)(rng, found) if wild else found


def call_of(rng: Rng, row: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments and keywords of a call of an entry, most of them nearly right."""
    sizes = {dim: rng.choice([rng.randint(*ends), rng.randint(0, 70)]) for dim, ends in
             row["dims"].items()}  # fmt: skip
    wild = rng.random() < 0.7
    leaves, outs = iter(row["inputs"]), iter(row["outputs"])
    trees, names = row["in_tree"]["children"], row["in_tree"]["keys"]
    values = [made(rng, tree, leaves, sizes, wild=wild) for tree in trees]
    count = rng.randint(0, len(values))
    args, kwargs = values[:count], dict(zip(names[count:], values[count:], strict=True))
    kwargs = dict(rng.sample([*kwargs.items()], len(kwargs)))
    if rng.random() < 0.6:
        kwargs["out"] = made(rng, row["out_tree"], outs, sizes, wild=wild)
    if rng.random() < 0.2:
        kwargs["threads"] = rng.choice([1, None, 0, True, 1 << 70, "1", 1.0, np.int64(1)])
    if rng.random() < 0.05:
        kwargs[rng.choice([*names, "w"])] = values[0]
    if rng.random() < 0.05 and args:
        rng.choice([args.pop, args.clear])()
    if rng.random() < 0.1 and args and isinstance(args[0], np.ndarray) and args[0].ndim:
        kwargs["out"] = rng.choice([args[0], args[0].view(), args[0][::-1]])
    if has_view(kwargs.get("out")):  # only native code writes into memory that is no array
        del kwargs["out"]
    return args, kwargs


def has_view(value: Any) -> bool:
    """Whether a memoryview is among the leaves."""
    inner = value.values() if isinstance(value, collections.abc.Mapping) else value
    if isinstance(inner, (list, tuple)) or inner is not value:
        return any(map(has_view, inner))
    return isinstance(value, memoryview)


def outcome(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """All that a call gives or says, in a form that can be compared."""
    try:
        found = function(*args, **kwargs)
    except AxecError as e:
        return e.code, e.message, e.hint
    except (TypeError, RuntimeError, MemoryError) as e:
        return type(e), str(e)
    same = found is kwargs.get("out")
    return plain(found), same, plain(kwargs.get("out"))


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value), *map(plain, value)]
    if isinstance(value, np.ndarray):
        return type(value), str(value.dtype), value.shape, value.tobytes()
    return repr(type(value))


@pytest.mark.parametrize("name", ["add", "half", "scale", "shapes", "tree"])
def test_both_paths_agree(loaded: Program, name: str) -> None:
    native, seen = loaded[name], collections.Counter[str]()
    row = loaded.manifest["entries"][name]
    for seed in range(700):
        pair = [call_of(random.Random(seed), row) for _ in range(2)]
        found, slow = (
            outcome(f, *call) for f, call in zip((native, native.__self__), pair, strict=True)
        )
        objects = _addresses(str(found)), _addresses(str(slow))
        assert objects[0] == objects[1], (seed, pair[0])
        seen["result" if len(found) == 3 and found[1] in (True, False) else str(found[0])] += 1
    assert seen["result"] > 60
    assert len(seen) > 5


def _addresses(text: str) -> str:
    """Without the addresses of objects in error messages."""
    import re

    return re.sub(r" at 0x[0-9a-f]+", "", text)


def test_no_reference_is_lost_or_kept(loaded: Program) -> None:
    """The counts of all objects of a call are what they were, whatever became of it."""
    for name in ("add", "half", "shapes", "tree"):
        row = loaded.manifest["entries"][name]
        for seed in range(300):
            args, kwargs = call_of(random.Random(seed), row)
            held = [*args, *kwargs.values()]
            held += [leaf for v in held if isinstance(v, dict) for leaf in v.values()]
            held = [v for v in held if isinstance(v, (np.ndarray, list))]
            before = [sys.getrefcount(v) for v in held]
            for _ in range(3):
                outcome(loaded[name], args, kwargs)
            assert [sys.getrefcount(v) for v in held] == before, (name, seed)


def test_copies_do_not_take_the_dtype_for_another(loaded: Program) -> None:
    """Arrays of bfloat16 whose dtype was copied or read from a file."""
    import pickle

    x = np.arange(8).astype(BF16)
    for same in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), x.astype(BF16.newbyteorder())):
        assert loaded["half"](same).tolist() == x.tolist()

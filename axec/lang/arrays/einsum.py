"""`einsum`: a product of arrays written by naming their axes, as in NumPy.

Every operand is first brought to distinct labels (a repeated one is its diagonal), labels that
nobody else needs are summed, and pairs are folded from left to right with one dot_general each.
"""

from __future__ import annotations

import string
from collections import Counter
from typing import Any, NoReturn

from axec.dialects.axe.constants import iota
from axec.dialects.dims import Size
from axec.dialects.dtypes import i64
from axec.lang.arrays import reduce
from axec.lang.arrays.arrange import permute_dims, reshape
from axec.lang.arrays.contract import dot, factors
from axec.lang.arrays.core import ArrayLike
from axec.lang.arrays.dispatch import apply
from axec.lang.arrays.elementwise import where
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error

__all__ = ["einsum"]

_LETTERS = string.ascii_letters
# Private labels for the axes under an ellipsis, counted from the last axis.
_HIDDEN = [chr(c) for c in range(0x3B1, 0x3C9)]


def einsum(subscripts: str, /, *operands: ArrayLike, dtype: Any = None) -> Tensor:
    """Sum of products by labelled axes: `axe.einsum("bij,bjk->bik", x, y)`.

    A label in several operands is one axis; one that the result does not name is summed; without
    `->` the result has the labels that occur once, sorted. "..." stands for leading axes, which
    broadcast. Operands promote to one dtype; `dtype` is that of sums and result, as of `matmul`.
    AxecError `einsum-subscripts` when text and operands do not fit.
    """
    if not isinstance(subscripts, str) or not operands:
        _fail("needs a text and one or more operands")
    tensors = factors("einsum", dtype, *operands)
    inputs, output = _parse(subscripts, [t.ndim for t in tensors])
    sizes = _sizes(subscripts, inputs, tensors)
    terms = [_prepared(t, labels, sizes) for t, labels in zip(tensors, inputs, strict=True)]
    value, labels = terms[0]
    for i, (other, other_labels) in enumerate(terms[1:], 1):
        needed = set(output).union(*(set(later) for _, later in terms[i + 1 :]))
        value, labels = _product(value, labels, other, other_labels, needed)
    value, labels = _summed(value, labels, set(output))
    return _arranged(value, labels, output, sizes)


def _parse(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        _fail(f"{subscripts!r} names {len(terms)} operands, got {len(ranks)}")
    inputs = [_labels(subscripts, t, rank) for t, rank in zip(terms, ranks, strict=True)]
    hidden = max((sorted(set(t) & set(_HIDDEN)) for t in inputs), key=len)
    ellipsis = "".join(reversed(hidden))
    if not arrow:
        once = Counter("".join(inputs))
        right = "..." + "".join(sorted(c for c in once if once[c] == 1 and c in _LETTERS))
    output = right.replace("...", ellipsis)
    for c in output:
        if output.count(c) > 1:
            _fail(f"{subscripts!r}: the result names {c!r} twice")
        if not any(c in t for t in inputs):
            _fail(f"{subscripts!r}: the result names {c!r}, which no operand has")
    return inputs, output


def _labels(subscripts: str, term: str, rank: int) -> str:
    """The labels of one operand, its ellipsis written out."""
    letters = term.replace("...", "", 1)
    if any(c not in _LETTERS for c in letters):
        _fail(f"{subscripts!r}: a label is a letter, got {term!r}")
    spare = rank - len(letters)
    if spare < 0 or (spare and "..." not in term):
        _fail(f"{subscripts!r}: {term!r} does not fit an operand of {rank} axes")
    return term.replace("...", "".join(reversed(_HIDDEN[:spare])))


def _sizes(subscripts: str, inputs: list[str], tensors: list[Tensor]) -> dict[str, Size]:
    """The size of every label; 1 gives way to another size."""
    found: dict[str, Size] = {}
    for labels, t in zip(inputs, tensors, strict=True):
        for c, n in zip(labels, t.type.shape, strict=True):
            have = found.setdefault(c, n)
            if have == 1:
                found[c] = n
            elif n not in (1, have):
                _fail(f"{subscripts!r}: axis {c!r} has sizes {have} and {n}")
    return found


def _prepared(x: Tensor, labels: str, sizes: dict[str, Size]) -> tuple[Tensor, str]:
    """Distinct labels, each of its full size: diagonals are taken, stretched axes dropped."""
    for c in sorted({c for c in labels if labels.count(c) > 1}):
        while labels.count(c) > 1:
            x, labels = _diagonal(x, labels, c)
    narrow = [i for i, c in enumerate(labels) if x.type.shape[i] == 1 and sizes[c] != 1]
    shape = tuple(s for i, s in enumerate(x.type.shape) if i not in narrow)
    return reshape(x, shape), "".join(c for i, c in enumerate(labels) if i not in narrow)


def _diagonal(x: Tensor, labels: str, c: str) -> tuple[Tensor, str]:
    """The first two axes labelled c become one: off the diagonal is 0, then one axis is summed."""
    i = labels.index(c)
    j = labels.index(c, i + 1)
    rows, columns = (apply(iota, shape=x.type.shape, dtype=i64, axis=a) for a in (i, j))
    kept = reduce.sum(where(rows == columns, x, 0), axis=j, dtype=x.dtype)
    return kept, labels[:j] + labels[j + 1 :]


def _summed(x: Tensor, labels: str, needed: set[str]) -> tuple[Tensor, str]:
    gone = tuple(i for i, c in enumerate(labels) if c not in needed)
    found = reduce.sum(x, axis=gone, dtype=x.dtype) if gone else x
    return found, "".join(c for c in labels if c in needed)


def _product(x: Tensor, a: str, y: Tensor, b: str, needed: set[str]) -> tuple[Tensor, str]:
    """Two operands into one; labels outside `needed` are summed."""
    x, a = _summed(x, a, needed | set(b))
    y, b = _summed(y, b, needed | set(a))
    shared = [c for c in a if c in b]
    batch = [c for c in shared if c in needed]
    contracted = [c for c in shared if c not in needed]
    found = dot(
        x,
        y,
        ([a.index(c) for c in contracted], [b.index(c) for c in contracted]),
        ([a.index(c) for c in batch], [b.index(c) for c in batch]),
    )
    free = [c for c in a + b if c not in shared]
    return found, "".join(batch + free)


def _arranged(x: Tensor, labels: str, output: str, sizes: dict[str, Size]) -> Tensor:
    """Axes in the order of the result; every label of the result is there by now."""
    assert sorted(labels) == sorted(output), (labels, output, sizes)
    return permute_dims(x, [labels.index(c) for c in output])


def _fail(message: str) -> NoReturn:
    raise error(
        "einsum-subscripts",
        f"einsum: {message}",
        hint='write one label per axis, operands apart by commas: `"ij,jk->ik"`',
    )

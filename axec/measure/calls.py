"""Calls of an entry with arrays that are read from .npy files, or drawn from a seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (gives NumPy its bfloat16, which the runtime then uses)

from axec.runtime.abi import DTYPES
from axec.runtime.errors import AxecError
from axec.runtime.loader import Program
from axec.runtime.program import evaluate
from axec.runtime.tree import flatten, unflatten

__all__ = ["Call", "prepare"]


@dataclass(frozen=True)
class Call:
    """One prepared call of an entry: `spec` is its part of the manifest, `inputs` are NumPy arrays
    in the manifest's order."""

    name: str
    function: Callable[..., Any]
    spec: dict[str, Any]
    dims: dict[str, int]
    inputs: list[Any]

    @cached_property
    def arguments(self) -> tuple[Any, ...]:
        """The inputs as the trees that the entry takes."""
        return tuple(unflatten(self.spec["in_tree"], iter(self.inputs)).values())

    def run(self, **options: Any) -> list[Any]:
        """Call once; gives the outputs in the manifest's order."""
        result = self.function(*self.arguments, **options)
        return list(flatten(self.spec["out_tree"], result, "result"))

    def outputs(self) -> Any:
        """Fresh arrays as `out=` takes them."""
        import numpy as np

        arrays = self.spec["outputs"]
        fresh = (np.empty(_shape(a, self.dims), _numpy_dtype(a["dtype"])) for a in arrays)
        return unflatten(self.spec["out_tree"], fresh)


def prepare(
    program: Program,
    entry: str | None,
    files: Iterable[str] = (),
    sizes: Iterable[str] = (),
    seed: int | None = None,
) -> Call:
    """Inputs for one entry: `files` are NAME=FILE.npy, `sizes` are DIM=SIZE.

    Inputs without a file are drawn from `seed`; AxecError `input-count` when that is None. Dims
    that neither a file nor `sizes` fixes are at their lower bound, but at least 1.
    """
    name = _pick(program, entry)
    spec = program.manifest["entries"][name]
    given = _load_files(spec, files)
    dims = _dims(spec, given, sizes)
    missing = [array["name"] for array in spec["inputs"] if array["name"] not in given]
    if missing and seed is None:
        raise AxecError(
            "input-count",
            f"{name!r} needs {', '.join(missing)}",
            hint=f"--random, or --in {missing[0]}=FILE.npy",
        )
    inputs = list(_fill(spec, given, dims, seed or 0))
    return Call(name, program[name], spec, dims, inputs)


def _pick(program: Program, entry: str | None) -> str:
    names = list(program.entries)
    if entry is None and len(names) > 1:
        message = f"the artifact has several entries: {', '.join(names)}"
        raise AxecError("entry-ambiguous", message, hint=f"--entry {names[0]}")
    name = names[0] if entry is None else entry
    program[name]  # AxecError `entry-unknown`
    return name


def _pairs(texts: Iterable[str], what: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise AxecError("option-invalid", f"{text!r} is not of the form {what}")
        yield name, value


def _load_files(spec: Mapping[str, Any], files: Iterable[str]) -> dict[str, Any]:
    import numpy as np

    names = [array["name"] for array in spec["inputs"]]
    found: dict[str, Any] = {}
    for name, path in _pairs(files, "NAME=FILE.npy"):
        if name not in names:
            raise AxecError("input-name", f"input {name!r} is none of {', '.join(names)}")
        try:
            with Path(path).open("rb") as file:
                found[name] = np.lib.format.read_array(file, allow_pickle=False)
        except OSError as e:
            raise AxecError("input-file", f"cannot read {path}: {e.strerror}") from None
        except ValueError as e:
            message = f"{path} is no .npy file of plain numbers: {e}"
            raise AxecError("input-file", message, hint="write it with numpy.save") from None
    return found


def _dims(
    spec: Mapping[str, Any], given: Mapping[str, Any], sizes: Iterable[str]
) -> dict[str, int]:
    dims = {name: max(low, min(1, high)) for name, (low, high) in sorted(spec["dims"].items())}
    for array in spec["inputs"]:
        if array["name"] in given:
            shape = zip(array["shape"], given[array["name"]].shape, strict=False)
            dims |= {size: actual for size, actual in shape if size in dims}
    for name, text in _pairs(sizes, "DIM=SIZE"):
        if name not in dims:
            known = ", ".join(dims) or "none"
            raise AxecError("option-invalid", f"no dim {name!r}; the entry's dims: {known}")
        if not re.fullmatch(r"\d{1,18}", text):
            raise AxecError("option-invalid", f"dim {name!r} cannot be {text!r}")
        dims[name] = int(text)
    for name, actual in dims.items():
        low, high = spec["dims"][name]
        if not low <= actual <= high:
            message = f"dim {name!r} is {actual}; the artifact serves {low} to {high}"
            raise AxecError("dim-out-of-range", message, hint=f"--dims {name}={high}")
    return dims


def _fill(
    spec: Mapping[str, Any], given: Mapping[str, Any], dims: Mapping[str, int], seed: int
) -> Iterator[Any]:
    import numpy as np

    generator = np.random.default_rng(seed)
    for array in spec["inputs"]:
        drawn = _draw(generator, array["dtype"], _shape(array, dims))
        yield given.get(array["name"], drawn)


def _draw(generator: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    """Normal floats; integers from 0 to 99, so that they serve as indices too; fair bools."""
    if dtype == "bool":
        return generator.integers(0, 2, shape) == 1
    if "f" not in dtype:
        return generator.integers(0, 100, shape).astype(_numpy_dtype(dtype))
    drawn = generator.standard_normal(shape, dtype="float32")
    return drawn.astype(_numpy_dtype(dtype))


def _shape(array: Mapping[str, Any], dims: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(evaluate(size, dims) for size in array["shape"])


def _numpy_dtype(name: str) -> Any:
    import numpy as np

    return np.dtype(DTYPES[name][1])

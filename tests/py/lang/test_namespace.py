"""`import axec as axe`: light, lazy, complete, and typed."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec import lang
from axec.lang.arrays import aliases

ROOT = Path(__file__).resolve().parents[3]


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_importing_loads_nothing_heavy() -> None:
    heavy = "('numpy', 'torch_mlir', 'llvmlite', 'ml_dtypes', 'axec.lang')"
    code = f"import sys, axec; print([m for m in {heavy} if m in sys.modules])"
    assert python(code) == "[]\n"


def test_the_compiler_loads_on_first_use() -> None:
    code = "import sys, axec as axe; axe.float32; print('llvmlite' in sys.modules)"
    assert python(code) == "False\n"


def test_every_name_is_there() -> None:
    for name in lang.NAMES:
        assert getattr(axe, name) is getattr(lang, name)
    assert set(lang.NAMES) < set(dir(axe))
    assert {"compile", "jit", "load"} < set(dir(axe))


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match=r"axec has no 'sofmax', did you mean 'softmax'\?"):
        axe.sofmax  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(axe, "qqqqq")
    assert not hasattr(axe, "_private")


@pytest.mark.parametrize("name", lang.NAMES)
def test_everything_is_documented(name: str) -> None:
    value: Any = getattr(axe, name)
    if name in CONSTANTS:
        return
    if not inspect.ismodule(value) and not isinstance(value, type(axe.float32)):
        assert value.__doc__
    if inspect.isfunction(value):
        assert value.__name__ in (name, "asarray") or hasattr(aliases, name)
        assert inspect.signature(value).return_annotation is not inspect.Signature.empty


CONSTANTS = {"e": 2.718281828459045, "pi": 3.141592653589793, "inf": float("inf"), "nan": None,
             "newaxis": None}  # fmt: skip


def test_constants() -> None:
    found = {name: getattr(axe, name) for name in CONSTANTS}
    assert np.isnan(found["nan"])
    assert found | {"nan": None} == CONSTANTS
    assert axe.ones(3)[:, axe.newaxis].shape == (3, 1)


def test_dtype_functions() -> None:
    assert axe.promote_types(axe.uint8, axe.int8) is axe.int32
    assert axe.result_type(axe.float32, np.ones(2, np.float64), 1) is axe.float64
    assert axe.result_type(axe.ones(2, dtype=axe.bfloat16), 1.5) is axe.bfloat16
    assert axe.can_cast(axe.int32, axe.int64)
    assert not axe.can_cast(axe.ones(2), axe.int64)
    assert axe.isdtype(axe.uint8, "integral")
    assert axe.isdtype(axe.float16, ("bool", "real floating"))
    assert not axe.isdtype(axe.bool, "numeric")
    assert axe.isdtype(axe.int8, axe.int8)
    assert axe.iinfo(axe.uint8).max == 255
    assert axe.finfo(axe.bfloat16).eps == 2.0**-7
    assert axe.finfo(axe.ones(1, dtype=axe.float64)).smallest_normal == 2.0**-1022
    with pytest.raises(axe.AxecError, match="int32 is not floating point"):
        axe.finfo(axe.int32)


def test_inspection() -> None:
    info = axe.__array_namespace_info__()
    assert info.dtypes(kind="real floating").keys() == {"float64", "float32", "float16", "bfloat16"}
    assert info.default_dtypes()["integral"] is axe.int64
    assert info.capabilities()["data-dependent shapes"] is True
    told: list[Any] = []
    axe.jit(lambda x: told.append(info.capabilities()) or x)(np.ones(2))
    assert told[0]["boolean indexing"] is False


def test_arrays_know_their_namespace() -> None:
    x = axe.ones(3)
    assert x.__array_namespace__(api_version="2024.12") is axe
    assert axe.__array_api_version__ == "2024.12"
    with pytest.raises(axe.AxecError, match=r"follows version 2024.12, not 1999"):
        x.__array_namespace__(api_version="1999")
    assert x.to_device(x.device) is x


def test_dlpack() -> None:
    x = np.arange(6.0).reshape(2, 3)
    there = axe.from_dlpack(x)
    back = np.from_dlpack(there)
    assert np.shares_memory(back, x)
    np.testing.assert_array_equal(back, x)


def test_shift_operators() -> None:
    x = axe.asarray([1, 2, 8])
    assert (x << 2).tolist() == [4, 8, 32]
    assert (x >> 1).tolist() == [0, 1, 4]
    assert (1 << x).tolist() == [2, 4, 256]
    assert (256 >> x).tolist() == [128, 64, 1]


TYPED = """
import axec as axe
reveal_type(axe.add(1, 2.5))
reveal_type(axe.ones((2, 3)).sum(axis=0) @ axe.zeros(3))
reveal_type(axe.split(axe.ones(4), 2))
reveal_type(axe.spec((2,)))
axe.exp("x")
axe.softmaxx(1)
"""


def test_mypy_sees_the_types(tmp_path: Path) -> None:
    path = tmp_path / "typed.py"
    path.write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    told = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "typed.py:" in line]
    assert told[:4] == [
        'note: Revealed type is "axec.lang.arrays.tensor.Tensor"',
        'note: Revealed type is "axec.lang.arrays.tensor.Tensor"',
        'note: Revealed type is "list[axec.lang.arrays.tensor.Tensor]"',
        'note: Revealed type is "axec.lang.spec.Spec"',
    ]
    assert 'Argument 1 to "__call__" of "Unary"' in told[4]
    assert 'Module has no attribute "softmaxx"' in told[5]


# Python array API standard 2024.12: every name of the namespace and of its extensions.
_NAMES = """
e inf nan newaxis pi arange asarray empty empty_like eye from_dlpack full full_like
linspace meshgrid ones ones_like tril triu zeros zeros_like astype can_cast finfo iinfo isdtype
result_type bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64
complex128 abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift
bitwise_invert bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide
equal exp expm1 floor floor_divide greater greater_equal hypot imag isfinite isinf isnan less
less_equal log log1p log2 log10 logaddexp logical_and logical_not logical_or logical_xor maximum
minimum multiply negative nextafter not_equal positive pow real reciprocal remainder round sign
signbit sin sinh square sqrt subtract tan tanh trunc matmul matrix_transpose tensordot vecdot
broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape roll
squeeze stack tile unstack argmax argmin count_nonzero nonzero searchsorted where unique_all
unique_counts unique_inverse unique_values argsort sort cumulative_prod cumulative_sum max mean min
prod std sum var take take_along_axis all any diff __array_namespace_info__ __array_api_version__
linalg.cholesky linalg.cross linalg.det linalg.diagonal linalg.eigh linalg.eigvalsh linalg.inv
linalg.matmul linalg.matrix_norm linalg.matrix_power linalg.matrix_rank linalg.matrix_transpose
linalg.outer linalg.pinv linalg.qr linalg.slogdet linalg.solve linalg.svd linalg.svdvals
linalg.tensordot linalg.trace linalg.vecdot linalg.vector_norm fft.fft fft.ifft fft.fftn fft.ifftn
fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft fft.ihfft fft.fftfreq fft.rfftfreq fft.fftshift
fft.ifftshift
"""
STANDARD = _NAMES.split()

_METHODS = """
__abs__ __add__ __and__ __array_namespace__ __bool__ __complex__ __dlpack__
__dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__
__invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__
__rshift__ __setitem__ __sub__ __truediv__ __xor__ to_device dtype device mT ndim shape size
T
"""
METHODS = _METHODS.split()

_COMPLEX = "there are no complex numbers"
_INTEGERS = "machine learning programs store int8, uint8, int32 and int64"
LEFT_OUT = {
    **dict.fromkeys(["complex64", "complex128", "conj", "imag", "real"], _COMPLEX),
    **dict.fromkeys(["int16", "uint16", "uint32", "uint64"], _INTEGERS),
    **dict.fromkeys([n for n in STANDARD if n.startswith("fft.")], _COMPLEX),
    "__complex__": _COMPLEX,
}


def test_the_standard_is_there() -> None:
    """Every name but those with a reason, each of which is really missing."""

    def has(name: str) -> bool:
        value: Any = axe
        for part in name.split("."):
            value = getattr(value, part, None)
        return value is not None or name == "newaxis"

    assert {n for n in STANDARD if not has(n)} | {"__complex__"} == set(LEFT_OUT)
    x = axe.ones((2, 2))
    assert {n for n in METHODS if not hasattr(x, n)} == {"__complex__"}

"""The libraries: each turns a case and its arrays into a call without arguments.

An `Unsupported` says that a library has no such op; a process imports the one that it measures.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from sweep.cases import Case

Call = Callable[[], Any]
Arrays = list[np.ndarray[Any, Any]]


class Unsupported(Exception):
    """The library has no such op."""


class Library:
    """`threads`: how many a call may use."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        raise NotImplementedError

    @property
    def names(self) -> Any:
        """The module with the functions of the array API."""
        raise Unsupported

    def product(self, x: Any, y: Any) -> Any:
        """x @ y; bytes are summed in int32."""
        return x @ y

    def gelu(self, x: Any) -> Any:
        raise Unsupported

    def log_softmax(self, x: Any) -> Any:
        """Along the last axis."""
        raise Unsupported

    def attention(self, q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
        raise Unsupported

    def gradients(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Those of the sum of fn's result, for all arguments."""
        raise Unsupported


def random(case: Case) -> Arrays:
    """The arrays of a case: normal numbers, or bytes; bfloat16 comes as float32 that it holds."""
    rng = np.random.default_rng(0)
    if case.dtype == "i8":
        return [rng.integers(-100, 100, s, np.int8) for s in case.shapes]
    dtype = np.float64 if case.dtype == "f64" else np.float32
    found = [_aligned(rng.standard_normal(s, dtype)) for s in case.shapes]
    if case.dtype == "bf16":
        found = [(x.view(np.uint32) & 0xFFFF0000).view(np.float32) for x in found]
    return found


def _aligned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    room = np.empty(array.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    found = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


class Axec(Library):
    """`known`: dims are sizes, which is what other libraries get."""

    known = False

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        import tempfile
        from pathlib import Path

        import axec as axe
        from axec.runtime import load

        if case.dtype == "bf16":
            import ml_dtypes

            arrays = [x.astype(ml_dtypes.bfloat16) for x in arrays]
        split = len(arrays) - case.constants
        given: Any = [axe.spec_like(x) for x in arrays[:split]] + arrays[split:]
        if case.named and not self.known:
            x = arrays[0]
            given[0] = axe.spec((axe.dim("rows", 1, 4096), *x.shape[1:]), given[0].dtype)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.axe"
            axe.compile(lambda *args: case.fn(self, *args), *given, name="case").save(path)
            run = load(path)
        first = run(*arrays[:split])
        out = [np.empty_like(x) for x in first] if isinstance(first, tuple) else first.copy()
        out = tuple(out) if isinstance(out, list) else out
        rest, threads = tuple(arrays[:split]), self.threads

        def call() -> Any:
            run(*rest, out=out, threads=threads)
            return out

        return call

    @property
    def names(self) -> Any:
        import axec as axe

        return axe

    def product(self, x: Any, y: Any) -> Any:
        import axec as axe

        return axe.matmul(x, y, dtype=axe.int32) if x.dtype is axe.int8 else x @ y

    def gelu(self, x: Any) -> Any:
        from axec import nn

        return nn.gelu(x)

    def log_softmax(self, x: Any) -> Any:
        from axec import nn

        return nn.log_softmax(x)

    def attention(self, q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
        from axec import nn

        return nn.scaled_dot_product_attention(q, k, v, mask, causal=causal)

    def gradients(self, fn: Callable[..., Any], *args: Any) -> Any:
        import axec as axe

        return axe.grad(lambda *a: axe.sum(fn(*a)), argnums=tuple(range(len(args))))(*args)


class Known(Axec):
    known = True

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        if not case.named:
            raise Unsupported
        return super().prepare(case, arrays)


class NumPy(Library):
    names = np

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        if case.dtype in ("bf16", "i8"):
            raise Unsupported
        self.out = np.empty_like(case.fn(self, *arrays))
        return lambda: case.fn(self, *arrays)

    def product(self, x: Any, y: Any) -> Any:
        return np.matmul(x, y, out=getattr(self, "out", None))


class Torch(Library):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import torch

        torch.set_num_threads(threads)
        self.torch = torch

    @property
    def names(self) -> Any:
        return self.torch

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        if case.dtype == "i8" and case.shapes[0][0] <= 16:
            raise Unsupported  # _int_mm has no few rows
        given = [self.torch.from_numpy(x) for x in arrays]
        if case.dtype == "bf16":
            given = [x.bfloat16() for x in given]
        if case.family == "gradients":
            return lambda: case.fn(self, *given)

        def call() -> Any:
            with self.torch.inference_mode():
                return case.fn(self, *given)

        return call

    def product(self, x: Any, y: Any) -> Any:
        return self.torch._int_mm(x, y) if x.dtype is self.torch.int8 else x @ y

    def gelu(self, x: Any) -> Any:
        return self.torch.nn.functional.gelu(x)

    def log_softmax(self, x: Any) -> Any:
        return self.torch.log_softmax(x, -1)

    def attention(self, q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
        attend = self.torch.nn.functional.scaled_dot_product_attention
        return attend(q, k, v, mask, is_causal=causal)

    def gradients(self, fn: Callable[..., Any], *args: Any) -> Any:
        leaves = [x.detach().requires_grad_() for x in args]
        return self.torch.autograd.grad(fn(*leaves).sum(), leaves)


class Jax(Library):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax

    @property
    def names(self) -> Any:
        return self.jax.numpy

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        given = [self.jax.numpy.asarray(x) for x in arrays]
        if case.dtype == "bf16":
            given = [x.astype("bfloat16") for x in given]
        split = len(given) - case.constants
        constants, rest = given[split:], given[:split]
        run = self.jax.jit(lambda *args: case.fn(self, *args, *constants)).lower(*rest).compile()
        return lambda: self.jax.block_until_ready(run(*rest))

    def product(self, x: Any, y: Any) -> Any:
        wide = "int32" if x.dtype == "int8" else None
        return self.jax.numpy.matmul(x, y, preferred_element_type=wide)

    def gelu(self, x: Any) -> Any:
        return self.jax.nn.gelu(x, approximate=False)

    def log_softmax(self, x: Any) -> Any:
        return self.jax.nn.log_softmax(x)

    def attention(self, q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
        jnp = self.jax.numpy
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores + mask
        if causal:
            scores = jnp.where(jnp.tri(*scores.shape[-2:], dtype=bool), scores, -jnp.inf)
        return self.jax.nn.softmax(scores) @ v

    def gradients(self, fn: Callable[..., Any], *args: Any) -> Any:
        return self.jax.grad(lambda *a: fn(*a).sum(), argnums=tuple(range(len(args))))(*args)


class OnnxRuntime(Library):
    """A case's function is called with nodes, which note the ops of a graph."""

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        if case.dtype == "bf16" or case.family in ("strided", "gradients"):
            raise Unsupported
        import onnxruntime as ort
        from onnx import helper, numpy_helper

        self.nodes: list[Any] = []
        self.multiply = "MatMulInteger" if case.dtype == "i8" else "MatMul"
        names = [f"x{i}" for i in range(len(arrays))]
        given = zip(names, arrays, strict=True)
        result = case.fn(self, *[_Node(self, n, x.ndim, x.shape[-1]) for n, x in given])
        split = len(arrays) - case.constants
        values = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for n, x in zip(names, arrays, strict=True)
        ]
        wide = np.dtype(np.int32) if case.dtype == "i8" else arrays[0].dtype
        code = helper.np_dtype_to_tensor_dtype(wide)
        outputs = [helper.make_tensor_value_info(result.name, code, None)]
        weights = [numpy_helper.from_array(arrays[i], names[i]) for i in range(split, len(arrays))]
        graph = helper.make_graph(self.nodes, "case", values[:split], outputs, weights)
        opset = [helper.make_opsetid("", 20)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=10)
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        feed = dict(zip(names[:split], arrays, strict=False))
        return lambda: session.run(None, feed)

    def node(self, op: str, inputs: list[_Node], **attributes: Any) -> _Node:
        from onnx import helper

        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [n.name for n in inputs], [name], **attributes))
        return _Node(self, name, max((n.rank for n in inputs), default=0))

    def product(self, x: Any, y: Any) -> Any:
        return self.node(self.multiply, [x, y])

    def gelu(self, x: Any) -> Any:
        return self.node("Gelu", [x])

    def log_softmax(self, x: Any) -> Any:
        return self.node("LogSoftmax", [x], axis=-1)

    def attention(self, q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
        if causal:
            raise Unsupported
        scale = self.node("Constant", [], value_float=q.width**-0.5)
        scores = self.node("MatMul", [self.node("Mul", [q, scale]), k.mT])
        if mask is not None:
            scores = scores + mask
        return self.node("MatMul", [self.node("Softmax", [scores], axis=-1), v])


class _Node:
    """A value of a graph. width: the last size, of an input."""

    def __init__(self, library: OnnxRuntime, name: str, rank: int, width: int = 1) -> None:
        self.library, self.name, self.rank, self.width = library, name, rank, width

    def __matmul__(self, other: _Node) -> _Node:
        return self.library.product(self, other)

    def __add__(self, other: _Node) -> _Node:
        return self.library.node("Add", [self, other])

    @property
    def mT(self) -> _Node:
        axes = list(range(self.rank))
        perm = [*axes[:-2], axes[-1], axes[-2]]
        return self.library.node("Transpose", [self], perm=perm)


LIBRARIES: dict[str, type[Library]] = {
    "axec": Axec,
    "known": Known,
    "numpy": NumPy,
    "torch": Torch,
    "onnxruntime": OnnxRuntime,
    "jax": Jax,
}

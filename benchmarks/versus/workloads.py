"""The workloads: parameters and inputs as NumPy arrays. No library is imported here.

Arrays are in torch's layouts: images [N, C, H, W], convolutions [O, C, K, L]. Linear weights are
[in, out]. Models of each library (models/) turn them into what they like before the clock starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Params = dict[str, Array]
Made = tuple[Params, list[Array]]

MIB = 1 << 20
RESNET_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # channels, stride


@dataclass(frozen=True)
class Workload:
    """`make` gives parameters and inputs from a generator. `flops` and `bytes` are what one call
    must do and move at least. `rate`: of the optimiser, for training steps. `tolerance`: of the
    largest difference to torch, over the largest result. `reach`: what the project promises."""

    name: str
    title: str
    make_from: Callable[[np.random.Generator], Made]
    flops: float = 0.0
    bytes: float = 0.0
    rate: float | None = None
    dtype: str = "f32"
    tolerance: float = 2e-3
    reach: float = 1.0
    one_kernel: bool = False
    family: str = ""  # the function of models/, by default the name

    @property
    def model(self) -> str:
        return self.family or self.name

    @property
    def train(self) -> bool:
        return self.rate is not None

    def make(self) -> Made:
        """(parameters, inputs), the same in every process."""
        return self.make_from(np.random.default_rng(0))


def _normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)


def _arrays(*shapes: tuple[int, ...], scale: float = 1.0) -> Callable[..., Made]:
    return lambda rng: ({}, [_normal(rng, *shape, scale=scale) for shape in shapes])


def _linear(m: int, k: int, n: int) -> Callable[..., Made]:
    """x [m, k] times a weight that every library may prepare."""
    return lambda rng: (
        {"w": _normal(rng, k, n, scale=k**-0.5), "b": _normal(rng, n, scale=0.1)},
        [_normal(rng, m, k)],
    )


def _integers(rng: np.random.Generator) -> Made:
    return {}, [rng.integers(-100, 100, (1024, 1024), dtype=np.int8) for _ in range(2)]


def _layer_norm(rng: np.random.Generator) -> Made:
    scale, bias = (base + _normal(rng, 1024, scale=0.1) for base in (1, 0))
    return {"g": scale, "b": bias}, [_normal(rng, 4096, 1024)]


def _mlp(labels: bool) -> Callable[..., Made]:
    def make(rng: np.random.Generator) -> Made:
        params: Params = {}
        for i, (n, m) in enumerate([(784, 512), (512, 512), (512, 10)]):
            params[f"w{i}"] = _normal(rng, n, m, scale=n**-0.5)
            params[f"b{i}"] = _normal(rng, m, scale=0.01)
        x = _normal(rng, 64, 784)
        return params, [x, rng.integers(0, 10, 64)] if labels else [x]

    return make


def _conv(rng: np.random.Generator, out: int, channels: int, size: int) -> Array:
    return _normal(rng, out, channels, size, size, scale=(2.0 / (channels * size**2)) ** 0.5)


def _batch_norm(rng: np.random.Generator, name: str, channels: int) -> Params:
    g, b, m, v = (_normal(rng, channels, scale=0.05) for _ in range(4))
    return {f"{name}_g": 1 + g, f"{name}_b": b, f"{name}_m": m, f"{name}_v": 1 + np.abs(v)}


def _resnet18(rng: np.random.Generator) -> Made:
    params: Params = {"c0": _conv(rng, 64, 3, 7)} | _batch_norm(rng, "n0", 64)
    before = 64
    for s, (channels, stride) in enumerate(RESNET_STAGES):
        for b in range(2):
            h = f"s{s}b{b}"
            params |= {f"{h}c1": _conv(rng, channels, before, 3)}
            params |= {f"{h}c2": _conv(rng, channels, channels, 3)}
            params |= _batch_norm(rng, f"{h}n1", channels) | _batch_norm(rng, f"{h}n2", channels)
            if b == 0 and (stride, before) != (1, channels):
                params |= {f"{h}cd": _conv(rng, channels, before, 1)}
                params |= _batch_norm(rng, f"{h}nd", channels)
            before = channels
    params |= {"fw": _normal(rng, 512, 1000, scale=0.04), "fb": _normal(rng, 1000, scale=0.01)}
    return params, [_normal(rng, 1, 3, 224, 224)]


def _lenet(rng: np.random.Generator) -> Made:
    params = {"c1": _conv(rng, 6, 1, 5), "b1": _normal(rng, 6, scale=0.01)}
    params |= {"c2": _conv(rng, 16, 6, 5), "b2": _normal(rng, 16, scale=0.01)}
    for i, (n, m) in enumerate([(400, 120), (120, 84), (84, 10)]):
        params[f"fw{i}"] = _normal(rng, n, m, scale=n**-0.5)
        params[f"fb{i}"] = _normal(rng, m, scale=0.01)
    return params, [_normal(rng, 64, 1, 28, 28), rng.integers(0, 10, 64)]


def _gpt(rng: np.random.Generator, layers: int, width: int, vocabulary: int = 0) -> Params:
    params: Params = {}
    if vocabulary:
        params["wte"] = _normal(rng, vocabulary, width, scale=0.02)
        params["wpe"] = _normal(rng, 128, width, scale=0.02)
    norms = [f"h{i}_{name}" for i in range(layers) for name in ("ln1", "ln2")]
    for name in (*norms, "lnf"):
        params[f"{name}_g"] = 1 + _normal(rng, width, scale=0.02)
        params[f"{name}_b"] = _normal(rng, width, scale=0.02)
    sizes = {"qkv": (1, 3), "proj": (1, 1), "fc": (1, 4), "out": (4, 1)}
    for i in range(layers):
        for name, (n, m) in sizes.items():
            params[f"h{i}_{name}_w"] = _normal(rng, n * width, m * width, scale=0.02)
            params[f"h{i}_{name}_b"] = _normal(rng, m * width, scale=0.02)
    return params


def _gpt_forward(layers: int, batch: int) -> Callable[..., Made]:
    return lambda rng: (_gpt(rng, layers, 768), [_normal(rng, batch, 128, 768)])


def _decode(rng: np.random.Generator) -> Made:
    params = _gpt(rng, 12, 768, vocabulary=50257)
    caches = [_normal(rng, 12, 1, 12, 127, 64, scale=0.5) for _ in range(2)]
    return params, [np.array([[42]]), *caches]


def _micro_gpt(rng: np.random.Generator) -> Made:
    params, text = _gpt(rng, 3, 256, vocabulary=65), rng.integers(0, 65, (8, 129))
    return params, [np.ascontiguousarray(text[:, part]) for part in (slice(-1), slice(1, None))]


def _gpt_flops(layers: int, width: int, tokens: int, vocabulary: int = 0) -> float:
    return tokens * (layers * (24 * width**2 + 4 * 128 * width) + 2 * width * vocabulary)


def _product(name: str, m: int, k: int, n: int, **more: Any) -> Workload:
    options = {
        "make_from": _arrays((m, k), (k, n), scale=0.1),
        "family": "matmul",
        "flops": 2.0 * m * k * n,
        "one_kernel": True,
    }
    title = f"GEMM {more.get('dtype', 'f32')} {m}x{k}x{n}"
    return Workload(name=name, title=title, **(options | more))


def _dense(m: int, k: int, n: int) -> Workload:
    """A product with a weight; with one row it is bound by reading the weight."""
    moved = 4.0 * k * n if m == 1 else 0.0
    return _product(
        f"linear_{m}_{k}_{n}", m, k, n, make_from=_linear(m, k, n), family="linear", bytes=moved
    )


_ROWS = 2 * 16.0 * MIB  # a 16 MiB array read, another written
_MLP_FLOPS = 2.0 * 64 * (784 * 512 + 512 * 512 + 5120)
_DECODE_BYTES = 4.0 * (12 * 12 * 768**2 + 50257 * 768 + 2 * 12 * 127 * 768)

WORKLOADS = {
    w.name: w
    for w in (
        _product("matmul_1024", 1024, 1024, 1024),
        _product("matmul_512_2048", 512, 2048, 512),
        _dense(64, 784, 512),
        _dense(128, 768, 3072),
        _dense(1, 768, 3072),
        _product("matmul_bf16", 1024, 1024, 1024, dtype="bf16", tolerance=2e-2),
        _product("matmul_int8", 1024, 1024, 1024, dtype="int8", make_from=_integers,
                 family="matmul_int8"),
        Workload("chain", "12-op chain, 4M", _arrays((4 * MIB,)), bytes=_ROWS, one_kernel=True),
        Workload("softmax", "softmax [4096, 1024]", _arrays((4096, 1024)), bytes=_ROWS,
                 one_kernel=True),
        Workload("layer_norm", "layer norm [4096, 1024]", _layer_norm, bytes=_ROWS,
                 one_kernel=True),
        Workload("mlp", "MLP 784-512-512-10, batch 64", _mlp(False), flops=_MLP_FLOPS),
        Workload("mlp_train", "MLP train step", _mlp(True), rate=0.1,
                 flops=3 * _MLP_FLOPS - 2.0 * 64 * 784 * 512),
        Workload("resnet18", "ResNet-18, 1x3x224x224", _resnet18, flops=2 * 1.814e9),
        Workload("lenet_train", "LeNet train step, batch 64", _lenet, flops=6.0 * 64 * 416520,
                 rate=0.05),
        Workload("gpt_block", "GPT-2 block, batch 4x128", _gpt_forward(1, 4),
                 flops=_gpt_flops(1, 768, 512)),
        Workload("gpt2", "GPT-2, 12 layers, 1x128", _gpt_forward(12, 1),
                 flops=_gpt_flops(12, 768, 128)),
        Workload("gpt2_decode", "GPT-2 decode step, cache 128", _decode, bytes=_DECODE_BYTES,
                 flops=_gpt_flops(12, 768, 1, 50257)),
        Workload("micro_gpt_train", "micro-GPT train step", _micro_gpt, rate=1e-3,
                 flops=3 * _gpt_flops(3, 256, 1024, 65)),
        Workload("micro_gpt_amp", "micro-GPT train step, bf16 products", _micro_gpt, rate=1e-3,
                 family="micro_gpt_train", dtype="amp", tolerance=2e-2,
                 flops=3 * _gpt_flops(3, 256, 1024, 65)),
    )
}  # fmt: skip
HEADS = {"gpt_block": 12, "gpt2": 12, "gpt2_decode": 12, "micro_gpt_train": 8}
LAYERS = {"gpt_block": 1, "gpt2": 12, "gpt2_decode": 12, "micro_gpt_train": 3}
#: The rows of the table of compile times.
COMPILED = ("chain", "softmax", "matmul_1024", "mlp_train", "lenet_train", "resnet18", "gpt2",
            "micro_gpt_train", "gpt2_decode")  # fmt: skip

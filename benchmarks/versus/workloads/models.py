"""The first table: single kernels, and models of a few families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from versus.workloads.workload import MIB, Made, Params, Workload, batch_norm, convolution, normal

RESNET_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # channels, stride


def _arrays(*shapes: tuple[int, ...], scale: float = 1.0) -> Callable[..., Made]:
    return lambda rng: ({}, [normal(rng, *shape, scale=scale) for shape in shapes])


def _linear(m: int, k: int, n: int) -> Callable[..., Made]:
    """x [m, k] times a weight that every library may prepare."""
    return lambda rng: (
        {"w": normal(rng, k, n, scale=k**-0.5), "b": normal(rng, n, scale=0.1)},
        [normal(rng, m, k)],
    )


def _integers(rng: np.random.Generator) -> Made:
    return {}, [rng.integers(-100, 100, (1024, 1024), dtype=np.int8) for _ in range(2)]


def _layer_norm(rng: np.random.Generator) -> Made:
    scale, bias = (base + normal(rng, 1024, scale=0.1) for base in (1, 0))
    return {"g": scale, "b": bias}, [normal(rng, 4096, 1024)]


def mlp(labels: bool, batch: int = 64) -> Callable[..., Made]:
    def make(rng: np.random.Generator) -> Made:
        params: Params = {}
        for i, (n, m) in enumerate([(784, 512), (512, 512), (512, 10)]):
            params[f"w{i}"] = normal(rng, n, m, scale=n**-0.5)
            params[f"b{i}"] = normal(rng, m, scale=0.01)
        x = normal(rng, batch, 784)
        return params, [x, rng.integers(0, 10, batch)] if labels else [x]

    return make


def _resnet18(rng: np.random.Generator) -> Params:
    params: Params = {"c0": convolution(rng, 64, 3, 7)} | batch_norm(rng, "n0", 64)
    before = 64
    for s, (channels, stride) in enumerate(RESNET_STAGES):
        for b in range(2):
            h = f"s{s}b{b}"
            params |= {f"{h}c1": convolution(rng, channels, before, 3)}
            params |= {f"{h}c2": convolution(rng, channels, channels, 3)}
            params |= batch_norm(rng, f"{h}n1", channels) | batch_norm(rng, f"{h}n2", channels)
            if b == 0 and (stride, before) != (1, channels):
                params |= {f"{h}cd": convolution(rng, channels, before, 1)}
                params |= batch_norm(rng, f"{h}nd", channels)
            before = channels
    params |= {"fw": normal(rng, 512, 1000, scale=0.04), "fb": normal(rng, 1000, scale=0.01)}
    return params


def resnet18(batch: int) -> Callable[..., Made]:
    return lambda rng: (_resnet18(rng), [normal(rng, batch, 3, 224, 224)])


def _lenet(rng: np.random.Generator) -> Made:
    params = {"c1": convolution(rng, 6, 1, 5), "b1": normal(rng, 6, scale=0.01)}
    params |= {"c2": convolution(rng, 16, 6, 5), "b2": normal(rng, 16, scale=0.01)}
    for i, (n, m) in enumerate([(400, 120), (120, 84), (84, 10)]):
        params[f"fw{i}"] = normal(rng, n, m, scale=n**-0.5)
        params[f"fb{i}"] = normal(rng, m, scale=0.01)
    return params, [normal(rng, 64, 1, 28, 28), rng.integers(0, 10, 64)]


def _gpt(rng: np.random.Generator, layers: int, width: int, vocabulary: int = 0) -> Params:
    params: Params = {}
    if vocabulary:
        params["wte"] = normal(rng, vocabulary, width, scale=0.02)
        params["wpe"] = normal(rng, 128, width, scale=0.02)
    norms = [f"h{i}_{name}" for i in range(layers) for name in ("ln1", "ln2")]
    for name in (*norms, "lnf"):
        params[f"{name}_g"] = 1 + normal(rng, width, scale=0.02)
        params[f"{name}_b"] = normal(rng, width, scale=0.02)
    sizes = {"qkv": (1, 3), "proj": (1, 1), "fc": (1, 4), "out": (4, 1)}
    for i in range(layers):
        for name, (n, m) in sizes.items():
            params[f"h{i}_{name}_w"] = normal(rng, n * width, m * width, scale=0.02)
            params[f"h{i}_{name}_b"] = normal(rng, m * width, scale=0.02)
    return params


def _gpt_forward(layers: int, batch: int) -> Callable[..., Made]:
    return lambda rng: (_gpt(rng, layers, 768), [normal(rng, batch, 128, 768)])


def _decode(rng: np.random.Generator) -> Made:
    params = _gpt(rng, 12, 768, vocabulary=50257)
    caches = [normal(rng, 12, 1, 12, 127, 64, scale=0.5) for _ in range(2)]
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

MODELS = (
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
    Workload("mlp", "MLP 784-512-512-10, batch 64", mlp(False), flops=_MLP_FLOPS),
    Workload("mlp_train", "MLP train step", mlp(True), rate=0.1,
             flops=3 * _MLP_FLOPS - 2.0 * 64 * 784 * 512),
    Workload("resnet18", "ResNet-18, 1x3x224x224", resnet18(1), flops=2 * 1.814e9,
             images=True),
    Workload("lenet_train", "LeNet train step, batch 64", _lenet, flops=6.0 * 64 * 416520,
             rate=0.05, images=True),
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
)  # fmt: skip
HEADS = {"gpt_block": 12, "gpt2": 12, "gpt2_decode": 12, "micro_gpt_train": 8}
LAYERS = {"gpt_block": 1, "gpt2": 12, "gpt2_decode": 12, "micro_gpt_train": 3}

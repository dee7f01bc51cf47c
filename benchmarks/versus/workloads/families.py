"""The second table: models of other families, as users have them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from versus.workloads.models import mlp, resnet18
from versus.workloads.workload import Made, Params, Workload, batch_norm, convolution, normal

#: Expansion, channels, repeats, first stride (arXiv 1801.04381, table 2).
INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
BOTTLENECKS = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # channels, repeats, stride
UNET = (32, 64, 128, 256)  # channels of each level
AUDIO = (32, 32, 64, 64)  # channels after each convolution
#: Layers, width, heads, width of the second layer.
ENCODERS = {"bert": (12, 768, 12, 3072), "bert_batch8": (3, 768, 12, 3072),
            "vit": (12, 384, 6, 1536)}  # fmt: skip
LLAMA = (4, 1024, 16, 4, 2816)  # layers, width, heads, heads of keys, gated width
TABLES, EMBEDDED = 8, 64  # of the recommender


def _conv_norm(rng: np.random.Generator, name: str, out: int, channels: int, size: int) -> Params:
    return {f"{name}_w": convolution(rng, out, channels, size)} | batch_norm(rng, name, out)


def _dense(rng: np.random.Generator, name: str, n: int, m: int) -> Params:
    return {f"{name}_w": normal(rng, n, m, scale=n**-0.5), f"{name}_b": normal(rng, m, scale=0.02)}


def _mobilenet(rng: np.random.Generator) -> Made:
    params, before = _conv_norm(rng, "first", 32, 3, 3), 32
    for s, (expansion, channels, repeats, _) in enumerate(INVERTED):
        for b in range(repeats):
            h, wide = f"s{s}b{b}", before * expansion
            if expansion > 1:
                params |= _conv_norm(rng, f"{h}up", wide, before, 1)
            params |= _conv_norm(rng, f"{h}depth", wide, 1, 3)
            params |= _conv_norm(rng, f"{h}down", channels, wide, 1)
            before = channels
    params |= _conv_norm(rng, "last", 1280, 320, 1) | _dense(rng, "f", 1280, 1000)
    return params, [normal(rng, 1, 3, 224, 224)]


def _resnet50(rng: np.random.Generator) -> Made:
    params, before = _conv_norm(rng, "first", 64, 3, 7), 64
    for s, (channels, repeats, _) in enumerate(BOTTLENECKS):
        for b in range(repeats):
            h, out = f"s{s}b{b}", 4 * channels
            params |= _conv_norm(rng, f"{h}c0", channels, before, 1)
            params |= _conv_norm(rng, f"{h}c1", channels, channels, 3)
            params |= _conv_norm(rng, f"{h}c2", out, channels, 1)
            if b == 0:
                params |= _conv_norm(rng, f"{h}cd", out, before, 1)
            before = out
    return params | _dense(rng, "f", 2048, 1000), [normal(rng, 1, 3, 224, 224)]


def _unet(rng: np.random.Generator) -> Made:
    params, before = Params(), 3
    for i, channels in enumerate(UNET):
        params |= _conv_norm(rng, f"d{i}a", channels, before, 3)
        params |= _conv_norm(rng, f"d{i}b", channels, channels, 3)
        before = channels
    for i, channels in reversed(list(enumerate(UNET[:-1]))):
        params[f"up{i}"] = normal(rng, before, channels, 2, 2, scale=before**-0.5)
        params |= _conv_norm(rng, f"u{i}a", channels, 2 * channels, 3)
        params |= _conv_norm(rng, f"u{i}b", channels, channels, 3)
        before = channels
    return params | {"out": convolution(rng, 2, before, 1)}, [normal(rng, 1, 3, 128, 128)]


def _small_images(rng: np.random.Generator) -> Made:
    params, before = Params(), 3
    for i, channels in enumerate((32, 64, 128)):
        params[f"c{i}"] = convolution(rng, channels, before, 3)
        params |= {f"g{i}": np.ones(channels, np.float32), f"b{i}": normal(rng, channels)}
        before = channels
    return params | _dense(rng, "f", 128, 10), [normal(rng, 32, 3, 32, 32), rng.integers(0, 10, 32)]


def _recurrent(gates: int, labels: bool) -> Callable[..., Made]:
    def make(rng: np.random.Generator) -> Made:
        shapes = {"ih": (256,), "hh": (256,)}
        layer = {f"weight_{k}_l0": normal(rng, gates * 256, *s, scale=1 / 16)
                 for k, s in shapes.items()}  # fmt: skip
        layer |= {f"bias_{k}_l0": normal(rng, gates * 256, scale=1 / 16) for k in shapes}
        given = [normal(rng, 16, 64, 256)]
        given += [rng.integers(0, 10, 16)] if labels else []
        return layer | _dense(rng, "f", 256, 10), given

    return make


def _encoder(rng: np.random.Generator, layers: int, width: int, heads: int, wide: int) -> Params:
    params = Params()
    for i in range(layers):
        for name, n, m in (("qkv", width, 3 * width), ("proj", width, width),
                           ("fc", width, wide), ("out", wide, width)):  # fmt: skip
            params |= _dense(rng, f"h{i}_{name}", n, m)
        params |= _norms(rng, width, f"h{i}_n1", f"h{i}_n2")
    return params


def _norms(rng: np.random.Generator, width: int, *names: str) -> Params:
    ends = {"g": 1.0, "b": 0.0}
    return {f"{n}_{e}": v + normal(rng, width, scale=0.02) for n in names for e, v in ends.items()}


def _bert(name: str, batch: int) -> Callable[..., Made]:
    def make(rng: np.random.Generator) -> Made:
        params = _encoder(rng, *ENCODERS[name]) | _norms(rng, 768, "n")
        for table, count in {"words": 30522, "places": 128, "kinds": 2}.items():
            params[table] = normal(rng, count, 768, scale=0.02)
        lengths = 128 - 5 * np.arange(batch)
        mask = (np.arange(128) < lengths[:, None]).astype(np.int64)
        return params, [rng.integers(0, 30522, (batch, 128)), mask]

    return make


def _vit(rng: np.random.Generator) -> Made:
    params = _encoder(rng, *ENCODERS["vit"]) | _norms(rng, 384, "n") | _dense(rng, "f", 384, 1000)
    params |= {"patch": convolution(rng, 384, 3, 16), "token": normal(rng, 384, scale=0.02)}
    return params | {"places": normal(rng, 197, 384, scale=0.02)}, [normal(rng, 1, 3, 224, 224)]


def _llama(tokens: int, past: int) -> Callable[..., Made]:
    layers, width, heads, shared, wide = LLAMA
    narrow = width // heads * shared

    def make(rng: np.random.Generator) -> Made:
        params = {"n": 1 + normal(rng, width, scale=0.02)}
        sizes = {"q": (width, width), "k": (width, narrow), "v": (width, narrow),
                 "o": (width, width), "gate": (width, wide), "up": (width, wide),
                 "down": (wide, width)}  # fmt: skip
        for i in range(layers):
            params |= {f"h{i}_{k}": normal(rng, n, m, scale=n**-0.5) for k, (n, m) in sizes.items()}
            params |= {f"h{i}_n{j}": 1 + normal(rng, width, scale=0.02) for j in (1, 2)}
        shape = (layers, 1, shared, past, width // heads)
        caches = [normal(rng, *shape, scale=0.5) for _ in range(2)] if past else []
        return params, [normal(rng, 1, tokens, width), *caches]

    return make


def _recommender(rng: np.random.Generator) -> Made:
    params = {f"t{i}": normal(rng, 20000, EMBEDDED, scale=0.1) for i in range(TABLES)}
    bottom, top = (13, 256, EMBEDDED), (EMBEDDED * (TABLES + 1), 512, 256, 1)
    for name, sizes in {"low": bottom, "high": top}.items():
        for i, (n, m) in enumerate(pairwise(sizes)):
            params |= _dense(rng, f"{name}{i}", n, m)
    return params, [normal(rng, 2048, 13), rng.integers(0, 20000, (2048, TABLES))]


def _audio(rng: np.random.Generator) -> Made:
    params, before = Params(), 1
    for i, channels in enumerate(AUDIO):
        size = 3 if i else 80
        scale = (2.0 / (before * size)) ** 0.5
        params[f"c{i}_w"] = normal(rng, channels, before, size, scale=scale)
        params |= batch_norm(rng, f"c{i}", channels)
        before = channels
    return params | _dense(rng, "f", before, 35), [normal(rng, 1, 1, 16000)]


def _layer_flops(layers: int, width: int, heads: int, wide: int, tokens: int) -> float:
    return tokens * layers * 2.0 * (4 * width**2 + 2 * width * wide + 2 * width * tokens)


def _llama_words() -> float:
    layers, width, heads, shared, wide = LLAMA
    return layers * (2.0 * width**2 * (1 + shared / heads) + 3 * width * wide)


_MLP_WORDS = 784 * 512 + 512 * 512 + 5120
_RECURRENT = {"lstm": 4, "gru": 3}


def _steps(train: bool) -> list[Workload]:
    """A layer of 256 over 64 steps, batch 16; gradients of the inputs are not needed."""
    found = []
    for name, gates in _RECURRENT.items():
        product = 2.0 * 16 * 64 * gates * 256 * 256
        more: dict[str, Any] = {"rate": 0.05, "flops": 5 * product} if train else {
            "flops": 2 * product}  # fmt: skip
        title = f"{name.upper()}{' train step' if train else ''}, 16x64x256"
        found.append(_family(name + "_train" * train, title, _recurrent(gates, train), **more))
    return found


def _family(name: str, title: str, make: Callable[..., Made], **more: Any) -> Workload:
    return Workload(name, title, make, group="families", **more)


FAMILIES = (
    _family("mlp_one", "MLP 784-512-512-10, batch 1", mlp(False, 1), family="mlp",
            flops=2.0 * _MLP_WORDS, bytes=4.0 * _MLP_WORDS),
    _family("mobilenet", "MobileNetV2, 1x3x224x224", _mobilenet, flops=2 * 0.301e9, images=True),
    _family("resnet50", "ResNet-50, 1x3x224x224", _resnet50, flops=2 * 4.089e9, images=True),
    _family("resnet18_batch8", "ResNet-18, 8x3x224x224", resnet18(8), flops=16 * 1.814e9,
            family="resnet18", images=True),
    _family("bert", "BERT, 12 layers, 1x128", _bert("bert", 1), family="bert",
            flops=_layer_flops(*ENCODERS["bert"], 128)),
    _family("bert_batch8", "BERT, 3 layers, 8x128", _bert("bert_batch8", 8),
            flops=8 * _layer_flops(*ENCODERS["bert_batch8"], 128)),
    _family("vit", "ViT-small, 1x3x224x224", _vit, images=True,
            flops=_layer_flops(*ENCODERS["vit"], 197) + 2.0 * 196 * 768 * 384),
    _family("llama", "Llama, 4 layers of 1024, 1x128", _llama(128, 0),
            flops=2 * 128 * (_llama_words() + LLAMA[0] * 2 * 128 * LLAMA[1])),
    _family("llama_decode", "Llama, one token, cache 127", _llama(1, 127), family="llama",
            bytes=4 * _llama_words()),
    _family("llama_bf16", "Llama, 1x128, bf16", _llama(128, 0), family="llama",
            dtype="bf16", tolerance=5e-2),
    _family("llama_decode_bf16", "Llama, one token, bf16", _llama(1, 127), family="llama",
            dtype="bf16", tolerance=5e-2),
    *_steps(train=False),
    *_steps(train=True),
    _family("unet", "U-Net, 1x3x128x128", _unet, images=True),
    _family("small_images_train", "CNN with batch norm, train step, 32x3x32x32", _small_images,
            rate=0.05, images=True),
    _family("recommender", "recommender, 8 tables, batch 2048", _recommender,
            flops=2.0 * 2048 * (13 * 256 + 256 * 64 + 576 * 512 + 512 * 256 + 256)),
    _family("audio", "convolutions over 16000 samples", _audio, images=True),
)  # fmt: skip

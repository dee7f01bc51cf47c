"""Random numbers: known answers, distributions, independence of how they are computed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats

import axec as axe
from axec.lang.arrays.normal_quantile import normal_quantile

Both = Callable[..., Any]
KEY = axe.random.key(42)
MANY = 100_000

# Counter, key, result as pairs of words. Source: Random123, examples/kat_vectors, threefry2x32 20.
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def _packed(words: tuple[int, int]) -> Any:
    return np.array([words], np.uint32).view(np.int64)[0]


@pytest.mark.parametrize("words", KNOWN)
def test_known_answers(both: Both, words: Any) -> None:
    counter, key, result = map(_packed, words)

    def bits(key: Any, counter: Any) -> Any:
        from axec.lang.arrays.random import _bits

        return _bits(key, counter)

    assert both(bits, key, counter) == result
    assert axe.jit(bits)(key, counter) == result


DRAWS: dict[str, Callable[[Any], Any]] = {
    "bits": lambda k: axe.random.bits(k, (3, 7, 5), dtype=axe.int32),
    "uniform": lambda k: axe.random.uniform(k, (1001,), low=-2, high=3),
    "uniform64": lambda k: axe.random.uniform(k, (50,), dtype=axe.float64),
    "uniform16": lambda k: axe.random.uniform(k, (50,), dtype=axe.float16),
    "uniform_b16": lambda k: axe.random.uniform(k, (50,), dtype=axe.bfloat16),
    "randint": lambda k: axe.random.randint(k, (4, 33), -5, 17, dtype=axe.int8),
    "randint_wide": lambda k: axe.random.randint(k, (40,), -(2**40), 2**61),
    "bernoulli": lambda k: axe.random.bernoulli(k, np.array([0.0, 0.5, 1.0], np.float32)),
    "split": lambda k: axe.random.split(k, 5),
    "fold_in": lambda k: axe.random.fold_in(k, 9),
    "scalar": lambda k: axe.random.uniform(k),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_bits_everywhere(both: Both, name: str) -> None:
    wanted = both(DRAWS[name], np.asarray(KEY))
    program = axe.compile(DRAWS[name], axe.spec((), axe.int64), name="draw").load()
    for threads in (1, min(2, len(os.sched_getaffinity(0)))):
        found = program(np.asarray(KEY), threads=threads)
        np.testing.assert_array_equal(np.asarray(found), wanted)


def test_a_result_is_a_prefix_of_a_longer_one() -> None:
    long, short = axe.random.uniform(KEY, (64,)), axe.random.uniform(KEY, (9,))
    np.testing.assert_array_equal(long[:9], short)


def test_named_dims() -> None:
    def noisy(key: Any, x: Any) -> Any:
        return x + axe.random.uniform(key, x.shape)

    x = np.zeros((5, 3), np.float32)
    artifact = axe.compile(noisy, axe.spec((), axe.int64), axe.spec((axe.dim("n", 1, 9), 3)))
    found = artifact.load()(np.asarray(KEY), x)
    np.testing.assert_array_equal(found, axe.random.uniform(KEY, (5, 3)))


SHAPES = [
    ("uniform", lambda k: axe.random.uniform(k, (MANY,)), scipy.stats.uniform.cdf),
    ("normal", lambda k: axe.random.normal(k, (MANY,)), scipy.stats.norm.cdf),
    ("normal64", lambda k: axe.random.normal(k, (MANY,), dtype=axe.float64), scipy.stats.norm.cdf),
    (
        "truncated_normal",
        lambda k: axe.random.truncated_normal(k, -0.5, 2.0, (MANY,)),
        scipy.stats.truncnorm(-0.5, 2.0).cdf,
    ),
    (
        "tail",
        lambda k: axe.random.truncated_normal(k, 4.0, 9.0, (MANY,)),
        scipy.stats.truncnorm(4.0, 9.0).cdf,
    ),
]


@pytest.mark.parametrize(("name", "draw", "cdf"), SHAPES, ids=[row[0] for row in SHAPES])
def test_distributions(name: str, draw: Any, cdf: Any) -> None:
    """Kolmogorov and Smirnov's test, for two keys, which are not correlated."""
    a, b = (np.asarray(draw(k)).astype(np.float64) for k in axe.random.split(KEY))
    for x in (a, b):
        assert scipy.stats.kstest(x, cdf).pvalue > 1e-3
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.015
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.015


def test_discrete_distributions() -> None:
    found = np.asarray(axe.random.randint(KEY, (MANY,), -3, 10))
    assert scipy.stats.chisquare(np.bincount(found + 3)).pvalue > 1e-3
    p = np.array([0.1, 0.2, 0.7], np.float32)
    found = np.asarray(axe.random.categorical(KEY, np.log(np.tile(p, (MANY, 1)))))
    assert scipy.stats.chisquare(np.bincount(found), MANY * p.astype("f8") / p.sum()).pvalue > 1e-3
    assert abs(np.mean(np.asarray(axe.random.bernoulli(KEY, 0.3, (MANY,)))) - 0.3) < 0.01


def test_bits_are_even() -> None:
    words = np.asarray(axe.random.bits(KEY, (MANY,)))
    ones = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert np.all(np.abs(ones - 0.5) < 0.008)


def test_ends() -> None:
    x = np.asarray(axe.random.uniform(KEY, (MANY,), dtype=axe.float16))
    assert x.min() >= 0
    assert x.max() < 1
    y = np.asarray(axe.random.truncated_normal(KEY, -1.0, 1.5, (MANY,)))
    assert -1 <= y.min() < -0.99
    assert 1.49 < y.max() <= 1.5


def test_quantile() -> None:
    tails = 10.0 ** -np.arange(1, 36)
    for dtype, limit in ((np.float32, 1e-6), (np.float64, 4e-15)):
        p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 999), tails]).astype(dtype)
        wanted = scipy.special.ndtri(p.astype(np.float64))
        found = np.asarray(normal_quantile(axe.asarray(p)))
        np.testing.assert_allclose(found, wanted, limit, limit)


def test_new_keys_are_new() -> None:
    """Splitting, folding in and drawing use counters apart."""
    children = [*np.asarray(axe.random.split(KEY, 100))]
    children += [np.asarray(axe.random.fold_in(KEY, i)) for i in range(100)]
    children += [*np.asarray(axe.random.bits(KEY, (100,)))]
    assert len({int(c) for c in children}) == 300


def test_seeds() -> None:
    assert axe.random.key(-1).item() == axe.random.key((1 << 64) - 1).item()
    assert axe.random.key(np.int32(7)).item() == 7
    with pytest.raises(axe.AxecError, match="more than 64 bits"):
        axe.random.key(1 << 64)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: axe.random.uniform(3.0), "a key is a 0-d int64 array, got float32"),
        (lambda: axe.random.uniform(axe.random.split(KEY)), r"got int64 \(2,\)"),
        (lambda: axe.random.normal(KEY, (2,), dtype=axe.int32), "floating point dtype, got int32"),
        (lambda: axe.random.bits(KEY, (2,), dtype=axe.float32), "integer dtype, got float32"),
        (lambda: axe.random.randint(KEY, (2,), 5, 5), r"\[5, 5\) is no range of int64"),
        (lambda: axe.random.randint(KEY, (2,), 0, 300, dtype=axe.int8), "no range of int8"),
        (lambda: axe.random.truncated_normal(KEY, 1.0, 0.0), "1.0 is not below 0.0"),
    ],
)
def test_misuse(call: Any, match: str) -> None:
    with pytest.raises(axe.AxecError, match=match):
        call()


def test_permutation(both: Both) -> None:
    found = both(lambda k: axe.random.permutation(k, 50), np.asarray(KEY))
    assert sorted(found) == list(range(50))
    assert list(found) != list(range(50))
    x = np.arange(12.0).reshape(4, 3)
    found = np.asarray(axe.random.permutation(KEY, x, axis=1))
    np.testing.assert_array_equal(np.sort(found, axis=1), x)

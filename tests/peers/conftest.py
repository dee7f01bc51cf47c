"""Comparison with torch, in a virtual environment of its own: `make test-peers`. Without torch
nothing here is collected."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import axec as axe

HAS_TORCH = importlib.util.find_spec("torch") is not None
collect_ignore_glob = [] if HAS_TORCH else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "peers" in item.path.parts:
            item.add_marker("peers")


def close(found: Any, expected: Any, name: str = "") -> None:
    """Within 1e-5 of each element, or of the largest where an element is small."""
    wanted = expected.detach().numpy() if hasattr(expected, "detach") else np.asarray(expected)
    found = np.asarray(found)
    assert found.shape == wanted.shape, name
    assert found.dtype == wanted.dtype, name
    atol = 1e-5 * abs(wanted).max() if wanted.size else 0
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=atol, err_msg=name)


def against(theirs: Callable[..., Any], ours: Callable[..., Any], *arrays: Any) -> None:
    """Compiled values, and gradients of a weighted sum with respect to every float array, are those
    of torch in float32."""
    import torch

    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    tensors = [torch.tensor(a, requires_grad=i in floats) for i, a in enumerate(arrays)]
    wanted = theirs(*tensors)
    # Above 0, so that sums of them, gradients of biases, are not what rounding leaves.
    weights = 1.5 + np.cos(np.arange(wanted.numel(), dtype=np.float32)).reshape(wanted.shape)
    (wanted * torch.tensor(weights)).sum().backward()

    def value(*args: Any) -> Any:
        found = ours(*args)
        return (found * weights).sum(), found

    (_, found), grads = axe.jit(axe.value_and_grad(value, floats, has_aux=True))(*arrays)
    close(found, wanted, "value")
    for i, gradient in zip(floats, grads, strict=True):
        close(gradient, tensors[i].grad, f"gradient of argument {i}")


@pytest.fixture(scope="session", name="against")
def against_fixture() -> Callable[..., None]:
    return against


@pytest.fixture(scope="session", name="close")
def close_fixture() -> Callable[..., None]:
    return close

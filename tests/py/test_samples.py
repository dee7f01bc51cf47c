"""Every sample compiles with the command that its docstring shows and agrees with plain NumPy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from math import pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.samples import SAMPLES, sample

import axec as axe
from axec.cli.main import main
from axec.runtime import load

ROOT = Path(__file__).resolve().parents[2]
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The artifact of a sample, made by the `axec compile` line of its docstring."""
    folder = tmp_path_factory.mktemp("samples")

    def compile_once(name: str) -> Path:
        path = folder / f"{name}.axe"
        if not path.exists():
            line = re.search(r"axec (compile \S+) -o", (SAMPLES / f"{name}.py").read_text())
            assert line is not None
            command, source = line[1].split()
            assert main([command, str(ROOT / source), "-o", str(path)]) == 0
        return path

    return compile_once


# --- NumPy references, in float64


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def mlp(x: Array, p: dict[str, Array]) -> Array:
    x = relu(x @ p["w0"] + p["b0"])
    x = relu(x @ p["w1"] + p["b1"])
    return x @ p["w2"] + p["b2"]


def conv_same(x: Array, w: Array) -> Array:
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w, optimize=True)


def cnn(x: Array, p: dict[str, Any]) -> Array:
    for w in p["filters"]:
        x = relu(conv_same(x, w))
        n, c, h, width = x.shape
        x = x.reshape(n, c, h // 2, 2, width // 2, 2).max((3, 5))
    return softmax(x.reshape(len(x), -1) @ p["w"] + p["b"])


def gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))


def layer_norm(x: Array, p: dict[str, Array]) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * p["scale"] + p["bias"]


def dense(x: Array, p: dict[str, Array]) -> Array:
    return x @ p["w"] + p["b"]


def attention(x: Array, p: dict[str, Any], heads: int) -> Array:
    batch, length, width = x.shape
    qkv = dense(x, p["qkv"]).reshape(batch, length, 3, heads, width // heads)
    q, k, v = (qkv[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    scores = q @ k.swapaxes(-1, -2) / sqrt(width // heads)
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf)
    mixed = softmax(scores) @ v
    return dense(mixed.transpose(0, 2, 1, 3).reshape(x.shape), p["out"])


def gpt(p: dict[str, Any], tokens: Array, heads: int) -> Array:
    x = p["wte"][tokens] + p["wpe"][: tokens.shape[1]]
    for block in p["blocks"]:
        x = x + attention(layer_norm(x, block["ln1"]), block["attn"], heads)
        hidden = gelu_tanh(dense(layer_norm(x, block["ln2"]), block["up"]))
        x = x + dense(hidden, block["down"])
    return layer_norm(x, p["ln"]) @ p["wte"].T


def doubled(tree: Any) -> Any:
    """A tree of arrays in float64."""
    if isinstance(tree, dict):
        return {key: doubled(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [doubled(value) for value in tree]
    return np.asarray(tree, np.float64)


# --- the samples


def test_every_sample_is_tested() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "py").rglob("test_*.py"))
    for path in SAMPLES.glob("*.py"):
        assert f'"{path.stem}"' in tests or path.name in tests, path.name


def test_digits_agrees_with_scikit_learn_on_all_images(compiled: Callable[[str], Path]) -> None:
    digits = sample("digits")
    data = np.load(digits.dataset())
    assert data["images"].shape == (1797, 64)
    program = load(compiled("digits"))
    scores = program(data["images"])
    np.testing.assert_array_equal(scores.argmax(1), data["answers"])
    assert (scores.argmax(1) == data["labels"]).mean() > 0.97
    expected = mlp(doubled(data["images"]), doubled(digits.trained()))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2, 17, 100])
def test_digits_serves_every_batch(compiled: Callable[[str], Path], batch: int) -> None:
    data = np.load(sample("digits").dataset())
    program = load(compiled("digits"))
    whole = program(data["images"][:100])
    parts = [program(data["images"][i : i + batch]) for i in range(0, 100, batch)]
    np.testing.assert_array_equal(np.concatenate(parts)[:100], whole)


def test_digits_main(capfd: pytest.CaptureFixture[str]) -> None:
    subprocess.run([sys.executable, SAMPLES / "digits.py"], check=True)
    out = capfd.readouterr().out
    assert "same class as scikit-learn on 1797 of 1797 images" in out
    for word in ("accuracy", "kB", "loaded", "ms", "called"):
        assert word in out


def test_digits_cnn(compiled: Callable[[str], Path]) -> None:
    module = sample("digits_cnn")
    data = np.load(module.dataset())
    program = load(compiled("digits_cnn"))
    found = np.concatenate([program(data["images"][i : i + 256]) for i in range(0, 1797, 256)])
    expected = cnn(doubled(data["images"]), doubled(module.trained()))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(1), data["answers"])
    assert (found.argmax(1) == data["labels"])[-module.HELD_OUT :].mean() > 0.9


def test_gpt(compiled: Callable[[str], Path]) -> None:
    module = sample("gpt")
    tokens = np.random.default_rng(1).integers(0, module.VOCABULARY, (2, module.LENGTH), "int32")
    program = load(compiled("gpt"))
    found = program(tokens)
    expected = gpt(doubled(module.init()), tokens, module.HEADS)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4)
    # Causal: what comes later changes nothing before it.
    changed = tokens.copy()
    changed[:, 70:] = 0
    np.testing.assert_array_equal(program(changed)[:, :70], found[:, :70])


def test_gpt_has_as_many_layers_as_asked() -> None:
    module = sample("gpt")
    params = module.init(layers=2)
    tokens = np.zeros((1, 5), "int32")
    # Outside a trace the sample's own code runs through the reference interpreter.
    found = np.asarray(module.forward(params, tokens))
    np.testing.assert_allclose(found, gpt(doubled(params), tokens, 4), rtol=2e-3, atol=2e-4)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python where nothing is installed but numpy, and axec is its runtime/ alone."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    installed = Path(np.__file__).parent.parent
    for name in ("numpy", "numpy.libs"):
        if (installed / name).exists():
            (packages / name).symlink_to(installed / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "runtime", packages / "axec" / "runtime", ignore=ignored)
    return folder / "venv" / "bin" / "python"


def test_digits_in_a_bare_python(
    compiled: Callable[[str], Path], bare: Path, tmp_path: Path
) -> None:
    shutil.copy(SAMPLES / "digits_serve.py", tmp_path)
    command = [bare, "-I", tmp_path / "digits_serve.py", compiled("digits")]
    data = sample("digits").dataset()
    done = subprocess.run([*command, data], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same class as scikit-learn on 1797 of 1797 images" in done.stdout
    for stranger in ("llvmlite", "torch_mlir", "click", "sklearn", "axec.driver"):
        code = f"import {stranger}"
        assert subprocess.run([bare, "-I", "-c", code], capture_output=True).returncode == 1


def test_train_digits_in_a_bare_python(bare: Path, tmp_path: Path) -> None:
    """Compiled here, trained there: 96 % of the images that it was not trained on."""
    module = sample("train_digits")
    artifact = tmp_path / "train_digits.axe"
    axe.compile([module.step, module.scores]).save(artifact)
    shutil.copy(SAMPLES / "train_digits_run.py", tmp_path)
    command = [bare, "-I", tmp_path / "train_digits_run.py", artifact, module.dataset()]
    done = subprocess.run([*command, str(module.HELD_OUT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    right = re.search(r"30 epochs: loss \S+, right on (\S+)%", done.stdout)
    assert right is not None
    assert float(right[1]) >= 96

"""The runtime/ folder, copied somewhere under another name, with NumPy and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

RUNTIME = Path(__file__).resolve().parents[3] / "runtime"

# Everything that is neither NumPy nor the standard library is as good as not installed.
ALONE = """
import importlib.abc, json, sys

class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        first = name.split(".")[0]
        if first not in sys.stdlib_module_names and first not in ("numpy", "deployed"):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Nothing())
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import deployed
early = [name for name in ("numpy", "hashlib", "deployed.loader") if name in sys.modules]
import numpy as np
assert "ml_dtypes" not in sys.modules
program = deployed.load(sys.argv[3])
x = np.arange(16, dtype="f4")
rows = np.ones((2, 4), "f4")
try:
    program["add"](x)
except deployed.AxecError as e:
    code = e.code
print(json.dumps({
    "early": early,
    "add": program["add"](x, x).tolist(),
    "scale": program["scale"](rows).tolist(),
    "half": str(program["half"](np.ones(8, np.uint16)).dtype),
    "code": code,
    "verified": sorted(deployed.verify(sys.argv[3])["entries"]),
    "modules": sorted({name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names),
}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(RUNTIME, tmp_path / "site" / "deployed", ignore=ignored)
    return tmp_path / "site"


def test_alone(folder: Path, path: Path) -> None:
    packages = Path(numpy.__file__).parents[1]
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(folder), str(packages), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["add"] == [2.0 * i for i in range(16)]
    assert found["scale"] == [[3, 4, 5, 6]] * 2
    assert found["half"] == "uint16"
    assert found["code"] == "input-count"
    assert found["verified"] == ["add", "half", "scale", "shapes", "tree"]
    assert found["early"] == [], "importing the package imports only itself"
    assert set(found["modules"]) <= {"deployed", "numpy", "__main__"}


def test_all_of_it_is_lazy(folder: Path) -> None:
    code = "import sys, deployed.loader, deployed.format; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_unknown_names() -> None:
    import axec.runtime

    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        axec.runtime.lode  # noqa: B018
    assert set(axec.runtime.__all__) == {"AxecError", "Program", "load", "verify"}
    for name in axec.runtime.__all__:
        assert getattr(axec.runtime, name)

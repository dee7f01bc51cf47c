"""The files of samples/, as modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


def sample(name: str) -> ModuleType:
    """A sample, imported anew."""
    spec = importlib.util.spec_from_file_location(f"sample_{name}", SAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""The workloads as plain functions f(params, *inputs) of each library."""

from __future__ import annotations

import importlib
from typing import Any

from versus.workloads import Workload


def function(library: str, workload: Workload) -> Any:
    """The model of a workload in "axec", "jax" or "torch"."""
    module = importlib.import_module(f"versus.models.{library}_{workload.group}")
    return getattr(module, workload.model)

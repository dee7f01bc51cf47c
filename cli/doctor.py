"""`axec doctor`: what this machine can compile, and what it can run."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from typing import Any

import click

_PACKAGES = ("axec", "numpy", "torch-mlir", "llvmlite", "ml_dtypes")
_TOOLS = ("cc", "ptxas", "nvidia-smi")


@click.command("doctor", short_help="Show what this machine can compile and run.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def doctor_command(as_json: bool) -> None:
    """Show CPU features, targets, GPU and versions of this machine."""
    findings: dict[str, Any] = {name: find() for name, find in _FINDINGS.items()}
    if as_json:
        click.echo(json.dumps(findings, indent=2))
        return
    from rich.markup import escape

    from axec.cli.console import show, table

    rows = [
        (f"[bold]{section}[/]" if first else "", key, escape(str(value)))
        for section, found in findings.items()
        for first, (key, value) in zip([True] + [False] * len(found), found.items(), strict=False)
    ]
    show(table(["", "", ""], rows))


def _machine() -> dict[str, Any]:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "CPU": _cpu_model(),
        "CPUs": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} for this process",
        "memory": f"{pages / 2**30:.1f} GiB",
        "code memory": _memfd(),
    }


def _targets() -> dict[str, Any]:
    from axec.passes.codegen.cpu.targets import LEVELS, TARGETS
    from axec.runtime import cpu

    machine = cpu.architecture()
    found = {}
    for name, (arch, needs) in LEVELS.items():
        lacking = " ".join(sorted(f for f in needs if not cpu.has(f)))
        missing = lacking if arch == machine else f"{arch} machine"
        runs = f"lacks {missing} to run" if missing else "runs"
        found[name] = f"{'compiles' if name in TARGETS else 'no code generation yet'}; {runs}"
    return found


def _gpu() -> dict[str, Any]:
    import ctypes

    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return {"CUDA driver": "none (libcuda.so.1 is not there)"}
    status = cuda.cuInit(0)
    if status:
        return {"CUDA driver": f"there, but cuInit gives error {status}"}
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    found = {"CUDA driver": f"{version.value // 1000}.{version.value % 1000 // 10}"}
    for i in range(count.value):
        name, device = ctypes.create_string_buffer(128), ctypes.c_int()
        cuda.cuDeviceGet(ctypes.byref(device), i)
        cuda.cuDeviceGetName(name, len(name), device)
        found[f"GPU {i}"] = name.value.decode(errors="replace")
    return found


def _versions() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"Python": f"{platform.python_version()} ({sys.executable})"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _tools() -> dict[str, Any]:
    # None of them is needed: axec links by itself.
    return {tool: shutil.which(tool) or "not found (not needed)" for tool in _TOOLS}


def _cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "CPU part"):
                return value.strip()
    return "unknown"


def _memfd() -> str:
    try:
        os.close(os.memfd_create("axec-doctor"))
    except OSError as e:
        return f"temporary files (memfd_create: {e.strerror})"
    return "sealed memfd"


_FINDINGS: dict[str, Callable[[], dict[str, Any]]] = {
    "machine": _machine,
    "targets": _targets,
    "GPU": _gpu,
    "versions": _versions,
    "tools": _tools,
}

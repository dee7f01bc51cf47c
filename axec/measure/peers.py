"""The same inputs through the same model in other libraries (`axec bench --vs`)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axec.runtime.errors import AxecError

if TYPE_CHECKING:
    from axec.measure.calls import Call

__all__ = ["check", "compare"]

#: Library -> (what must be installed, what the models file must hold).
PEERS = {
    "jax": (("jax",), "jax_model"),
    "torch": (("torch",), "torch_model"),
    "onnxruntime": (("onnxruntime",), "onnx_model"),
    "iree": (("iree.compiler", "iree.runtime", "jax"), "jax_model"),
}
_WORKER = Path(__file__).with_name("peer_worker.py")
_LONGEST = 300  # seconds that a library may take, compilation and all
_HAS = """
import importlib.util, json, sys
def has(name):
    try: return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError: return False
print(json.dumps([name for name in sys.argv[1:] if not has(name)]))
"""


def check(names: str, models: str | None, python: str | None) -> list[str]:
    """The libraries of `--vs`. AxecError `option-invalid` for one that is not known, without a file
    of models, or where `python` does not run."""
    found = names.split(",")
    for name in found:
        if name not in PEERS:
            message = f"--vs does not know {name!r}"
            raise AxecError("option-invalid", message, hint=f"it knows: {', '.join(PEERS)}")
    if models is None or not Path(models).is_file():
        wanted = ", ".join(sorted({PEERS[name][1] for name in found}))
        raise AxecError(
            "option-invalid",
            "--vs needs the model in the other libraries' words",
            hint=f"--models FILE.py with {wanted}: functions of the entry's inputs in their order "
            "(onnx_model: the path of a file) that import their library themselves",
        )
    _missing(found[0], python or sys.executable)
    return found


def compare(
    call: Call,
    names: list[str],
    models: str,
    threads: int,
    seconds: float,
    python: str | None,
    note: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Figures of every library, from a process of `python` each; {"failed": why} where one does not
    run. `note` is told which one is at work."""
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="axec-vs-") as folder:
        given, wanted = (str(Path(folder) / f"{name}.npz") for name in ("inputs", "outputs"))
        np.savez(given, *call.inputs)
        np.savez(wanted, *(np.asarray(x, np.float64) for x in call.run()))
        line = [models, given, wanted, str(threads), str(seconds)]
        found = {}
        for name in names:
            note(f"timing {name} (at most {_LONGEST} s)")
            found[name] = _one(name, line, python or sys.executable)
        return found


def _one(name: str, line: list[str], python: str) -> dict[str, Any]:
    if missing := _missing(name, python):
        return {"failed": _lacks(python, ", ".join(missing))}
    try:
        done = subprocess.run(
            # Not as a file: the modules beside it would hide those of the standard library.
            [python, "-c", _WORKER.read_text(), name, *line],
            capture_output=True,
            text=True,
            timeout=_LONGEST,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {_LONGEST} s"}
    if done.returncode:
        why = _reason(done.stderr, line[0], python)
        return {"failed": why or f"exit status {done.returncode}"}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _missing(name: str, python: str) -> list[str]:
    """What a library needs and this interpreter does not have. AxecError `option-invalid` where it
    is none."""
    line = [python, "-c", _HAS, *PEERS[name][0]]
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        found: list[str] = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, json.JSONDecodeError):
        message = f"--python {python} does not run as a Python interpreter"
        hint = "the path of one, for example .venv/bench/bin/python, which `make bench` makes"
        raise AxecError("option-invalid", message, hint=hint) from None
    return found


def _reason(text: str, models: str, python: str) -> str:
    """The line of a process's standard error that says what was wrong (libraries add to it), and
    the line of the models file that it came from; for an import that failed, the way out."""
    lines = [line for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Exit)\b", line)]
    said = [*lines[-1:], *raised[-1:]][-1].strip() if lines else ""
    if absent := re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", said):
        return _lacks(python, absent[1])
    at = re.findall(rf'File "{re.escape(models)}", line (\d+)', text)
    return f"{said} ({models}:{at[-1]})" if at else said


def _lacks(python: str, what: str) -> str:
    return f"{python} has no {what}: install it, or --python PATH"

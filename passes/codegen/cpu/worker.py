"""Machine code from LLVM IR, in worker processes.

Workers are started once and serve every later compilation. The driver submits the support code
before it traces, so that LLVM loads (50 ms) meanwhile; where everything is in the cache on disk, no
worker starts at all. A worker that is idle is asked at once, by the thread that submits: another
thread would begin when this one rests, a millisecond or more later. Fresh interpreters rather than
forks: a compiler may run inside a process with threads (JAX, CUDA), where forking is unsafe.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal

from axec.diag import AxecError
from axec.passes.codegen.cache import open_cache
from axec.passes.codegen.cpu import worker_main
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.llvm import Module

__all__ = ["compile_modules", "known", "start", "submit", "worker_count"]

Output = Literal["object", "assembly"]

_MAX_WORKERS = 8
_REMEMBERED = 512  # compiled modules
_MESSAGE_LINES = 4  # of what LLVM says; a selection failure prints the whole expression after it


def worker_count() -> int:
    """How many modules are compiled at the same time: one per CPU of this process, at most 8."""
    return min(len(os.sched_getaffinity(0)), _MAX_WORKERS)


def start(count: int | None = None) -> None:
    """Start workers in the background until `count` (default: all) are idle."""
    with _lock:
        _forget_parent()
        missing = (count or worker_count()) - len(_idle)
    _give_back([_Worker() for _ in range(missing)])


def submit(
    module: Module,
    target: Target,
    output: Output = "object",
    locations: Mapping[str, Any] | None = None,
    *,
    made_from: str | None = None,
    first: bool = False,
) -> Future[bytes]:
    """Begin to compile a module; the result is awaited where it is needed. What was compiled
    before (the support code, a kernel of an earlier model) comes from this process's memory or from
    the cache on disk (cache.py).

    output: "object" gives ELF bytes, "assembly" text in UTF-8. locations: function name -> place in
    the user's source, for errors. made_from: what `known` finds the result by (default: the
    module's text). first: others will follow, so if this one needs LLVM, all workers are started.
    The result raises AxecError `llvm-fatal`, which names the function, when LLVM refuses the IR or
    dies of it.
    """
    text = module.text()
    request = _Request(module, target, output, text, _key(made_from or text, target, output))
    with _lock:
        found = _find(request.key)
        if found is None:
            asked = _idle.pop() if _idle else None
            if asked is not None:
                asked.send(target, output, text)
            workers = worker_count() if first else 1
            found = _threads[0].submit(_run, request, locations or {}, asked, workers)
            _remember(request.key, found)
        return found


def known(made_from: str, target: Target, output: Output = "object") -> Future[bytes] | None:
    """What an earlier `submit` with the same `made_from` has given or will give, in this process
    or, kept on disk, in another one; None where there was none."""
    with _lock:
        return _find(_key(made_from, target, output))


def _find(key: bytes) -> Future[bytes] | None:
    """Called under the lock, as is `_remember`."""
    _forget_parent()
    found = _compiled.get(key)
    if found is not None and not (found.done() and found.exception()):
        return found
    kept = open_cache().get(key)
    if kept is None:
        return None
    found = Future()
    found.set_result(kept)
    _remember(key, found)
    return found


def _remember(key: bytes, found: Future[bytes]) -> None:
    _compiled[key] = found
    while len(_compiled) > _REMEMBERED:
        _compiled.pop(next(iter(_compiled)))


def compile_modules(
    modules: Sequence[Module],
    target: Target,
    output: Output = "object",
    locations: Mapping[str, Any] | None = None,
) -> list[bytes]:
    """Compile every module, as `submit` does; results in their order, whatever the number of
    workers."""
    pending = [submit(module, target, output, locations) for module in modules]
    return [one.result() for one in pending]


@dataclass(frozen=True, slots=True)
class _Request:
    """One module to compile, its text, and the key that its result is kept under."""

    module: Module
    target: Target
    output: Output
    text: str
    key: bytes


def _key(made_from: str, target: Target, output: Output) -> bytes:
    parts = (_toolchain(), target.name, target.triple, target.cpu, target.features, output)
    return hashlib.sha256("\0".join((*parts, made_from)).encode()).digest()


@cache
def _toolchain() -> str:
    """What else the result depends on: LLVM, and how the worker uses it."""
    options = (worker_main.CODEGEN_LEVEL, worker_main.LLVM_OPTIONS)
    return f"llvmlite {version('llvmlite')} {options}"


def _run(
    request: _Request, locations: Mapping[str, Any], asked: _Worker | None, workers: int
) -> bytes:
    """The result of a request, in a thread that waits for it. `asked`: the worker that has it;
    where none was idle, one is found here, and `workers` are started."""
    if asked is None:
        start(workers)
        with _lock:
            asked = _idle.pop() if _idle else None
        asked = asked or _Worker()
        asked.send(request.target, request.output, request.text)
    answer, _ = asked.receive()
    _give_back([asked])
    made = _again(request, locations) if answer is None else answer
    open_cache().put(request.key, made)
    return made


def _again(request: _Request, locations: Mapping[str, Any]) -> bytes:
    """A second try for a request that failed: the worker may have been killed from outside. If
    LLVM is at fault, compile function by function to find which it is, and raise."""
    answer, message = _alone(request, request.text)
    if answer is not None:
        return answer
    culprit = ""
    for name in request.module.functions:
        answer, said = _alone(request, request.module.text(only=name))
        if answer is None:
            culprit, message = name, said
            break
    said = "; ".join(message.strip().splitlines()[:_MESSAGE_LINES])
    what = f"kernel {culprit}" if culprit else f"module {request.module.name}"
    raise AxecError(
        "llvm-fatal",
        f"LLVM cannot compile {what} for {request.target.name}: {said}",
        location=locations.get(culprit),
        hint="this is a bug in axec: please report it with the output of `--emit llvm`",
    )


def _alone(request: _Request, text: str) -> tuple[bytes | None, str]:
    """Compile a text as `request` says, in a worker that nothing else happens to."""
    worker = _Worker()
    try:
        worker.send(request.target, request.output, text)
        return worker.receive()
    finally:
        worker.close()


class _Worker:
    """One worker process. `send` and `receive` alternate."""

    def __init__(self) -> None:
        spec = find_spec("llvmlite")
        if spec is None or spec.origin is None:
            raise AxecError("llvm-missing", "the Python package llvmlite is not installed")
        folder = os.path.dirname(os.path.dirname(spec.origin))
        self._errors = os.fdopen(os.memfd_create("axec-llvm-errors"), "w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", worker_main.__file__, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.alive = True

    def send(self, target: Target, output: Output, text: str) -> None:
        """Ask for a compilation."""
        parts = (target.triple, target.cpu, target.features, output, text)
        try:
            worker_main.send(self._stdin, *[part.encode() for part in parts])
        except BrokenPipeError:
            self.alive = False

    def receive(self) -> tuple[bytes | None, str]:
        """The compiled bytes, or None and what LLVM said."""
        try:
            status, payload = worker_main.receive(self._stdout)
        except EOFError:
            return None, self._last_words()
        return (payload, "") if status == b"ok" else (None, payload.decode(errors="replace"))

    def close(self) -> None:
        """End the process."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        for stream in (self._stdin, self._stdout, self._errors):
            stream.close()

    def _last_words(self) -> str:
        self.alive = False
        status = self._process.wait()
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        return text or f"the worker ended with status {status}"


def _new_threads() -> ThreadPoolExecutor:
    """One thread per worker: it writes a request and waits for the answer."""
    return ThreadPoolExecutor(worker_count(), "axec-llvm")


_compiled: dict[bytes, Future[bytes]] = {}  # the oldest is forgotten first
_lock = threading.Lock()
_idle: list[_Worker] = []
_owner = os.getpid()
_threads = [_new_threads()]


def _forget_parent() -> None:
    """In a fork, the workers and threads are our parent's: begin anew. Called under the lock."""
    global _owner
    if _owner != os.getpid():
        _owner = os.getpid()
        _idle.clear()
        _compiled.clear()
        _threads[0] = _new_threads()


def _give_back(workers: Sequence[_Worker]) -> None:
    """Workers are idle from now on, if they live."""
    with _lock:
        _idle.extend(worker for worker in workers if worker.alive)


@atexit.register
def _close_all() -> None:
    if _owner == os.getpid():
        while _idle:
            _idle.pop().close()

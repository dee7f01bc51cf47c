"""The stages of a compilation, in order, and what runs them.

    trace                   Python function  -> axe and fn dialects    axec/lang
    roll                    axe and fn       -> axe, fn and control    passes/axe/roll
    transform ... simplify  axe and fn       -> axe                    passes/axe
    fold_weights            axe              -> axe                    passes/axe
    split_reductions        axe              -> axe                    passes/axe
    layout                  axe              -> axe                    passes/kernel
    fuse ... share          axe              -> kernel                 passes/kernel
    codegen                 kernels          -> LLVM IR                passes/codegen
    schedule, plan          kernel           -> exec                   passes/kernel
    link                    LLVM IR          -> one image per target   passes/codegen
    pack                    everything       -> manifest and segments  axec/pack.py

LLVM is at work in other processes from `codegen` until `link`. Every stage with IR can be printed,
or be the last one.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from axec import pack, program_cache
from axec.artifact import Artifact
from axec.diag import AxecError, Location
from axec.dialects import load
from axec.dialects.kernel import definitions
from axec.garbage import uncollected
from axec.lang.tracing import Traced
from axec.mlir import LOCK, ir
from axec.passes import base
from axec.passes.codegen import tuned
from axec.passes.codegen.cpu import image, targets
from axec.passes.codegen.cpu.support.stub import Signature
from axec.passes.kernel import choose

PIPELINE = (
    "roll", "transform", "decompose", "simplify", "fold_weights", "split_reductions",
    "straighten", "layout", "fuse", "outline", "unroll", "pack_weights", "share", "schedule",
    "plan",
)  # fmt: skip
STAGES = ("trace", *PIPELINE[:-2], "codegen", *PIPELINE[-2:], "link", "pack")

# Passes that leave kernels as they are: before the first of them, code generation begins.
ARRANGING = ("schedule", "plan")

# After it convolutions are as their kernels will have them.
LAID_OUT = "layout"

# The stage after which the module is the text of a level.
LEVELS = {"axe": "trace", "kernel": "schedule", "exec": "plan"}


class Traceable(Protocol):
    """What can become an entry of an artifact: an `@axe.entry`, or a function with its specs."""

    def trace(self) -> Traced: ...


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile.

    `target`: a level or several for one file (see `axec doctor`); `passes`: spec texts instead of
    PIPELINE, e.g. "fuse{max_ops=1}"; `print_after`: stages whose IR is printed; `stop_after`: the
    last stage to run (its IR is printed); `verify_each`: check the IR after every pass; `tuned`:
    choices of kernels (templates/choice.py) by key: True for those that `axec tune` found on
    this machine, False for none. They apply where there is one target.
    """

    target: str | Sequence[str] = targets.NATIVE
    passes: Sequence[str] = PIPELINE
    print_after: Sequence[str] = ()
    stop_after: str | None = None
    verify_each: bool = False
    tuned: bool | Mapping[str, str] = True

    def pipeline(self) -> list[base.Pass]:
        """The passes to run. AxecError for an unknown pass, option or stage."""
        passes = [base.parse_spec(text) for text in self.passes]
        names = ["trace", *(p.name for p in passes)]
        for stage in (*self.print_after, *filter(None, [self.stop_after])):
            if stage not in names:
                raise AxecError(
                    "stage-unknown",
                    f"there is no IR to print after {stage!r}",
                    hint=f"stages with IR: {', '.join(names)}",
                )
        if self.stop_after is not None:
            passes = passes[: names.index(self.stop_after)]
        return passes

    def targets(self) -> tuple[targets.Target, ...]:
        """The targets to generate code for, best first."""
        names = [self.target] if isinstance(self.target, str) else self.target
        return targets.resolve_all(names)

    def choices(self) -> Mapping[str, str]:
        """The choices of kernels, by key."""
        wanted = self.targets()
        if len(wanted) > 1 or isinstance(self.tuned, bool):
            return tuned.find(wanted[0]) if self.tuned and len(wanted) == 1 else {}
        return self.tuned


@dataclass(slots=True)
class Compilation:
    """One run through the stages: what they hand on, and how long each took (seconds)."""

    sources: Sequence[Traceable]
    options: Options
    choices: Mapping[str, str] = field(default_factory=dict)
    traced: list[Traced] = field(default_factory=list)
    module: Any = None
    source: bytes = b""  # the traced program, without places
    timings: dict[str, float] = field(default_factory=dict)
    images: list[image.Image] = field(default_factory=list)

    def run(self) -> Artifact:
        """All stages, or those that are left where the program was compiled before. Errors of late
        stages point at the user's line as those of tracing do."""
        wanted = self.options.targets()
        image.prepare(wanted)  # goes on while the program is being traced
        with self.inside():
            self._trace()
            self.choices = self.options.choices()
            packed = self._packed(wanted)
            with self._stage("pack"):
                source = pack.provenance(self.source, self._passes(), wanted)
                manifest, segments = pack.pack(packed, self.traced, wanted, source)
        texts = {level: self._later(_module, LEVELS[level]) for level in LEVELS}
        texts |= {"llvm": self._later(_llvm), "asm": self._later(_assembly)}
        return Artifact(manifest, segments, self.timings, texts)

    def _packed(self, wanted: Sequence[targets.Target]) -> pack.Packed:
        """What the stages make of the traced program, or what the cache has of it."""
        if self.options.verify_each or self.options.print_after:
            return self._compiled(wanted)
        key = program_cache.key_of(self.source, self.traced, self._passes(), wanted, self.choices)
        found = program_cache.get(key)
        if found is None:
            found = self._compiled(wanted)
            program_cache.put(key, found)
        return found

    def _compiled(self, wanted: Sequence[targets.Target]) -> pack.Packed:
        self.lower(wanted)
        with self._stage("link"):
            packed = pack.describe(self.module, self.traced)
            for one in self.finished(packed):
                packed.code[one.target.name] = image.link(one)
        return packed

    def finished(self, packed: pack.Packed) -> list[image.Image]:
        """The images of `codegen`, with the tables of kernels and entries."""
        signatures = [Signature.from_manifest(e) for e in packed.entries.values()]
        names = list(definitions(self.module))
        return [image.finish(one, names, signatures) for one in self.images]

    def front(self) -> None:
        """The stages that rewrite IR: `trace` and the passes."""
        self._trace()
        self.lower()

    def lower(self, wanted: Sequence[targets.Target] = ()) -> None:
        """The passes, and among them `codegen` of the kernels for the wanted targets."""
        passes = self.options.pipeline()
        names = [p.name for p in passes]
        arranging = next((i for i, n in enumerate(names) if n in ARRANGING), len(names))
        begins = ["trace", *names][arranging]  # after this stage
        timings: list[tuple[str, float]] = []

        def after(stage: str, module: Any) -> None:
            self.timings.update(timings)
            self._print(stage, module)
            if stage == LAID_OUT:
                image.foresee(module, wanted)
            if stage == begins:
                with self._stage("codegen"):
                    choose.give_all(module, self.choices)
                    self.images = image.begin(definitions(module), wanted)

        after("trace", self.module)
        base.run_pipeline(
            self.module,
            passes,
            verify_each=self.options.verify_each,
            after=after,
            timings=timings,
        )

    def _trace(self) -> None:
        with self._stage("trace"):
            self.traced = [entry.trace() for entry in self.sources]
            self.module = merged(self.traced)
            self.source = _bytecode(self.module)

    def _print(self, stage: str, module: Any) -> None:
        if stage in self.options.print_after or stage == self.options.stop_after:
            print(f"// after {stage}\n{module}", flush=True)

    def _later(self, write: Callable[[Compilation], str], last: str = "") -> Callable[[], str]:
        """The text of the stages, up to `last`, run again: the IR of this run has moved on. It
        holds what this run was given, not what it made."""
        passes = self.options.passes
        if last:
            passes = passes[: 1 + self._index(last)]
        given = self.sources, Options(self.options.target, passes), self.choices

        def text() -> str:
            again = Compilation(*given)
            with again.inside():
                again.front()
                return write(again)

        return text

    def _index(self, stage: str) -> int:
        names = [base.parse_spec(text).name for text in self.options.passes]
        return names.index(stage) if stage in names else -1

    def _passes(self) -> list[str]:
        return [p.spec() for p in self.options.pipeline()]

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings[name] = time.perf_counter() - started

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The MLIR context, for one compilation at a time. An error that carries a place of the IR
        leaves with the path of the user's file."""
        try:
            with LOCK, uncollected(), load(), ir.Location.unknown():
                yield
        except AxecError as e:
            where = e.location
            if isinstance(where, Location):
                paths = {name: path for t in self.traced for name, path in t.sources.items()}
                file = paths.get(where.file, where.file)
                e.location = Location(file, where.line, where.column, where.end_column)
            raise


def _bytecode(module: Any) -> bytes:
    """A module as bytes, without places: a tenth of the time that its text would take."""
    bare, found = module.operation.clone(), io.BytesIO()
    base.run_upstream(bare.opview, "strip-debuginfo")
    bare.write_bytecode(found)
    return found.getvalue()


def _module(run: Compilation) -> str:
    return str(run.module)


def _llvm(run: Compilation) -> str:
    return image.text(_images(run))


def _assembly(run: Compilation) -> str:
    return image.assembly(_images(run))


def _images(run: Compilation) -> list[image.Image]:
    run.images = image.begin(definitions(run.module), run.options.targets())
    return run.finished(pack.describe(run.module, run.traced))


def merged(traced: Sequence[Traced]) -> Any:
    """One module with the functions of all entries, sorted by name as the artifact numbers them."""
    if len(traced) == 1:
        return traced[0].module
    names = [t.name for t in traced]
    if len(set(names)) != len(names):
        raise AxecError("entry-duplicate", f"two entries have one name: {', '.join(names)}")
    module = ir.Module.create()
    for one in sorted(traced, key=lambda t: t.name):
        for function in one.module.body.operations:
            function.operation.clone(ip=ir.InsertionPoint(module.body))
    return module


def compile_entries(sources: Sequence[Traceable], **options: Any) -> Artifact | None:
    """Compile entries into one artifact; options as in `Options`.

    None when `stop_after` ended the run before there was one. Raises AxecError with the user's own
    line for whatever is wrong with a program.
    """
    with uncollected():  # until all that the run made is gone
        return _compiled(Compilation(sources, Options(**options)))


def _compiled(run: Compilation) -> Artifact | None:
    if run.options.stop_after is None:
        return run.run()
    with run.inside():
        run.front()
    return None

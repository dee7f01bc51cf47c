"""Find choices of kernels (templates/choice.py) that are faster than the cost model's.

One field of a choice after the other: the program is built once per value, every kernel with its
own, and the kernels of all these programs are timed in turns. So there are as many builds as one
kernel has values, however many kernels there are. How a program is built and timed is the caller's
business: the search depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from axec.dialects.kernel import definitions
from axec.driver import ARRANGING, PIPELINE, Compilation, Options, Traceable
from axec.passes.codegen.cpu import variants
from axec.passes.codegen.cpu.variants import Axis
from axec.passes.kernel import choose
from axec.passes.kernel.templates.choice import AS_MODELLED, Choice

__all__ = ["NOISE", "Kernel", "Result", "Search", "kernels_of"]

#: What a choice must gain, as a part of the time, to be more than noise.
NOISE = 0.03
#: Kernels that take less of all the time are left as they are.
LEAST_SHARE = 0.01

_ORDER = ("tile", "pack", "rows", "depth", "block")

P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)


class Times(Protocol[P_contra]):
    """Seconds of the named kernels of each program, the shortest of several rounds in turns.
    `seconds`: how long to measure. inf: of a program that does not give the results of the first
    that was ever timed. What a program does not launch, or launches in loops only, is left out."""

    def __call__(
        self, programs: Sequence[P_contra], names: Sequence[Collection[str]], seconds: float
    ) -> list[dict[str, float]]: ...


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of the program: `key` is what its choice is kept under, `axes` what can be tried."""

    name: str
    template: str
    key: str
    axes: tuple[Axis, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What was found for a kernel: seconds as the cost model has it, and with `choice`."""

    kernel: Kernel
    choice: Choice
    before: float
    after: float


def kernels_of(sources: Sequence[Traceable], target: str) -> list[Kernel]:
    """The kernels of a program, as the cost model has them."""
    options = Options(target, [name for name in PIPELINE if name not in ARRANGING], tuned=False)
    run = Compilation(sources, options)
    (wanted,) = options.targets()
    with run.inside():
        run.front()
        return [
            Kernel(
                name,
                define.attributes["template"].value,
                choose.key(define),
                tuple(variants.axes(define, wanted)),
            )
            for name, define in definitions(run.module).items()
        ]


@dataclass
class Search(Generic[P]):
    """`build(choices by key)` gives a program. After `run`, or when that is interrupted, `results`
    has what was found so far. `note(part done, what comes)` is called before every step."""

    kernels: Sequence[Kernel]
    build: Callable[[Mapping[str, str]], P]
    times: Times[P]
    seconds: float
    note: Callable[[float, str], None] = lambda part, text: None
    results: dict[str, Result] = field(default_factory=dict)
    done: bool = False

    def run(self) -> None:
        """Look at all choices; at the end the winners once more beside the cost model's."""
        steps = len(_ORDER) + 2
        self.note(0, "timing kernels")
        tried = self._worthwhile(self.seconds / steps)
        for number, name in enumerate(_ORDER, 1):
            self._try(number / steps, name, tried, self.seconds / steps)
        self.note(1 - 1 / steps, "timing what was found once more")
        self._confirm(self.seconds / steps)
        self.done = True

    def _worthwhile(self, seconds: float) -> list[Kernel]:
        """Kernels with choices that take a part of the time that counts."""
        (found,) = self.times([self.build({})], [[k.name for k in self.kernels]], seconds)
        least = LEAST_SHARE * sum(found.values())
        tried = [k for k in self.kernels if k.axes and found.get(k.name, -1) >= least]
        self.results = {k.name: Result(k, AS_MODELLED, found[k.name], found[k.name]) for k in tried}
        return tried

    def _try(self, part: float, name: str, tried: Sequence[Kernel], seconds: float) -> None:
        """All values of a field, beside the best choices so far."""
        others = {k.name: a.others for k in tried for a in k.axes if a.field == name}
        if not others:
            return
        choices: list[dict[str, Choice]] = []
        for i in range(max(map(len, others.values()))):
            having = [k for k, values in others.items() if i < len(values)]
            choices.append(
                {k: replace(self.results[k].choice, **{name: others[k][i]}) for k in having}
            )
        programs = [self.build(self._best())]
        for i, given in enumerate(choices):
            self.note(part, f"{name}: building {i + 1} of {len(choices)}")
            programs.append(self.build(self._best() | self._texts(given)))
        self.note(part, f"{name}: timing {len(others)} kernels")
        own, *found = self.times(programs, [list(others), *map(list, choices)], seconds)
        for given, times in zip(choices, found, strict=True):
            for kernel, choice in given.items():
                self._enter(kernel, choice, own[kernel], times[kernel])

    def _enter(self, name: str, choice: Choice, own: float, seconds: float) -> None:
        """A choice that was timed beside the best one of the fields before, which took `own`."""
        best = self.results[name]
        reached = best.before * seconds / own
        if reached < best.after * (1 - NOISE):
            self.results[name] = Result(best.kernel, choice, best.before, reached)

    def _confirm(self, seconds: float) -> None:
        names = [name for name, r in self.results.items() if r.choice != AS_MODELLED]
        if not names:
            return
        programs = [self.build({}), self.build(self._best())]
        before, after = self.times(programs, [names, names], seconds)
        for name in names:
            own, choice = self.results[name].kernel, self.results[name].choice
            gained = after[name] < before[name] * (1 - NOISE)
            best = (choice, after[name]) if gained else (AS_MODELLED, before[name])
            self.results[name] = Result(own, best[0], before[name], best[1])

    def _best(self) -> dict[str, str]:
        return self._texts({name: r.choice for name, r in self.results.items()})

    def _texts(self, choices: Mapping[str, Choice]) -> dict[str, str]:
        """By key; kernels as the cost model has them are left out."""
        return {self.results[n].kernel.key: str(c) for n, c in choices.items() if c != AS_MODELLED}

    def choices(self) -> dict[str, str]:
        """What was found, by key; "" for kernels that the cost model had right, which only a search
        that was not interrupted knows."""
        found = {r.kernel.key: str(r.choice) for r in self.results.values()}
        return {key: choice for key, choice in found.items() if choice or self.done}

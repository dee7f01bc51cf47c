"""Where copies may begin: where kernels end anyway.

Ops of one call are never fused with those around it. So a value may cross the border of a copy if
it lies in memory whether there is a border or not, and no kernel could hold both its maker and
those that read it beyond the border:

    h = layer_norm(x, ...)     x is read before and after a product, h by a product alone:
    --------------------------     both lie in memory, and the border is free
    y = h @ w
    z = x + y
"""

from __future__ import annotations

from typing import Any

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.passes.axe.roll.line import Line
from axec.passes.axe.roll.period import Run

#: Ops that read their operands from memory: nothing that computes one is fused into them.
_APART = frozenset({"axe.dot_general", "axe.conv", "axe.solve", "axe.argsort", "axe.top"}) | {
    op.full_name for op in OPS.values() if op.group == "matrix" or op.name.startswith("attention")
}
#: Ops that every kernel that reads them repeats, rather than having them stored.
LIGHT = frozenset({"axe.broadcast", "axe.cast", "axe.slice", "axe.reshape"})
_VIEWS = LIGHT | {"axe.transpose"}


def _narrows(cast: Any) -> bool:
    wide, narrow = types.of(cast.operands[0]).dtype, types.of(cast.results[0]).dtype
    return narrow.size < wide.size


class Borders:
    """Which values may cross a border."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._apart = [op.name in _APART or op.name not in OPS for op in line.ops]
        # Products between the arguments and an op, that one included: ops of one kernel share it,
        # or differ by what reads a result of an earlier kernel.
        self._depth: list[int] = []
        for at, apart in enumerate(self._apart):
            before = [self._depth[at - back[0]] for back in line.backs[at] if back is not None]
            self._depth.append(max(before, default=0) + apart)

    def is_free(self, maker: int, border: int) -> bool:
        """Costs it nothing to hand what an op makes to those beyond a border?"""
        op, users, depth = self.line.ops[maker], self.line.users[maker], self._depth
        if op.name == "axe.cast":  # the kernel that makes its operand writes it narrow
            return _narrows(op) and all(self._apart[u] for u in users)
        if op.name in _VIEWS or op.name not in OPS:
            return False
        stored = any(self._apart[u] for u in users) or len({depth[u] for u in users}) > 1
        return stored and all(
            self._apart[u] or depth[u] > depth[maker] for u in users if u >= border
        )

    def rotations(self, run: Run) -> list[int]:
        """Places in the first period of a run at which its copies may begin, best first: as many
        copies as there can be, then as few values as possible that cross."""
        period = run.period
        crossing = [0] * period
        shut: set[int] = set()
        for maker in range(run.start + period, run.start + 2 * period):
            last = max(self.line.users[maker], default=maker)
            for border in range(maker + 1, min(last, maker + period) + 1):
                at = (border - run.start) % period
                crossing[at] += 1
                if at not in shut and not self.is_free(maker, border):
                    shut.add(at)
        length = run.stop - run.start

        def cost(at: int) -> tuple[int, int, int]:
            return -((length - at) // period), crossing[at], at

        return sorted((at for at in range(period) if at not in shut), key=cost)

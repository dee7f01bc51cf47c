"""Joining groups that grew: a kernel with several results instead of two kernels.

A value that several groups read keeps them apart while they grow: exp(scores - peak) feeds a
product and its own row sums; an updated momentum is returned and used. Where one of the readers
could compute the value on the way, the two groups become one that hands the value out as well.
"""

from __future__ import annotations

from collections.abc import Collection

from axec.passes.kernel.fuse.graph import Graph, Node
from axec.passes.kernel.fuse.group import HOME, Group
from axec.passes.kernel.fuse.rules import RULES, fits_exits, reads_home
from axec.passes.kernel.templates import attention

_VIEW = -1

# Template of producer and consumer -> template of both together.
_PAIRS = {
    ("map", "map"): "map",
    ("map", "row"): "row",
    ("row", "map"): "row",
    ("row", "row"): "row",
    ("reduce", "map"): "reduce",
    ("gemm", "map"): "gemm",
}


def merge(graph: Graph, groups: list[Group], max_ops: int, enable: Collection[str]) -> list[Group]:
    """The groups after every merge that the rules allow, none of which makes two kernels wait for
    each other."""
    merger = _Merger(graph, groups, max_ops, enable)
    for at in range(len(groups)):
        merger.join_siblings(at)
        merger.widen(at)
    return [g for g in merger.groups if g is not None]


class _Merger:
    """Groups by slot; None: merged into another one."""

    def __init__(
        self, graph: Graph, groups: list[Group], max_ops: int, enable: Collection[str]
    ) -> None:
        self.graph = graph
        self.groups: list[Group | None] = list(groups)
        self.max_ops = max_ops
        self.enable = enable
        self.attentions: list[int] = []  # slots of attention groups that were joined
        self.owner = {i: at for at, g in enumerate(groups) for i in g.exits}
        # Slots of the groups that read an exit from outside; _VIEW where a view or the end does.
        self.readers: dict[int, set[int]] = {e: set() for e in self.owner}
        self.reads: list[set[int]] = []  # by slot: exits of others
        self.viewed: list[set[int]] = [set() for _ in groups]  # those of them read through a view
        self.before: list[int] = []  # by slot: bit set of the slots that must have run
        for v in graph.returns:
            self._note(v, _VIEW)
        for at, group in enumerate(groups):
            self.reads.append({e for v in group.inputs() for e in self._note(v, at)})
            before = 0
            for p in self._producers(at):
                before |= self.before[p] | 1 << p
            self.before.append(before)

    def widen(self, at: int) -> None:
        """Merge producers into the group at a slot until none fits."""
        while any(self._try(p, at) for p in self._producers(at)):
            pass

    def join_siblings(self, at: int) -> None:
        """Merge groups into the one at a slot that compute another part of the same attention,
        where neither waits for the other."""
        if not self._is_attention(at):
            return
        for source in filter(self._is_attention, self.attentions):
            if self._are_siblings(source, at) and not self.before[at] >> source & 1:
                both = beside(self.groups[source], self.groups[at])
                self.groups[at], self.groups[source] = both, None
                self._redirect(source, at, both)
                self._order(source, at)
        self.attentions.append(at)

    def _is_attention(self, at: int) -> bool:
        group = self.groups[at]
        return group is not None and group.template == "attention"

    def _are_siblings(self, source: int, at: int) -> bool:
        found = [self.groups[source], self.groups[at]]
        x, y = (self.graph.nodes[g.anchor].op for g in found if g and g.anchor is not None)
        return attention.siblings(x, y)

    def _note(self, value: int, reader: int) -> list[int]:
        """Note who reads a value; the exit that it is (none for an argument)."""
        exit_ = value
        while exit_ >= 0 and exit_ not in self.owner:  # a view: what it is a view of
            exit_ = self.graph.nodes[exit_].operands[0]
        if exit_ < 0:
            return []
        self.readers[exit_].add(reader if exit_ == value else _VIEW)
        if exit_ != value and reader != _VIEW:
            self.viewed[reader].add(exit_)
        return [exit_]

    def _producers(self, at: int) -> list[int]:
        return sorted({self.owner[e] for e in self.reads[at]})

    def _try(self, source: int, at: int) -> bool:
        producer, consumer = self.groups[source], self.groups[at]
        assert producer is not None
        assert consumer is not None
        if (producer.template, consumer.template) not in _PAIRS:
            return False
        if not self.viewed[at].isdisjoint(producer.exits):
            return False  # a view, which is no part of any kernel, lies between the two
        kept = [e for e in producer.exits if self.readers[e] != {at}]
        # A view among the readers may lead to a third group.
        others = {r for e in producer.exits for r in self.readers[e]} - {at}
        if others and self._has_third(source, at):
            return False
        both = joined(producer, consumer, kept, self.enable)
        if both is None or len(both.places) > self.max_ops:
            return False
        self.groups[at], self.groups[source] = both, None
        self._redirect(source, at, both)
        if others:
            self._order(source, at)
        return True

    def _has_third(self, source: int, at: int) -> bool:
        """Does another group have to run between the two?"""
        return any(self.before[p] >> source & 1 for p in self._producers(at) if p != source)

    def _redirect(self, source: int, at: int, both: Group) -> None:
        self.owner.update(dict.fromkeys(both.exits, at))
        for e in self.reads[source]:
            self.readers[e].discard(source)
            self.readers[e].add(at)
        inside = both.places.keys()
        self.reads[at] = {e for e in self.reads[at] | self.reads[source] if e not in inside}
        self.viewed[at] |= self.viewed[source]
        for e in both.exits:
            self.readers[e].discard(at)

    def _order(self, source: int, at: int) -> None:
        """Whoever waited for one of the two waits for both now, and for all they wait for. (If `at`
        alone read from `source`, that was so before.)"""
        either = 1 << source | 1 << at
        self.before[at] = (self.before[at] | self.before[source]) & ~either
        for i, before in enumerate(self.before):
            if before & either and i != at and self.groups[i] is not None:
                self.before[i] = before | either | self.before[at]


def joined(
    producer: Group, consumer: Group, kept: list[int], enable: Collection[str]
) -> Group | None:
    """One group that computes what both do, or None where no template holds it. `kept`: results of
    the producer that others read, too."""
    template = _PAIRS.get((producer.template, consumer.template))
    if template is None or not {template, producer.template, consumer.template} <= set(enable):
        return None
    rows = {g.rows for g in (producer, consumer)} - {None}
    if len(rows) > 1 or not _reads(consumer, producer.exits):
        return None
    graph = producer.graph
    members = producer.places.keys() | consumer.places.keys()
    if template == "row" and all(graph.nodes[i].kind != "contract" for i in members):
        template, rows = "map", set()  # the reductions stayed outside: see Group.settle
    found = Group(graph, sorted({*kept, *consumer.exits}), template)
    found.places = dict.fromkeys(found.exits, HOME)
    found.rows = rows.pop() if rows else None
    found.anchor = producer.anchor
    if not fits_exits(found):
        return None
    inner = sorted(members - found.places.keys(), reverse=True)
    if not all(_enters(found, graph.nodes[i]) for i in inner):
        return None
    return found if all(reads_home(found, graph.nodes[e]) for e in found.exits) else None


def beside(x: Group | None, y: Group | None) -> Group:
    """One group with the results of two that do not read each other."""
    assert x is not None
    assert y is not None
    found = Group(x.graph, sorted({*x.exits, *y.exits}), x.template, {**x.places, **y.places})
    found.anchor = y.anchor
    return found


def _reads(group: Group, values: Collection[int]) -> bool:
    return any(v in values for i in group.places for v in group.graph.nodes[i].operands)


def _enters(group: Group, node: Node) -> bool:
    if node.index != group.anchor:
        return RULES[group.template](group, node)
    group.places[node.index] = HOME
    return reads_home(group, node)

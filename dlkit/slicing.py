"""The part of a notebook that one exercise needs: every statement that can define or change a name it uses.

A slice in the sense of program analysis (Weiser, 1981): from the exercise backwards, over everything that is read,
directly or through other names.  Statements that it does not need (plots, training, downloads) are left out.

Sets of names are whole numbers with a bit per name.  A file made to be costly is not taken apart for long: past some
number of steps its slices are everything that comes before.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dlkit.effects import ATTRIBUTE_SETTERS, CHANGING_FUNCTIONS, SETTERS, Effects, Passed

__all__ = ["Slicer"]

MOST_STEPS = 2_000_000
"""Names looked at in all of one file's slices; a notebook of 300 statements takes some thousands."""
ALL = -1
"""The mask of every name."""
ROUNDS = 8
"""How often names that are found later may need further names that are found later."""


class _TooManyStepsError(Exception):
    """The file is so entangled that everything in it may concern everything else."""


@dataclass(frozen=True)
class _Function:
    """What calling a function may change, itself or by what it calls: names of the file, what it is given."""

    changes: int
    its_arguments: bool
    its_attributes: bool


class Slicer:
    """Cuts slices out of the statements of one file.

    effects: of every statement, in order; modules: names of imported modules, and of what was imported from allowed
    packages; absent: names of packages that cannot be imported when graded, whose calls change nothing then.
    """

    def __init__(self, effects: Sequence[Effects], modules: Collection[str], absent: Collection[str]) -> None:
        self._effects = effects
        self._modules, self._absent = frozenset(modules), frozenset(absent)
        self._bits: dict[str, int] = {}
        self._steps = 0

    def cut(self, names: Iterable[str], end: int, *, without: Collection[int] = (), checked: bool) -> list[int]:
        """Numbers of the statements that these names need, as they are before statement ``end``.

        What is set again from there on keeps the value it had; a name that nothing before sets is found later.
        checked: whether a check stood at ``end``; else what changes an object further down counts as well.
        """
        outside = frozenset(without)
        before = [number for number in range(min(end, len(self._effects))) if number not in outside]
        try:
            return self._cut(self._mask(names), before, end, outside, checked=checked)
        except _TooManyStepsError:
            return before

    def _cut(
        self, wanted: int, candidates: list[int], end: int, outside: frozenset[int], *, checked: bool
    ) -> list[int]:
        for _ in range(ROUNDS):
            reads = self._reads(candidates)
            later = self._later(self._union(reads, wanted), candidates, end, outside, checked=checked)
            if not later:
                break
            candidates = sorted([*candidates, *later])
        live, kept = self._union(reads, wanted), []
        for number in reversed(candidates):
            one = self._effects[number]
            if one.stars or one.anything or self._changes[number] & live:
                kept.append(number)
                live &= ~self._mask(one.binds)
                live |= ALL if one.reads_anything else self._union(reads, self._mask(one.uses | one.later))
        return kept[::-1]

    def _later(
        self, needed: int, candidates: Sequence[int], end: int, without: frozenset[int], *, checked: bool
    ) -> list[int]:
        """Statements from ``end`` on that count as well: those that concern these names and set none of them again."""
        before = 0
        for number in candidates:
            before |= self._mask(self._effects[number].bound) if number < end else 0
        bound, stale, found = before, 0, []
        for number in range(end, len(self._effects)):
            one, changed = self._effects[number], self._changes[number] & needed
            again = self._mask(one.bound - one.changes) & needed & bound
            if again or number in without:
                stale |= again
            elif (changed or one.stars) and not changed & stale and not (checked and changed & before):
                found.append(number)
                bound |= self._mask(one.bound)
        return sorted(set(found).difference(candidates))

    # --- names as bits -------------------------------------------------------------------------

    def _mask(self, names: Iterable[str]) -> int:
        bits, mask = self._bits, 0
        for name in names:
            mask |= 1 << bits.setdefault(name, len(bits))
        return mask

    def _each(self, mask: int) -> Iterator[int]:
        """Positions of the bits that are set; each is a step."""
        self._steps += mask.bit_count()
        if self._steps > MOST_STEPS:
            raise _TooManyStepsError
        return _bits_of(mask)

    def _union(self, sets: Mapping[int, int], names: int) -> int:
        """These names, and the set that belongs to each."""
        found = names
        for bit in self._each(names):
            found |= sets.get(bit, 0)
        return found

    def _reads(self, numbers: Iterable[int]) -> Mapping[int, int]:
        """For each name's bit, all names that its value may read, now or when called, by way of others as well.

        numbers: the statements that count.
        """
        found: dict[int, int] = {}
        for number in numbers:
            one = self._effects[number]
            read = self._mask(one.uses | one.later)
            for bit in self._each(self._changes[number]):
                found[bit] = found.get(bit, 0) | read
        return _closed(found, self._each)

    # --- what a statement changes --------------------------------------------------------------

    @cached_property
    def _changes(self) -> list[int]:
        """For each statement, the names whose value or object it may change, as far as the whole file shows."""
        return [self._changed_by(one) for one in self._effects]

    def _changed_by(self, one: Effects) -> int:
        changed = self._mask(one.changes)
        for name in one.calls & self._functions.keys():
            changed |= self._functions[name].changes
        changed |= self._mask(passed.name for passed in one.passed if self._is_changed(passed))
        changed |= self._union(self._partners, changed) & ~self._mask(self._functions)
        return changed | self._union(self._partners, self._mask(one.assigned)) | self._mask(one.bound)

    def _is_changed(self, passed: Passed) -> bool:
        """Whether a call may change this name's object; a function or class changes by its attributes alone."""
        if passed.module in self._absent or passed.callee == "check":
            return False
        if passed.name in self._fixed:
            return passed.is_method and passed.callee in SETTERS
        if passed.is_method:
            return passed.name not in self._functions
        known, is_function = self._functions.get(passed.callee), passed.name in self._functions
        if known:
            return known.its_attributes if is_function else known.its_arguments
        return passed.callee in (ATTRIBUTE_SETTERS if is_function else CHANGING_FUNCTIONS)

    @cached_property
    def _functions(self) -> dict[str, _Function]:
        """What calling each function and class of the file may change.

        Two of one name (methods of several classes) are taken for one that does what either does.
        """
        changes: dict[str, int] = {}
        calls: dict[int, int] = {}
        arguments = attributes = 0
        not_fixed = ~self._mask(self._fixed)
        for one in self._effects:
            for name, summary in one.functions.items():
                bit = self._mask([name])
                changes[name] = changes.get(name, 0) | self._mask(summary.changes) & not_fixed
                arguments |= bit if summary.its_arguments else 0
                attributes |= bit if summary.its_attributes else 0
                number = bit.bit_length() - 1
                calls[number] = calls.get(number, 0) | self._mask(summary.calls)
        called = _closed(calls, self._each)
        by_bit = {self._bits[name]: mask for name, mask in changes.items()}
        found = {}
        for name in changes:
            reached = called[self._bits[name]] | self._mask([name])
            mask = 0
            for bit in self._each(reached):
                mask |= by_bit.get(bit, 0)
            found[name] = _Function(mask, bool(reached & arguments), bool(reached & attributes))
        return found

    @cached_property
    def _fixed(self) -> frozenset[str]:
        """Names that no other name can stand for: of modules, and of what Python itself defines (``int``)."""
        own = {name for one in self._effects for name in one.bound}
        return self._modules | self._absent | (frozenset(dir(builtins)) - own)

    @cached_property
    def _partners(self) -> Mapping[int, int]:
        """For each name's bit, the names that may stand for the same object."""
        found: dict[int, int] = {}
        for one in self._effects:
            for name, others in one.aliases.items():
                if name in self._fixed:
                    continue
                own, partners = self._mask([name]), self._mask(others - self._fixed)
                for bit in self._each(own):
                    found[bit] = found.get(bit, 0) | own | partners
                for bit in self._each(partners):
                    found[bit] = found.get(bit, 0) | own
        return _closed(found, self._each)


def _bits_of(mask: int) -> Iterator[int]:
    """Positions of the bits that are set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


Each = Callable[[int], Iterator[int]]
"""Positions of the bits of a mask."""


def _closed(graph: Mapping[int, int], each: Each) -> dict[int, int]:
    """Everything that each node leads to, by Tarjan's strongly connected components; without recursion."""
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    found: dict[int, int] = {}
    stack: list[int] = []

    def enter(node: int) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        work.append((node, each(graph.get(node, 0))))

    work: list[tuple[int, Iterator[int]]] = []
    for start in graph:
        if start not in order:
            enter(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in order:
                    enter(other)
                    break
                if other not in found:
                    lowest[node] = min(lowest[node], order[other])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[node])
                if lowest[node] == order[node]:
                    _leave(node, graph, each, stack, found)
    return found


def _leave(node: int, graph: Mapping[int, int], each: Each, stack: list[int], found: dict[int, int]) -> None:
    """One component is whole: all of its members lead to the same nodes."""
    members = [stack.pop()]
    while members[-1] != node:
        members.append(stack.pop())
    reached = 0
    for member in members:
        following = graph.get(member, 0)
        reached |= following
        for bit in each(following):
            reached |= found.get(bit, 0)
    for member in members:
        found[member] = reached

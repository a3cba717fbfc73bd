"""What one top-level statement does to names, found without running it: binds, changes in place, reads.

An over-estimate where Python leaves it open: a call may change what it is given, a name may stand for the object that
another name stands for.  What is left out is known to be harmless, by the tables below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Effects", "Passed", "Summary", "effects_of"]

READING_METHODS = frozenset(
    """all any argmax argmin argsort astype ceil clip conj copy count cumsum decode difference dot encode endswith find
    flatten format get index intersection isdigit isdisjoint issubset item items join keys lower lstrip max mean min
    nonzero prod ravel repeat replace reshape round rstrip split splitlines squeeze startswith std strip sum swapaxes
    take title tobytes tolist trace transpose union upper values var zfill""".split()  # noqa: SIM905 - reads best
)
"""Methods of arrays, strings and containers that change nothing."""
SHARING_METHODS = frozenset({"get", "items", "keys", "ravel", "reshape", "squeeze", "swapaxes", "transpose", "values"})
"""Those of them whose result shares memory or members with the object."""
FRESH_FUNCTIONS = frozenset(
    """abs bool bytes complex divmod float int isinstance len pow range repr round str sum
    type""".split()  # noqa: SIM905 - reads best
)
"""Functions whose result shares nothing with what they are given."""
CHANGING_FUNCTIONS = frozenset(
    """setattr delattr next insort insort_left insort_right heapify heappush heappop heappushpop heapreplace shuffle put
    place putmask copyto fill_diagonal put_along_axis at update_wrapper""".split()  # noqa: SIM905 - reads best
)
"""Functions of Python and NumPy that change an argument."""
ATTRIBUTE_SETTERS = frozenset({"setattr", "delattr", "update_wrapper"})
SETTERS = frozenset(
    """seed set_state seterr setrecursionlimit filterwarnings simplefilter set_printoptions setlocale
    setcontext""".split()  # noqa: SIM905 - reads best
)
"""Functions that change the state of their module."""
READING_ANYTHING = frozenset({"eval", "exec", "globals"})
NAMESPACES = frozenset({"globals", "vars", "locals"})
"""Whoever changes what these return may bind any name."""


@dataclass(frozen=True)
class Passed:
    """A name handed to a call: the callable's last name, the module it may come from, whether it is a method."""

    callee: str
    name: str
    module: str = ""
    is_method: bool = False


@dataclass(frozen=True)
class Summary:
    """What calling a function (or making an object of a class) may do beyond its result.

    changes: names outside that it binds or changes; its_arguments: whether it may change what it is given;
    its_attributes: whether it may set attributes of what it is given (a class is changed in no other way);
    calls: the callables that it calls in turn.
    """

    changes: frozenset[str] = frozenset()
    its_arguments: bool = False
    its_attributes: bool = False
    calls: frozenset[str] = frozenset()


@dataclass
class Effects:
    """What a statement does.

    binds: names that it sets for certain; may_bind: those that it may set, or sets from their old value; changes: names
    whose object it changes in place; assigned: those of them whose attribute it sets; uses: names read while it runs;
    later: names that functions defined by it read when called; passed: what it hands to calls; calls: what it calls;
    aliases: name → names whose object it may stand for; stars: whether it imports every name of a module; anything:
    whether it may bind any name; reads_anything: whether it, or a function of it, may read any name; given: names, and
    names as strings, that it gives to each callable; functions: what calling the functions and classes that it defines
    may do, by name.
    """

    binds: set[str] = field(default_factory=set)
    may_bind: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    passed: set[Passed] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    aliases: dict[str, set[str]] = field(default_factory=dict)
    stars: bool = False
    anything: bool = False
    reads_anything: bool = False
    given: dict[str, set[str]] = field(default_factory=dict)
    functions: dict[str, Summary] = field(default_factory=dict)

    def gives(self, name: str, callables: Iterable[str]) -> bool:
        """Whether it gives a name to one of these callables, itself or under another name."""
        found = {each for callee in callables for each in self.given.get(callee, ())}
        return name in _alias_closure(found, self.aliases)

    @property
    def bound(self) -> set[str]:
        """Names that it sets, for certain or perhaps."""
        return self.binds | self.may_bind


@lru_cache(maxsize=4096)
def effects_of(source: str) -> Effects:
    """Look at the text of one statement; one that does not parse, or is nested too deeply, does nothing."""
    reader = _Reader()
    try:
        for statement in ast.parse(source).body:
            reader.statement(statement, certain=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Effects()
    return reader.effects


def roots(node: ast.expr | None) -> Iterator[str]:  # noqa: C901, PLR0912 - one branch a kind
    """Names whose object the value of an expression may be, hold, or share memory with."""
    match node:
        case ast.Name(id=name):
            yield name
        case (
            ast.Attribute(value=value)
            | ast.Subscript(value=value)
            | ast.Starred(value=value)
            | ast.NamedExpr(value=value)
        ):
            yield from roots(value)
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items) | ast.BoolOp(values=items):
            for item in items:
                yield from roots(item)
        case ast.Dict(values=values):
            for value in values:
                yield from roots(value)
        case ast.IfExp(body=body, orelse=orelse):
            yield from roots(body)
            yield from roots(orelse)
        case ast.Call(func=ast.Name(id=name)) if name in FRESH_FUNCTIONS:
            return
        case ast.Call(func=ast.Attribute(attr=name)) if name in READING_METHODS - SHARING_METHODS:
            return
        case ast.Call(func=function, args=arguments, keywords=keywords):
            if isinstance(function, ast.Attribute):
                yield from roots(function.value)
            for value in (*arguments, *(keyword.value for keyword in keywords)):
                yield from roots(value)
        case ast.ListComp(elt=element, generators=generators) | ast.GeneratorExp(elt=element, generators=generators):
            yield from roots(element)
            for generator in generators:
                yield from roots(generator.iter)


class _Reader(ast.NodeVisitor):
    """Collects the effects of a statement in one scope: the module's, a class's, or a function's."""

    def __init__(self) -> None:
        self.effects = Effects()
        self._certain = True
        self._local: list[set[str]] = []

    def statement(self, node: ast.stmt, *, certain: bool) -> None:
        """Read a statement of this scope; certain: it runs whenever the scope does."""
        before, self._certain = self._certain, certain
        self.visit(node)
        self._certain = before

    def body(self, statements: Iterable[ast.stmt]) -> None:
        """Read statements that may not run, or not once."""
        for statement in statements:
            self.statement(statement, certain=False)

    # --- names ---------------------------------------------------------------------------------

    def _bind(self, name: str, *, from_old: bool = False) -> None:
        (self.effects.binds if self._certain and not from_old else self.effects.may_bind).add(name)

    def _use(self, name: str) -> None:
        if not any(name in scope for scope in self._local):
            self.effects.uses.add(name)

    def _change(self, node: ast.expr) -> None:
        self.effects.changes.update(roots(node))
        if isinstance(node, ast.Attribute):
            self.effects.assigned.update(roots(node))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id)
        elif not any(node.id in scope for scope in self._local):
            self._bind(node.id)

    def _target(self, target: ast.expr, value: ast.expr | None) -> None:
        match target:
            case ast.Name(id=name):
                self._bind(name)
                self.effects.aliases.setdefault(name, set()).update(roots(value))
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for item in items:
                    self._target(item, value)
            case ast.Starred(value=inner):
                self._target(inner, value)
            case ast.Attribute() | ast.Subscript():
                self._change(target)
                self.effects.anything |= isinstance(target, ast.Subscript) and _is_namespace(target.value)
                for name in roots(target):
                    self.effects.aliases.setdefault(name, set()).update(roots(value))
                self.generic_visit(target)

    # --- statements ----------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        summary = self._lambda(node.value) if isinstance(node.value, ast.Lambda) else self.visit(node.value)
        for target in node.targets:
            self._target(target, node.value)
            if isinstance(target, ast.Name) and summary:
                self.effects.functions[target.id] = summary

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self._change(node.target)
        for name in roots(node.target):
            self._use(name)
            if isinstance(node.target, ast.Name):
                self._bind(name, from_old=True)
        if not isinstance(node.target, ast.Name):
            self.generic_visit(node.target)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._use(target.id)  # a name that nothing set cannot be deleted
                self._bind(target.id)
            else:
                self._change(target)
                self.visit(target)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.effects.stars = True
            else:
                self._import(alias.asname or alias.name)

    def _import(self, name: str) -> None:
        """A name that is imported again stands for the same object, with all that was done to it before."""
        self.effects.may_bind.add(name)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for value in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(value)
        self._decorated(node)
        self._bind(node.name)
        self.effects.functions[node.name] = self._function(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that ast looks for

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for value in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(value)
        self._decorated(node)
        self._bind(node.name)
        inner = _Reader()
        inner.body(node.body)
        self._take_over(inner.effects, inner.effects.bound)
        made = [Summary(), *inner.effects.functions.values()]
        whole = Summary(
            frozenset().union(*(one.changes for one in made)),
            any(one.its_arguments for one in made),
            any(one.its_attributes for one in made),
            frozenset().union(*(one.calls for one in made)) | {name for base in node.bases for name in roots(base)},
        )
        self.effects.functions |= {**inner.effects.functions, node.name: whole}

    def _take_over(self, inner: Effects, own: set[str]) -> None:
        """Add what a class's body does to names outside; a name that it binds may still be read from outside before."""
        self.effects.uses |= inner.uses
        self.effects.later |= inner.later
        self.effects.changes |= inner.changes - own
        self.effects.assigned |= inner.assigned - own
        self.effects.passed |= {passed for passed in inner.passed if passed.name not in own}
        self.effects.calls |= inner.calls
        self.effects.anything |= inner.anything
        self.effects.reads_anything |= inner.reads_anything

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """A decorator is called with what it decorates, and with what it was given itself."""
        for decorator in node.decorator_list:
            inner = decorator.func if isinstance(decorator, ast.Call) else decorator
            self.effects.calls.update(_callee(inner))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Summary:
        """Note what a function reads from outside when it is called; return what calling it may do."""
        inner, local = _inside(node)
        self.effects.later |= (inner.uses | inner.later) - local
        self.effects.anything |= inner.anything
        self.effects.reads_anything |= inner.reads_anything
        return _summary(node, inner, local)

    def _lambda(self, node: ast.Lambda) -> Summary:
        for value in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(value)
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._lambda(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._certain = False
        self._target(node.target, node.iter)
        self.body([*node.body, *node.orelse])

    visit_AsyncFor = visit_For  # noqa: N815 - the name that ast looks for

    def visit_While(self, node: ast.While | ast.If) -> None:
        self.visit(node.test)
        self.body([*node.body, *node.orelse])

    visit_If = visit_While  # noqa: N815 - the name that ast looks for

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._target(item.optional_vars, item.context_expr)
        self.body(node.body)

    visit_AsyncWith = visit_With  # noqa: N815 - the name that ast looks for

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self.body([*node.body, *node.orelse, *node.finalbody])
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
            self.body(handler.body)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.visit_Try(node)

    def visit_Match(self, node: ast.Match) -> None:
        self._certain = False
        self.visit(node.subject)
        for case in node.cases:
            for pattern in ast.walk(case.pattern):
                name = getattr(pattern, "name", None) or getattr(pattern, "rest", None)
                if isinstance(name, str):
                    self._bind(name)
                elif isinstance(pattern, ast.MatchValue):
                    self.visit(pattern.value)
            if case.guard is not None:
                self.visit(case.guard)
            self.body(case.body)

    def visit_Global(self, node: ast.Global) -> None:
        del node

    # --- expressions ---------------------------------------------------------------------------

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        certain, self._certain = self._certain, False
        self._bind(node.target.id)
        self.effects.aliases.setdefault(node.target.id, set()).update(roots(node.value))
        self._certain = certain

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        own = {
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
        self.visit(node.generators[0].iter)
        self._local.append(own)
        for number, generator in enumerate(node.generators):
            if number:
                self.visit(generator.iter)
            for condition in generator.ifs:
                self.visit(condition)
        for value in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(value)
        self._local.pop()

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815 - as above

    def visit_Call(self, node: ast.Call) -> None:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        names = {name for value in given for name in roots(value)}
        callee = _callee(node.func)
        self.effects.calls |= callee
        self.effects.anything |= isinstance(node.func, ast.Name) and node.func.id == "exec"
        for name in callee:
            self.effects.given.setdefault(name, set()).update(names, _texts(given))
        if isinstance(node.func, ast.Name) and node.func.id in READING_ANYTHING:
            self.effects.reads_anything = True
        if isinstance(node.func, ast.Attribute):
            self.effects.anything |= _is_namespace(node.func.value) and node.func.attr not in READING_METHODS
            module = next(roots(node.func.value), "")
            if node.func.attr not in READING_METHODS:
                self.effects.passed.add(Passed(node.func.attr, module, module, is_method=True))
            passed = (Passed(node.func.attr, name, module) for name in names)
        else:
            passed = (Passed(next(iter(callee), ""), name) for name in names)
        self.effects.passed.update(passed)
        for keyword in node.keywords:
            if keyword.arg == "out":
                self._change(keyword.value)
        self.generic_visit(node)


def _callee(function: ast.expr) -> set[str]:
    """The last name of what is called, by which its definitions are found; a class's object calls its methods."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {name}
        case ast.Call(func=inner):
            return _callee(inner)
    return set()


def _is_namespace(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMESPACES


def _texts(given: list[ast.expr]) -> set[str]:
    """Strings that a call is given: ``check("ReLU")``."""
    return {value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def _inside(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> tuple[Effects, set[str]]:
    """Effects within a function's own scope, and the names that are local to it."""
    inner = _Reader()
    if isinstance(node, ast.Lambda):
        inner.visit(node.body)
    else:
        inner.body(node.body)
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    statements = [] if isinstance(node, ast.Lambda) else node.body
    outside = {
        name
        for statement in statements
        for each in ast.walk(statement)
        if isinstance(each, ast.Global | ast.Nonlocal)
        for name in each.names
    }
    return inner.effects, ({one.arg for one in named if one is not None} | inner.effects.bound) - outside


def _summary(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, inner: Effects, local: set[str]) -> Summary:
    """What calling a function may do beyond its result.

    inner: the effects within it; local: its own names.
    """
    arguments = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
    changed = inner.changes | {passed.name for passed in inner.passed if _may_change(passed)}
    reached = _alias_closure(changed, inner.aliases) | inner.bound
    given = arguments - {"self"}
    assigned = inner.assigned | {passed.name for passed in inner.passed if passed.callee in ATTRIBUTE_SETTERS}
    return Summary(
        frozenset(reached - local),
        bool(reached & given),
        bool(_alias_closure(assigned, inner.aliases) & given),
        frozenset(inner.calls),
    )


def _may_change(passed: Passed) -> bool:
    """Whether a call inside a function is known to change what it is given: a method its object, a few functions."""
    return passed.is_method or passed.callee in CHANGING_FUNCTIONS


def _alias_closure(names: set[str], aliases: dict[str, set[str]]) -> set[str]:
    """All names that may stand for the object of one of these."""
    found, new = set(names), set(names)
    while new:
        new = {other for name in new for other in aliases.get(name, ())} - found
        found |= new
    return found

"""Templates that people write, restricted until they are harmless by construction.

Jinja2's sandbox stops a template from reaching Python, not from using up time or memory. So only
these parts of the language are let in: output, `if`, `for` over given data (two deep), comparisons
and a few filters that cannot grow a text. No calls, arithmetic, assignments, macros or includes
are left, and the work is bounded by the sizes of template and data.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kaquan.runtime import InvalidInput

FILTERS = frozenset(
    {"capitalize", "d", "default", "e", "escape", "first", "last", "length", "lower", "title"}
    | {"trim", "truncate", "upper"}
)
TESTS = frozenset({"defined", "none", "undefined"})
MOST_NESTED_LOOPS = 2
MOST_NESTED_NODES = 40

_ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const),
    *(nodes.Getattr, nodes.Getitem, nodes.If, nodes.CondExpr, nodes.For, nodes.Concat),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Filter, nodes.Test, nodes.Keyword),
)


class _DataOnly(ImmutableSandboxedEnvironment):
    """A dot names an entry of the facts and never an attribute of a Python object."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, LoopContext):
            return super().getattr(obj, argument)
        try:
            return obj[argument]
        except (TypeError, LookupError):
            entries = cast("dict[str, Any]", obj if isinstance(obj, dict) else {})
            known = ", ".join(sorted(entries)[:20])
            hint = f"there is no '{argument}'" + (f"; known: {known}" if known else "")
            return self.undefined(hint)


class Sandbox:
    """Fills in templates; with ``escape`` what is filled in is escaped for HTML and XML."""

    def __init__(self, *, escape: bool, names: frozenset[str]) -> None:
        self._environment = _DataOnly(
            autoescape=escape, undefined=StrictUndefined, keep_trailing_newline=True
        )
        self._environment.globals.clear()
        self._names = names
        self._compiled = lru_cache(maxsize=64)(self._compile)

    def names_in(self, source: str, *, field: str) -> frozenset[str]:
        """Return the facts a template names; raises InvalidInput for what it may not do."""
        return self._compiled(source, field)[1]

    def fill_in(
        self, source: str, facts: Mapping[str, Any], *, field: str, most_characters: int
    ) -> str:
        """Return the template with ``facts`` filled in.

        Raises InvalidInput, naming ``field``, for a template that is not understood, uses
        something unknown, or comes out longer than ``most_characters``.
        """
        template, _ = self._compiled(source, field)
        parts: list[str] = []
        length = 0
        try:
            for part in template.generate(facts):
                length += len(part)
                if length > most_characters:
                    message = f"The text is longer than {most_characters:,} characters."
                    raise InvalidInput(message, field=field)
                parts.append(part)
        except (TemplateError, TypeError, ValueError) as error:
            reason = str(error).rstrip(".")
            message = f"The template cannot be filled in: {reason}."
            raise InvalidInput(message, field=field) from error
        return "".join(parts)

    def _compile(self, source: str, field: str) -> tuple[Any, frozenset[str]]:
        try:
            tree = self._environment.parse(source)
            names = _check(tree, field=field, known=self._names)
            return self._environment.from_string(tree), names
        except TemplateSyntaxError as error:
            reason = (error.message or "not understood").rstrip(".")
            message = f"Line {error.lineno}: {reason}."
            raise InvalidInput(message, field=field) from error
        except (RecursionError, MemoryError, SyntaxError) as error:
            raise InvalidInput("The template is nested too deeply.", field=field) from error


def _check(tree: nodes.Template, *, field: str, known: frozenset[str]) -> frozenset[str]:
    named: set[str] = set()
    waiting: list[tuple[nodes.Node, int, int, frozenset[str]]] = [(tree, 0, 0, known)]
    while waiting:
        node, depth, loops, scope = waiting.pop()
        inner = loops + isinstance(node, nodes.For)
        fault = _find_fault(node, depth=depth, loops=inner, scope=scope)
        if fault is not None:
            message = f"Line {node.lineno}: {fault}."
            raise InvalidInput(message, field=field)
        if isinstance(node, nodes.Name) and node.name in known:
            named.add(node.name)
        if isinstance(node, nodes.For):
            scope = (
                scope
                | {"loop"}
                | {name.name for name in node.find_all(nodes.Name) if name.ctx == "store"}
            )
        waiting += [(child, depth + 1, inner, scope) for child in node.iter_child_nodes()]
    return frozenset(named)


def _find_fault(node: nodes.Node, *, depth: int, loops: int, scope: frozenset[str]) -> str | None:
    if depth > MOST_NESTED_NODES:
        return "nested too deeply"
    match node:
        case nodes.Name() if node.name not in scope:
            return f"there is no '{node.name}' to fill in; known: {', '.join(sorted(scope))}"
        case nodes.Filter() if node.name not in FILTERS:
            return f"the filter '{node.name}' cannot be used; known: {', '.join(sorted(FILTERS))}"
        case nodes.Test() if node.name not in TESTS:
            return f"the test '{node.name}' cannot be used; known: {', '.join(sorted(TESTS))}"
        case nodes.For() if node.recursive or loops > MOST_NESTED_LOOPS:
            return f"loops may be {MOST_NESTED_LOOPS} deep and not recursive"
        case _ if not isinstance(node, _ALLOWED):
            return f"'{type(node).__name__.lower()}' cannot be used in a template"
        case _:
            return None

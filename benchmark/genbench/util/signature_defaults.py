"""The keyword arguments of a factory and their defaults, read from its source: nothing is imported or executed.

A class that has no `__init__` of its own takes that of its bases, which are looked up where they are imported from.
What PyTorch, genbench and Python itself define has no hyperparameters, and is not looked into.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from genbench.errors import PluginError
from genbench.util.package_files import PackageFiles, is_module_file

Default = bool | int | float | str | None
_WITHOUT_HYPERPARAMETERS = {"genbench", "torch", *sys.stdlib_module_names}
_MAX_REEXPORTS = 10
_END_OF_SIGNATURE = re.compile(r":[ \t]*(?:#.*)?$", re.MULTILINE)


def signature_defaults(factory: str) -> dict[str, Default]:
    """The hyperparameters of "package.module:Class", in the order of the signature. Empty where there is no such
    module: to say so is for the worker, in the row of the model.

    Raises PluginError where the source is not there or is not a plain signature: keyword-only arguments whose defaults
    are literals, or constants of a module that are.
    """
    module_name, _, name = factory.partition(":")
    sources = _Sources()
    if sources.file(module_name) is None:
        return {}
    module = sources.module(module_name)
    found = _quick_constructor(module.text, name)
    if found is not None:
        return _defaults(sources, module, found, given=2)  # self and the spec
    module, definition = sources.definition(module, name)
    if isinstance(definition, ast.FunctionDef):
        return _defaults(sources, module, definition, given=1)
    for owner, each in _resolution_order(sources, module, definition):
        for statement in reversed(each.body):
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return _defaults(sources, owner, statement, given=2)
    return {}


class _Module:
    """A module that is a file of Python source."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    @cached_property
    def text(self) -> str:
        if self.path.suffix != ".py":
            raise PluginError(f"{self.path.name} is no Python source")
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"{self.path}: {error}") from None

    @cached_property
    def body(self) -> list[ast.stmt]:
        try:
            return ast.parse(self.text).body
        except (SyntaxError, ValueError) as error:
            raise PluginError(f"{self.path}: {error}") from None

    @cached_property
    def imports(self) -> dict[str, tuple[str, str | None]]:
        """Local name -> (module, name in it); None in place of a name where the local name is the module itself."""
        found: dict[str, tuple[str, str | None]] = {}
        for statement in self.body:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    found[alias.asname or name] = (name, None)
            elif isinstance(statement, ast.ImportFrom):
                base = self._absolute(statement)
                for alias in statement.names:
                    found[alias.asname or alias.name] = (base, alias.name)
        return found

    def _absolute(self, statement: ast.ImportFrom) -> str:
        if not statement.level:
            return statement.module or ""
        above = statement.level - (0 if is_module_file(self.path) else 1)
        parts = self.name.split(".")
        parts = parts[: len(parts) - above]
        return ".".join([*parts, statement.module] if statement.module else parts)


class _Sources:
    """The modules of whatever packages are asked for."""

    def __init__(self) -> None:
        self._packages: dict[str, PackageFiles] = {}
        self._modules: dict[str, _Module] = {}

    def file(self, module: str) -> Path | None:
        top = module.partition(".")[0]
        if top not in self._packages:
            self._packages[top] = PackageFiles(top)
        return self._packages[top].file(module)

    def module(self, name: str) -> _Module:
        """Raises PluginError where there is no such module."""
        if name not in self._modules:
            path = self.file(name)
            if path is None:
                raise PluginError(f"there is no module {name}")
            self._modules[name] = _Module(name, path)
        return self._modules[name]

    def definition(self, module: _Module, name: str) -> tuple[_Module, ast.ClassDef | ast.FunctionDef]:
        """The class or function that a module calls `name`, and the module that defines it. Raises PluginError."""
        for _ in range(_MAX_REEXPORTS):
            for statement in reversed(module.body):
                if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
                    return module, statement
            module_name, imported = module.imports.get(name, ("", None))
            if imported is None:
                break
            module, name = self.module(module_name), imported
        raise PluginError(f"{module.name} defines no class or function {name!r} at its top")

    def constant(self, module: _Module, name: str) -> ast.expr | None:
        """What is assigned to `name` at the top of a module, or of the one that it is imported from."""
        for _ in range(_MAX_REEXPORTS):
            for statement in reversed(module.body):
                targets = (
                    statement.targets
                    if isinstance(statement, ast.Assign)
                    else [statement.target]
                    if isinstance(statement, ast.AnnAssign)
                    else []
                )
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    assert isinstance(statement, ast.Assign | ast.AnnAssign)
                    return statement.value
            module_name, imported = module.imports.get(name, ("", None))
            if imported is None or self.file(module_name) is None:
                return None
            module, name = self.module(module_name), imported
        return None

    def target(self, module: _Module, expression: ast.expr) -> tuple[str, str] | None:
        """(module, name) that an imported `name`, or `module.name`, stands for; None where it is neither."""
        if isinstance(expression, ast.Name):
            base, imported = module.imports.get(expression.id, (module.name, expression.id))
            return (base, imported) if imported is not None else None
        if isinstance(expression, ast.Attribute):
            name = ast.unparse(expression.value)
            first, _, rest = name.partition(".")
            base, imported = module.imports.get(first, ("", None))
            parts = [part for part in (base, imported, rest) if part]
            return (".".join(parts), expression.attr) if base else None
        return None


def _quick_constructor(text: str, name: str) -> ast.FunctionDef | None:
    """The `__init__` of a class, from the beginning of the class to the end of the signature: most of a file need not
    be parsed. None where that is not to be had in this way."""
    starts = list(re.finditer(rf"^class {re.escape(name)}\b", text, re.MULTILINE))
    if len(starts) != 1:
        return None
    begin = starts[0].start()
    after = re.compile(r"^(?:class|def|async|@)", re.MULTILINE).search(text, starts[0].end())
    region = text[begin : after.start() if after else len(text)]
    signature = re.search(r"^    def __init__\(", region, re.MULTILINE)
    if signature is None:
        return None
    for end in _END_OF_SIGNATURE.finditer(region, signature.end()):
        try:
            (parsed,) = ast.parse(region[: end.start() + 1] + " pass").body
        except (SyntaxError, ValueError):
            continue
        if not isinstance(parsed, ast.ClassDef):
            return None
        last = parsed.body[-1]
        return last if isinstance(last, ast.FunctionDef) and last.name == "__init__" else None
    return None


def _resolution_order(
    sources: _Sources, module: _Module, definition: ast.ClassDef
) -> list[tuple[_Module, ast.ClassDef]]:
    """The class and its bases: depth first, from left to right, each at the last of its places, so that a class that
    several have as their base comes after all of them."""

    def walk(module: _Module, definition: ast.ClassDef) -> Iterator[tuple[_Module, ast.ClassDef]]:
        yield module, definition
        for expression in definition.bases:
            base = expression.value if isinstance(expression, ast.Subscript) else expression
            target = sources.target(module, base)
            if target is None:
                raise PluginError(f"the base {ast.unparse(base)!r} of {definition.name} is no plain name")
            where, name = target
            if where.partition(".")[0] in _WITHOUT_HYPERPARAMETERS or hasattr(builtins, name):
                continue
            owner, found = sources.definition(sources.module(where), name)
            if isinstance(found, ast.ClassDef):
                yield from walk(owner, found)

    order = list(walk(module, definition))
    places = {(owner.name, each.name): place for place, (owner, each) in enumerate(order)}
    return [order[place] for place in sorted(places.values())]


def _defaults(
    sources: _Sources, module: _Module, function: ast.FunctionDef, *, given: int
) -> dict[str, Default]:
    """given: how many arguments come by position."""
    arguments = function.args
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][given:]
    others = [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    others += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    if positional or others:
        raise PluginError(
            f"hyperparameter {(positional + others)[0]!r}: expected a keyword-only argument with a default"
        )
    found: dict[str, Default] = {}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is None:
            raise PluginError(f"hyperparameter {argument.arg!r}: expected a default")
        found[argument.arg] = _value(sources, module, argument.arg, default)
    return found


def _value(sources: _Sources, module: _Module, argument: str, default: ast.expr) -> Default:
    expression: ast.expr | None = default
    if isinstance(default, ast.Name | ast.Attribute) and (target := sources.target(module, default)):
        where, name = target
        expression = sources.constant(sources.module(where), name) if sources.file(where) else None
    try:
        value = ast.literal_eval(expression) if expression is not None else ...
    except (ValueError, TypeError):
        value = ...
    if not isinstance(value, bool | int | float | str | None):
        raise PluginError(
            f"hyperparameter {argument!r}: its default, {ast.unparse(default)}, is no plain number or text"
        )
    return value

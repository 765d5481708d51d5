"""Shapes and types, checked in every call: jaxtyping's import hook, with less work per call.

jaxtyping's own decorator binds the arguments and checks them twice, whether or not a function speaks of shapes: on the
tiny models of the tests, a third of all the work. Here beartype checks each call once, and only functions whose
annotations hold shapes go through jaxtyping, which compares the names of axes within a call. A function's checks are
compiled when it is first called, since no test process calls every function.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import jaxtyping
import typer
from beartype import BeartypeConf, FrozenDict, beartype
from jaxtyping import AbstractArray, TypeCheckError

_jaxtyped = jaxtyping.jaxtyped
# commands are annotated with typer.Context, as typer asks, but typer calls them with click's class, which it extends
_CONTEXTS = FrozenDict({typer.Context: typer.Context.__mro__[1]})
_check_types = beartype(
    conf=BeartypeConf(
        is_pep484_tower=True,  # an int passes where a float is asked for, as PEP 484 and mypy have it
        violation_type=TypeCheckError,
        hint_overrides=_CONTEXTS,
    )
)


def install(packages: list[str]) -> jaxtyping.ImportHookManager:
    """Check what is imported from `packages` from now on."""
    hook = jaxtyping.install_import_hook(packages, "beartype.beartype")
    jaxtyping.jaxtyped = _decorate  # by this name the hook decorates every function and class
    return hook


def _decorate(*, typechecker: Any) -> Callable[[Any], Any]:
    def decorate(decorated: Any) -> Any:
        if isinstance(decorated, types.FunctionType):
            return _checked(decorated)
        return _jaxtyped(decorated, typechecker=_check_types)  # of classes: how data classes are made

    return decorate


def _checked(function: types.FunctionType) -> Callable[..., Any]:
    compiled: Callable[..., Any] | None = None

    @functools.wraps(function)
    def check(*args: Any, **kwargs: Any) -> Any:
        nonlocal compiled
        if compiled is None:
            compiled = _compile(function)
        return compiled(*args, **kwargs)

    return check


def _compile(function: types.FunctionType) -> Callable[..., Any]:
    copy = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    copy.__annotations__ = {
        name: _evaluated(annotation, function.__globals__)
        for name, annotation in function.__annotations__.items()
    }
    shapes = any(_speaks_of_shapes(annotation) for annotation in copy.__annotations__.values())
    if shapes and inspect.isgeneratorfunction(function):
        # beartype checks a generator's arguments at its first step, where the names of axes are its caller's
        return function
    checked = _check_types(copy)
    return _jaxtyped(checked, typechecker=None) if shapes else checked  # beartype is in it already


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    """What an annotation stands for; Any where it needs what is imported for type checkers alone."""
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(holder, names, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError):
        return Any


def _speaks_of_shapes(annotation: Any) -> bool:
    if isinstance(annotation, list | tuple):  # the arguments of a Callable
        return any(map(_speaks_of_shapes, annotation))
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    return any(map(_speaks_of_shapes, get_args(annotation)))

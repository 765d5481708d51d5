"""beartype as the tests run it: an int passes where a float is asked for, as PEP 484 and mypy have it.

A function's checks are compiled when it is first called. No test process calls every function, and compiling the
checks of all of them would take each process a third of the time that it needs before its first test.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer
from beartype import BeartypeConf, FrozenDict, beartype

# commands are annotated with typer.Context, as typer asks, but typer calls them with click's class, which it extends
_contexts = FrozenDict({typer.Context: typer.Context.__mro__[1]})
_compile_checks = beartype(conf=BeartypeConf(is_pep484_tower=True, hint_overrides=_contexts))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with its arguments and what it returns checked in every call."""
    if getattr(function, "_is_checked", False):  # jaxtyping decorates what checks a returned value twice
        return function
    compiled: Callable[..., Any] | None = None

    @functools.wraps(function)
    def check(*args: Any, **kwargs: Any) -> Any:
        nonlocal compiled
        if compiled is None:
            compiled = _compile_checks(function)
        return compiled(*args, **kwargs)

    check._is_checked = True  # type: ignore[attr-defined]
    return check

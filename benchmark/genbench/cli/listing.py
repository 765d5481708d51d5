"""`genai-bench list`: what plugins have announced, as tables or as JSON."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import NamedCard, Registry
from genbench.runner.suite import Suite, load_suite, suite_names
from genbench.util.terminal import SafeConsole, printable

_log = logging.getLogger(__name__)

Row = tuple[str, ...]

_FOLDABLE = ("takes", "for", "what it is", "what it is for", "problems", "licence", "data sets", "models")
"""Columns of text that may be wrapped."""
_ALWAYS_SHOWN = ("what it is", "what it is for", "state", "problems")
_MIN_FOLDED_WIDTH = 24
"""The narrowest width to which a column is wrapped, in characters."""
_UNLIMITED_WIDTH = 100_000


def render_listing(what: str, registry: Registry, console: Console, *, as_json: bool) -> None:
    """Print one listing. Raises UnknownNameError if there is no listing `what`."""
    if what not in _LISTINGS:
        raise UnknownNameError("listing", what, _LISTINGS)
    records, columns, row = _LISTINGS[what](registry)
    if as_json:
        # not printed by rich, which would wrap it
        text = msgspec.json.format(msgspec.json.encode(records), indent=2).decode() + "\n"
        console.file.write(printable(text) if console.is_terminal else text)
        return
    # a pipe has no width, so each row is one line, whatever its length, for grep to find it whole
    on_a_screen = console.is_terminal or "COLUMNS" in os.environ
    if not on_a_screen:
        console = SafeConsole(file=console.file, width=_UNLIMITED_WIDTH)
    _print_table(columns, [row(record) for record in records], console)
    if what == "datasets" and on_a_screen and (hint := sources_hint(registry)):
        console.print(escape(hint))


def _print_table(columns: Row, rows: list[Row], console: Console) -> None:
    """Columns of text are wrapped. If there is still no room, columns are left out from the right and named below."""
    widths = [max(map(cell_len, (name, *(row[i] for row in rows)))) for i, name in enumerate(columns)]
    min_widths = [
        min(width, _MIN_FOLDED_WIDTH) if name in _FOLDABLE else width
        for width, name in zip(widths, columns, strict=True)
    ]
    kept = list(range(len(columns)))
    for index in reversed(kept[1:]):
        needed = sum(min_widths[each] for each in kept) + len(kept) - 1
        if needed > console.width and columns[index] not in _ALWAYS_SHOWN:
            kept.remove(index)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index in kept:
        table.add_column(columns[index], overflow="fold", no_wrap=columns[index] not in _FOLDABLE)
    for cells in rows:
        table.add_row(*(escape(cells[index]) for index in kept))
    console.print(table)
    if missing := [name for index, name in enumerate(columns) if index not in kept]:
        console.print(f"[dim]no room for {', '.join(missing)}; use a wider terminal or --json[/dim]")


def _announced(registry: Registry, cards: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, **msgspec.to_builtins(card), "plugin": _plugin(registry, card)}
        for name, card in cards.items()
    ]


def _plugin(registry: Registry, card: NamedCard) -> str:
    plugin = registry.origin(card)
    return f"{plugin.distribution} {plugin.version}"


Listing = tuple[list[dict[str, Any]], Row, Callable[[dict[str, Any]], Row]]


def _models(registry: Registry) -> Listing:
    def row(card: dict[str, Any]) -> Row:
        paper = f"{card['paper']} ({card['year']})" if card["paper"] and card["year"] else card["paper"] or ""
        return (
            card["name"],
            card["family"],
            ", ".join(card["modalities"]),
            card["summary"],
            paper,
            card["plugin"],
        )

    return (
        _announced(registry, dict(registry.models)),
        ("model", "family", "takes", "what it is", "paper", "from"),
        row,
    )


def _datasets(registry: Registry) -> Listing:
    def row(card: dict[str, Any]) -> Row:
        spec = card["spec"]
        shape = "×".join(str(size) for size in spec["event_shape"])
        if spec["variable_length"]:
            shape = f"up to {shape}"
        values = f"{spec['levels']} levels" if spec["levels"] else "real"
        sizes = "/".join(str(size) for size in card["sizes"])
        return (card["name"], spec["modality"], f"{shape}, {values}", sizes, card["summary"], card["licence"])

    return (
        _announced(registry, dict(registry.datasets)),
        ("data set", "modality", "example", "train/valid/test", "what it is", "licence"),
        row,
    )


def _sources(registry: Registry) -> Listing:
    def row(card: dict[str, Any]) -> Row:
        return (card["name"], f"{card['name']}:{card['argument']}", card["summary"], card["plugin"])

    return (
        _announced(registry, dict(registry.dataset_sources)),
        ("source", "-d", "what it is", "from"),
        row,
    )


def sources_hint(registry: Registry) -> str:
    """One line about using your own data; empty if no plugin reads any."""
    schemes = ", ".join(f"{name}:" for name in registry.dataset_sources)
    return f"Your own data: {schemes} and a path; see genai-bench list sources." if schemes else ""


def _metrics(registry: Registry) -> Listing:
    def row(card: dict[str, Any]) -> Row:
        return (
            card["name"],
            card["group"],
            card["better"],
            card["unit"],
            ", ".join(card["modalities"]),
            card["summary"],
        )

    return (
        _announced(registry, dict(registry.metrics)),
        ("metric", "group", "better", "unit", "for", "what it is"),
        row,
    )


def _extractors(registry: Registry) -> Listing:
    def row(card: dict[str, Any]) -> Row:
        default_for = ", ".join((*card["default_for_datasets"], *card["default_for"]))
        return (card["name"], card["hash"] or "", ", ".join(card["modalities"]), default_for, card["summary"])

    return (
        _announced(registry, dict(registry.extractors)),
        ("extractor", "hash", "for", "default for", "what it is"),
        row,
    )


def _loggers(registry: Registry) -> Listing:
    def row(card: dict[str, Any]) -> Row:
        return (card["name"], f"{card['name']}:{card['target']}", card["summary"], card["plugin"])

    return (
        _announced(registry, dict(registry.loggers)),
        ("logger", "--log", "what it is", "from"),
        row,
    )


def _suites(registry: Registry) -> Listing:
    def seconds(suite: Suite) -> float:
        return suite.budget.expected_seconds or math.inf

    # the shortest budget first; suites with a budget in steps, which are for automated tests, last
    found = [load_suite(name) for name in suite_names()]
    for name in registry.suites:
        try:
            found.append(load_suite(name, registry.suites))
        except UsageError as error:
            _log.warning("%s", error)
    suites = sorted(found, key=lambda suite: (seconds(suite), suite.name))

    def row(suite: dict[str, Any]) -> Row:
        return (
            suite["name"],
            suite["budget"],
            str(suite["seeds"]),
            str(suite["samples"]),
            _chosen(suite["models"], "models")
            + (f" but {len(suite['without'])}" if suite["without"] else ""),
            _chosen(suite["datasets"], "data sets"),
            suite["summary"],
        )

    columns = ("suite", "a job", "seeds", "samples", "models", "data sets", "what it is for")
    records = [{**msgspec.to_builtins(suite), "budget": str(suite.budget)} for suite in suites]
    return records, columns, row


def _chosen(names: Sequence[str], what: str) -> str:
    if "*" in names:
        return "all"
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} {what}"


def _plugins(registry: Registry) -> Listing:
    def row(plugin: dict[str, Any]) -> Row:
        state = "loaded" if plugin["loaded"] else "blocked" if plugin["blocked"] else "left out"
        where = f"{plugin['distribution']} {plugin['version']}"
        return (
            plugin["name"],
            where,
            plugin["module"],
            state,
            str(plugin["cards"]),
            "; ".join(plugin["problems"]),
        )

    return (
        [msgspec.to_builtins(plugin) for plugin in registry.plugins],
        ("plugin", "from", "module", "state", "cards", "problems"),
        row,
    )


_LISTINGS: dict[str, Callable[[Registry], Listing]] = {
    "models": _models,
    "datasets": _datasets,
    "sources": _sources,
    "metrics": _metrics,
    "extractors": _extractors,
    "loggers": _loggers,
    "suites": _suites,
    "plugins": _plugins,
}

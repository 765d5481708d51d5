"""The list of result records, exactly as stored: the stable contract for other programs."""

from __future__ import annotations

import msgspec

from genbench.records.run_folder import Run


def render_json(run: Run) -> str:
    """The report card's factory. `msgspec.json.decode(text, type=list[Result])` reads it back."""
    return msgspec.json.format(msgspec.json.encode(run.results()), indent=1).decode() + "\n"

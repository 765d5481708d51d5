"""What goes into script elements: data that cannot end them, and libraries compressed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from typing import Any


def embedded_json(data: Any) -> str:
    """JSON in which no character can begin markup: "</script>" in a name stays a name."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def script_hash(text: str) -> str:
    """How a content security policy names a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def plotly_source() -> str:
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source


@cache
def packed_plotly() -> str:
    """gzip in base64: 2 MB of 4.8, which the page unpacks when its first chart comes into view."""
    return base64.b64encode(gzip.compress(plotly_source().encode(), 9, mtime=0)).decode()

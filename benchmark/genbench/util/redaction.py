"""Passwords and tokens in text that is about to be stored.

They come in with addresses: those of mirrors, of git remotes, and of tracking servers, as in
`--log mlflow:https://user:password@...`. Whatever enters a run folder or a log passes through `redacted`.
"""

from __future__ import annotations

import re

_USER_INFO = re.compile(r"(?<=://)[^/@\s\"'<>]+@")
_WORDS = "token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|credential|signature"
_SECRET = rf"(?:[\w.-]*(?:{_WORDS})[\w.-]*|key|sig|auth)"
_PARAMETER = re.compile(rf"(?i)(?<=[?&;])({_SECRET})=[^&;#\s\"'<>]+")
_HEADER = re.compile(r"(?i)\b(authorization: *(?:basic|bearer)|bearer) +[\w.~+/=-]{8,}")


def redacted(text: str) -> str:
    """The text without what follows the scheme of an address up to an @, and with *** in place of the values of
    parameters of addresses and of headers that are named like secrets."""
    text = _USER_INFO.sub("", text)
    text = _PARAMETER.sub(r"\1=***", text)
    return _HEADER.sub(r"\1 ***", text)


def redacted_bytes(text: bytes) -> bytes:
    """Redacts the output of a process, whatever its encoding."""
    return redacted(text.decode("latin-1")).encode("latin-1")

"""Markdown for a comment on a forge, in which no text becomes a link or a notification by accident.

A forge reads more into a comment than Markdown does: `@name` notifies a person or a team, `#5`, `owner/repo#5` and
`GH-5` link an issue and leave a note in it, a run of hexadecimal digits links a commit, an address links a stranger's
page. Most of that is looked for after escapes and entities are resolved, so that escaping cannot prevent it. A
zero-width space within such a text can: it is invisible, and neither a name nor a number goes on after it.

https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
"""

from __future__ import annotations

import re

BREAK = "&#8203;"
"""A zero-width space, as an entity that is visible in the source of the comment."""
_REFERENCES = re.compile(
    r"""
    @(?=[\w-])                      # a mention, and the middle of an e-mail address
    | (?<!&)\#(?=\d)                # an issue; not the "#" of an entity
    | \b(?:GH|GHSA|CVE|CWE)-(?=\w)  # an issue, an advisory
    | (?:&\#58;|:)(?=//)            # an address
    | \bwww(?=&\#46;|\.)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HASH = re.compile(r"(?<![0-9a-z])[0-9a-f]{7,}(?![0-9a-z])", re.IGNORECASE)
_MAX_DIGITS = 6
"""Seven hexadecimal digits are the fewest that link a commit."""


def quiet(markdown: str) -> str:
    """The text with a break in whatever a forge would link. It reads as before."""
    broken = _REFERENCES.sub(lambda match: match[0] + BREAK, markdown)
    return _HASH.sub(
        lambda match: BREAK.join(
            match[0][start : start + _MAX_DIGITS] for start in range(0, len(match[0]), _MAX_DIGITS)
        ),
        broken,
    )

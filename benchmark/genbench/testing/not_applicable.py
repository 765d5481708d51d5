"""How a check says that it has nothing to say."""

from __future__ import annotations

from unittest import SkipTest


class NotApplicable(SkipTest):
    """A check says nothing about this subject, for the reason in the text. Test runners report it as skipped."""

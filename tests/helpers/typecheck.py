"""beartype as the tests run it: an int passes where a float is asked for, as PEP 484 and mypy have it."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

"""The texts that records repeat, once each in memory: names, units and versions are a large part of a record."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import force_setattr

from genbench.records.result import MetricValue, Result


class SharedTexts:
    """Lets equal texts of many records be one object. What the records say stays as it is."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def share(self, result: Result) -> None:
        """Replace the texts of a record that others are likely to have too."""
        self._share_values(result.metrics)
        self._share_values(result.last_metrics or ())
        if result.likeliest is not None:
            self._share_values(result.likeliest.metrics)
        for checkpoint in result.curve:
            self._share_values(checkpoint.metrics)
        for point in result.sampling_curve:
            self._share_values(point.metrics)
        _share_dictionaries(result.provenance, self._texts)

    def _share_values(self, values: Iterable[MetricValue]) -> None:
        once = self._texts.setdefault
        for (
            value
        ) in values:  # there are 500,000 in 10,000 records, so that a loop over the fields would be felt
            force_setattr(value, "name", once(value.name, value.name))
            force_setattr(value, "unit", once(value.unit, value.unit))
            if value.kind is not None:
                force_setattr(value, "kind", once(value.kind, value.kind))
            if value.extractor is not None:
                force_setattr(value, "extractor", once(value.extractor, value.extractor))
            if value.version is not None:
                force_setattr(value, "version", once(value.version, value.version))
            if value.note is not None:
                force_setattr(value, "note", once(value.note, value.note))


def _share_dictionaries(value: dict[str, object], texts: dict[str, str]) -> None:
    for name, each in value.items():
        if isinstance(each, str):
            value[name] = texts.setdefault(each, each)
        elif isinstance(each, dict):
            _share_dictionaries(each, texts)

"""The entries of one table put in order: which figures there are, which one ranks, who comes first."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.api.cards import Better, DatasetCard, MetricCard
from genbench.records.result import MetricValue
from genbench_reports.format.columns import ALTERNATIVES, choose_layout
from genbench_reports.leaderboard.entries import Entry, EntryTable
from genbench_reports.leaderboard.ranking import rank_entries


class Standings:
    """present: every metric that a result records. headline: the metric that ranks. main: the metrics of the
    main table, as the layout wants them, whether they have values or not. ordered: ranked entries, then
    contenders without a rank, then calibration, best first; entries without any result are not among them.
    """

    def __init__(
        self,
        table: EntryTable,
        cards: Mapping[str, MetricCard],
        dataset: DatasetCard | None,
    ) -> None:
        self.table = table
        self.cards = cards
        self.dataset = dataset
        self.present = self._present()
        layout = choose_layout(dataset.spec.modality if dataset else None, cards, self.present)
        self.headline = self._resolve(layout.headline)
        self.main = list(dict.fromkeys(self._resolve(name) for name in layout.columns))
        self.ranking = rank_entries(table.entries, self.headline, self.better(self.headline))
        self.ordered = self._order()

    def better(self, name: str) -> Better:
        """From the card; from the record where the card's plugin is missing."""
        if name in self.cards:
            return self.cards[name].better
        return next((figure.better for figure in self.figures(name)), "neither")

    def figures(self, name: str) -> list[MetricValue]:
        """The metric in every entry and seed, without a value too."""
        return [figure for entry in self.table.entries for figure in entry.figures(name).values()]

    def has_value(self, name: str) -> bool:
        return any(figure.value is not None for figure in self.figures(name))

    def _present(self) -> list[str]:
        """In the order of the cards, then as they come."""
        seen = {
            figure.name: None
            for entry in self.table.entries
            for result in entry.results
            for figure in result.metrics
        }
        return [*(name for name in self.cards if name in seen), *(n for n in seen if n not in self.cards)]

    def _resolve(self, name: str) -> str:
        if name not in ALTERNATIVES:
            return name
        return next((each for each in ALTERNATIVES[name] if self.has_value(each)), ALTERNATIVES[name][-1])

    def _order(self) -> list[Entry]:
        places = {label: place for place, label in enumerate(self.ranking.ranks)}
        sign = -1.0 if self.better(self.headline) == "higher" else 1.0

        def place(entry: Entry) -> tuple[bool, int, float, str]:
            estimate = entry.estimate(self.headline)
            value = float("inf") if estimate is None else sign * estimate.mean
            return (entry.is_calibration, places.get(entry.label, len(places)), value, entry.label)

        return sorted((entry for entry in self.table.entries if entry.results), key=place)

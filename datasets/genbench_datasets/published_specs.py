"""The domains of the standard data sets. No torch here."""

from __future__ import annotations

from genbench import DataSpec


def _image(name: str, levels: int, classes: int | None) -> DataSpec:
    return DataSpec(name=name, modality="image", event_shape=(1, 28, 28), levels=levels, classes=classes)


def _binary(name: str, variables: int) -> DataSpec:
    return DataSpec(name=name, modality="points", event_shape=(variables,), levels=2)


SPECS: dict[str, DataSpec] = {
    spec.name: spec
    for spec in (
        _image("mnist", 256, 10),
        _image("fashion-mnist", 256, 10),
        _image("mnist-static", 2, None),
        _image("mnist-dynamic", 2, 10),
        _binary("nltcs", 16),
        _binary("mushrooms", 112),
        _binary("dna", 180),
        _binary("plants", 69),
    )
}

"""The domains of the standard data sets. No torch here."""

from __future__ import annotations

from genbench import DataSpec


def _image(name: str, levels: int, classes: int | None) -> DataSpec:
    return DataSpec(name=name, modality="image", event_shape=(1, 28, 28), levels=levels, classes=classes)


def _binary(name: str, variables: int) -> DataSpec:
    return DataSpec(name=name, modality="points", event_shape=(variables,), levels=2)


def _real(name: str, variables: int) -> DataSpec:
    return DataSpec(name=name, modality="points", event_shape=(variables,))


SPECS: dict[str, DataSpec] = {
    spec.name: spec
    for spec in (
        _image("mnist", 256, 10),
        _image("fashion-mnist", 256, 10),
        _image("mnist-static", 2, None),
        _image("mnist-dynamic", 2, 10),
        _image("omniglot", 2, 50),
        DataSpec(name="cifar10", modality="image", event_shape=(3, 32, 32), levels=256, classes=10),
        _binary("nltcs", 16),
        _binary("mushrooms", 112),
        _binary("dna", 180),
        _binary("plants", 69),
        _real("power", 6),
        _real("gas", 8),
        _real("hepmass", 21),
        _real("miniboone", 43),
        DataSpec(name="tiny-shakespeare", modality="tokens", event_shape=(256,), levels=65),
        DataSpec(name="text8", modality="tokens", event_shape=(256,), levels=27),
        DataSpec(name="jsb-chorales", modality="pianoroll", event_shape=(16, 88), levels=2),
        DataSpec(name="nottingham", modality="pianoroll", event_shape=(32, 88), levels=2),
        DataSpec(
            name="jsb-chorales-pieces",
            modality="pianoroll",
            event_shape=(160, 88),
            levels=2,
            variable_length=True,
        ),
        DataSpec(
            name="nottingham-pieces",
            modality="pianoroll",
            event_shape=(1793, 88),
            levels=2,
            variable_length=True,
        ),
        DataSpec(name="timegan-stocks", modality="series", event_shape=(24, 6)),
    )
}

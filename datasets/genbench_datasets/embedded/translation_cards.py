"""The cards of pairs for translation. No torch here."""

from __future__ import annotations

from string import ascii_lowercase

from genbench import DatasetCard, DataSpec

_ENGLISH = (
    "∎ a baker behind bird bridge brown cat child dog finds follows forest garden green happy hears house in likes near"
    " paints quiet remembers river sees small tall teacher the tower visits with"
)
_INVENTED = (
    "alt amek apu aquen audak domo en gam hilva karu kun la lo lus memok mip nebi pik pintuk ponta retro sefa sekvok"
    " shen silvo tilo trovik turra una uno venik vessa vidak vir"
)
_CONVENTION = (
    "a pair counts whole: the source, the target and the padding of both, given nothing. The source is padded to"
    " {source} steps and the target to {target}, by a symbol that means the end"
)

TRANSLATION = (
    DatasetCard(
        spec=DataSpec(
            name="invented-language", modality="tokens", event_shape=(22,), levels=67, source_steps=11
        ),
        summary="English sentences of up to 11 words, and their translations into an invented language",
        sizes=(4000, 1000, 1000),
        splits="independent draws with seeds 0, 1 and 2; no sentence is in two splits",
        source="drawn here from rules: in the invented language the verb comes last, adjectives and prepositions follow"
        " their noun, and articles agree with its gender. Each source has one right translation",
        licence="CC0: a formula",
        citation="none: made for this benchmark",
        factory="genbench_datasets.embedded.translation:invented_language",
        truth="genbench_datasets.embedded.translation:invented_language_truth",
        embedded=True,
        alphabet=tuple(f"{word} " for word in f"{_ENGLISH} {_INVENTED}".split()),
        step="word",
        likelihood_convention=_CONVENTION.format(source=11, target=11),
    ),
    DatasetCard(
        spec=DataSpec(name="formal-plain", modality="tokens", event_shape=(133,), levels=30, source_steps=77),
        summary="formal English sentences and the same in plain style, characters",
        sizes=(4000, 1000, 1000),
        splits="different sentences, drawn with seed 0: the first 4,000 to train, the next 1,000 to validate, the last"
        " to test",
        source="drawn here from rules: contractions, and a plain word or phrase for each formal one. Each source has"
        " one right translation",
        licence="CC0: a formula",
        citation="none: made for this benchmark",
        factory="genbench_datasets.embedded.translation:formal_plain",
        embedded=True,
        alphabet=("∎", " ", "'", "I", *ascii_lowercase),
        likelihood_convention=_CONVENTION.format(source=77, target=56),
    ),
)

"""Classical models of sequences, which networks are measured against; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="kneser-ney",
        family="baseline",
        summary="interpolated Kneser-Ney n-grams, the context's length chosen on the validation split",
        factory="genbench_models.classical.kneser_ney:KneserNey",
        modalities=("tokens",),
        capabilities=("sample", "log_prob", "complete", "missing_log_prob", "lengths", "continue"),
        discrete=True,
        paper="https://doi.org/10.1109/ICASSP.1995.479394",
        year=1995,
        institution="RWTH Aachen University, Philips Research",
        country="Germany",
        requires_validation=True,
    ),
    ModelCard(
        name="witten-bell",
        family="baseline",
        summary="Witten-Bell n-grams, the context's length chosen on the validation split",
        factory="genbench_models.classical.witten_bell:WittenBell",
        modalities=("tokens",),
        capabilities=("sample", "log_prob", "complete", "missing_log_prob", "lengths", "continue"),
        discrete=True,
        paper="https://doi.org/10.1109/18.87000",
        year=1991,
        institution="University of Waikato, University of Calgary",
        country="New Zealand, Canada",
        requires_validation=True,
    ),
    ModelCard(
        name="note-markov",
        family="baseline",
        summary="a Markov chain for every note of a piano roll by itself",
        factory="genbench_models.classical.note_markov:NoteMarkov",
        modalities=("pianoroll",),
        capabilities=("sample", "log_prob", "complete", "missing_log_prob", "lengths", "continue"),
        discrete=True,
        paper="https://www.jstor.org/stable/24941709",
        year=1956,
    ),
    ModelCard(
        name="hmm",
        family="baseline",
        summary="hidden Markov model, trained by expectation maximisation",
        factory="genbench_models.classical.hidden_markov:HiddenMarkov",
        modalities=("tokens", "pianoroll", "series"),
        capabilities=("sample", "log_prob", "lengths", "continue"),
        paper="https://doi.org/10.1109/5.18626",
        year=1970,
        institution="Institute for Defense Analyses, AT&T Bell Laboratories",
        country="United States",
    ),
)

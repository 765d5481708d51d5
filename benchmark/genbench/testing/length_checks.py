"""Contract checks of pieces of different lengths, and of prompts.

A model with the capability `lengths` is trained once more, on pieces; its likelihoods must not see the padding, and its
samples must have the lengths that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor

from genbench.api.data import Dataset, Split
from genbench.api.lengths import pad_steps, step_mask, zero_padding
from genbench.api.model import Continues, GenerativeModel, takes_lengths
from genbench.errors import DataError
from genbench.likelihood.audit.check_batches import BATCH_TOLERANCE
from genbench.samples.draw import checked_samples, draw_pieces_once
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import SHORT_STEPS, Subject
from genbench.testing.tiny_data import pieces_spec
from genbench.util.seeding import seeded

_METHODS = ("log_prob", "log_density", "elbo", "log_weights")
_COMPARED = 8


@contract_check("lengths")
def padding_changes_no_likelihood(subject: Subject) -> None:
    """Alone without padding, and in a batch whose padding holds other values, a piece has the same likelihood."""
    model, test = _trained_on_pieces(subject), _pieces(subject).test
    assert test.lengths is not None
    methods = [name for name in _METHODS if callable(getattr(model, name, None))]
    if not methods:
        raise NotApplicable("the model has no likelihood")
    few = test.subset(torch.arange(_COMPARED))
    assert few.lengths is not None
    x, lengths = few.tensor(), few.lengths
    other = few.x.flip(0).flip(1).to(x.dtype) if few.spec.levels is None else (few.spec.levels - 1) - x
    filled = torch.where(_inside(x, lengths), x, other)
    for name in methods:
        together = _values(model, name, x, lengths)
        require(
            bool(together.isfinite().all()) and tuple(together.shape) == (len(x),),
            f"{name} of pieces is not one finite number each",
        )
        others = {
            "where the padding holds other values": _values(model, name, filled, lengths),
            "without padding": torch.cat(
                [
                    _values(model, name, x[i : i + 1, : int(length)], lengths[i : i + 1])
                    for i, length in enumerate(lengths)
                ]
            ),
        }
        if name in ("elbo", "log_weights"):  # random numbers differ from batch to batch
            del others["without padding"]
        for how, values in others.items():
            gap = float(((values - together).abs() / (1 + together.abs())).max())
            require(gap <= BATCH_TOLERANCE, f"{name} of a piece is another {how}: by {gap:.2g} (relative)")


@contract_check("lengths")
def a_longer_piece_costs_more(subject: Subject) -> None:
    """The likelihood counts the steps of a piece: of integers, a beginning is at least as likely as the whole."""
    model, spec = _trained_on_pieces(subject), _pieces(subject).spec
    if spec.levels is None or not callable(getattr(model, "log_prob", None)):
        raise NotApplicable("only a probability of integers falls with every step")
    test = _pieces(subject).test
    assert test.lengths is not None
    longest = test.subset(test.lengths.argsort()[-_COMPARED:])
    assert longest.lengths is not None
    x = longest.tensor()
    whole = _values(model, "log_prob", x, longest.lengths)
    first = _values(model, "log_prob", x, torch.ones_like(longest.lengths))
    require(bool((whole < first + 1e-4).all()), "log_prob of a piece exceeds that of its first step")


@contract_check("lengths")
def samples_have_the_lengths_asked_for(subject: Subject) -> None:
    model, spec = _trained_on_pieces(subject), _pieces(subject).spec
    longest = spec.event_shape[0]
    lengths = torch.tensor([1, longest, max(1, longest // 2), 1, longest])
    draw_pieces_once(model, lengths, torch.Generator().manual_seed(0), spec)
    alike = [
        draw_pieces_once(model, lengths.clamp(max=2), torch.Generator().manual_seed(seed), spec)
        for seed in (1, 1)
    ]
    require(torch.equal(*alike), "the same generator and lengths gave other samples")
    assert takes_lengths(model)
    for wrong in (0, longest + 1):
        _require_data_error(
            partial(model.sample, 1, torch.Generator().manual_seed(0), lengths=torch.tensor([wrong])),
            f"sample of {wrong} steps, of 1..{longest},",
        )


@contract_check("lengths")
def pieces_of_one_step_do_no_harm(subject: Subject) -> None:
    data = _pieces(subject)
    short = _cut(data.train, 1), _cut(data.valid, 1)
    model = _on_pieces(subject).train(SHORT_STEPS, train=short[0], valid=short[1]).model
    draw_pieces_once(model, torch.tensor([1, 2]), torch.Generator().manual_seed(0), data.spec)


@contract_check("continue")
def prompts_are_continued(subject: Subject) -> None:
    """What is given stays, and the rest is drawn; the same generator gives the same continuation."""
    _require_steps(subject)
    model, x = subject.trained.model, subject.dataset.test.tensor()[:_COMPARED]
    assert isinstance(model, Continues)
    steps = x.shape[1]
    lengths = torch.arange(len(x)) % (steps - 1) + 1
    continued = _continued(model, x, lengths, 0)
    checked_samples(continued, len(x), subject.spec)
    inside = _inside(x, lengths)
    require(torch.equal(continued[inside], x[inside]), "continue_from changed the prompt")
    require(
        torch.equal(continued, _continued(model, x, lengths, 0)), "the same generator continued otherwise"
    )
    erased = torch.where(inside, x, torch.zeros_like(x))
    require(
        torch.equal(continued, _continued(model, erased, lengths, 0)),
        "the continuation depends on what stood after the prompt",
    )
    whole = _continued(model, x, torch.full_like(lengths, steps), 0)
    require(torch.equal(whole, x), "continue_from changed an example that was given whole")


@contract_check("continue")
def bad_prompts_are_refused(subject: Subject) -> None:
    """By a DataError of one line."""
    _require_steps(subject)
    model, x = subject.trained.model, subject.dataset.test.tensor()[:2]
    assert isinstance(model, Continues)
    one = torch.ones(len(x), dtype=torch.int64)
    longer = pad_steps(x, x.shape[1] + 1)
    for what, prompt, lengths in (
        ("an empty prompt", x, one * 0),
        ("a prompt longer than the context", longer, one * longer.shape[1]),
        ("a prompt longer than its example", x, one * (x.shape[1] + 1)),
    ):
        _require_data_error(partial(_continued, model, prompt, lengths, 0), what)


def _require_steps(subject: Subject) -> None:
    if not subject.spec.is_sequence:
        raise NotApplicable(f"{subject.spec.modality} has no steps")


def _continued(model: Continues, x: Tensor, lengths: Tensor, seed: int) -> Tensor:
    with torch.no_grad():
        return model.continue_from(x.clone(), lengths, torch.Generator().manual_seed(seed))


def _require_data_error(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except DataError as error:
        require("\n" not in str(error) and bool(str(error)), f"{what}: the DataError is not one line")
        return
    require(False, f"{what} was taken, expected a DataError")


def _inside(x: Tensor, lengths: Tensor) -> Tensor:
    inside = step_mask(lengths, x.shape[1])
    return inside.reshape(*inside.shape, *(1 for _ in x.shape[2:])).expand_as(x)


def _values(model: GenerativeModel, method: str, x: Tensor, lengths: Tensor) -> Tensor:
    with torch.no_grad(), seeded(0):
        if method == "log_weights":
            weights: Tensor = getattr(model, method)(x, 1, lengths=lengths)
            return weights[:, 0]
        values: Tensor = getattr(model, method)(x, lengths=lengths)
        return values


def _cut(split: Split, steps: int) -> Split:
    assert split.lengths is not None
    lengths = split.lengths.clamp(max=steps)
    return Split(split.spec, zero_padding(split.x, lengths), split.y, lengths=lengths)


@lru_cache(maxsize=2)
def _on_pieces(subject: Subject) -> Subject:
    spec = pieces_spec(subject.spec)
    _require_steps(subject)
    assert spec is not None
    return subject.on(spec)


def _pieces(subject: Subject) -> Dataset:
    return _on_pieces(subject).dataset


def _trained_on_pieces(subject: Subject) -> GenerativeModel:
    return _on_pieces(subject).trained.model

"""Contract checks of the accounts and of `fit`: it keeps its budget, trains every parameter, and does not change the
data."""

from __future__ import annotations

import torch

from genbench.api.clocks import process_cpu_seconds
from genbench.api.compute_meter import UNCHARGED
from genbench.api.data import Split
from genbench.samples.draw import checked_samples
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import SHORT_STEPS, TRAINING_STEPS, Subject, differing, draw, state_of
from genbench.testing.tiny_data import constant, one_class, smallest_spec, tiny_dataset

MAX_CONSTRUCTION_SECONDS = 2.0
"""The processor time that building a model for tiny data may take."""


@contract_check()
def training_stops_at_the_budget(subject: Subject) -> None:
    spent = subject.trained.spent
    require(spent.steps <= TRAINING_STEPS, f"spent {spent.steps} steps of a budget of {TRAINING_STEPS}")


@contract_check()
def fit_charges_its_cost(subject: Subject) -> None:
    """A job whose `fit` charges nothing fails."""
    spent = subject.trained.spent
    require(spent.steps > 0 or spent.examples > 0 or spent.flops > 0, UNCHARGED)


@contract_check()
def construction_is_cheap(subject: Subject) -> None:
    """It is charged to the training, so that work in the constructor would only shorten `fit`."""
    subject.build()  # once before, so that libraries are loaded
    began = process_cpu_seconds()
    subject.build()
    seconds = process_cpu_seconds() - began
    require(
        seconds <= MAX_CONSTRUCTION_SECONDS,
        f"building the model took {seconds:.1f} s of processor time, expected {MAX_CONSTRUCTION_SECONDS:g} at most:"
        " it is charged to the training budget; what is training belongs in fit",
    )


@contract_check()
def every_parameter_is_trained(subject: Subject) -> None:
    untrained = subject.trained.untrained_parameters
    require(not untrained, f"no gradient ever reached {', '.join(untrained)}")


@contract_check()
def training_is_repeatable(subject: Subject) -> None:
    first, second = subject.trained.model, subject.train(TRAINING_STEPS).model
    different = differing(state_of(first), state_of(second))
    require(not different, f"the same seed trained to another {', '.join(different)}")
    same = torch.equal(draw(first), draw(second))
    require(same, "the same seed trained to the same state_dict, yet other samples: what else was learned?")


@contract_check()
def fit_leaves_the_data_alone(subject: Subject) -> None:
    _ = subject.trained
    fresh = tiny_dataset(subject.spec)
    for name in ("train", "valid"):
        used, original = getattr(subject.dataset, name), getattr(fresh, name)
        require(torch.equal(used.x, original.x), f"fit changed {name}.x in place")
        if original.y is not None:
            require(torch.equal(used.y, original.y), f"fit changed {name}.y in place")


@contract_check()
def few_examples_do_no_harm(subject: Subject) -> None:
    """Fewer examples than a batch, down to a single one."""
    for count in (2, 1):
        first = torch.arange(count)
        _train_and_sample(subject, subject.dataset.train.subset(first), subject.dataset.valid.subset(first))


@contract_check()
def constant_data_do_no_harm(subject: Subject) -> None:
    _train_and_sample(subject, constant(subject.dataset.train), constant(subject.dataset.valid))


@contract_check()
def one_class_does_no_harm(subject: Subject) -> None:
    if subject.spec.classes is None:
        raise NotApplicable("the data have no labels")
    _train_and_sample(subject, one_class(subject.dataset.train), one_class(subject.dataset.valid))


@contract_check()
def the_smallest_shape_is_taken_or_refused(subject: Subject) -> None:
    """A constructor may refuse a shape by a ValueError that says why; `fit` and `sample` may not."""
    smallest = subject.on(smallest_spec(subject.spec))
    try:
        smallest.build()
    except ValueError as error:
        require(bool(str(error).strip()), "the constructor raised a ValueError that says nothing")
        return
    _train_and_sample(smallest, smallest.dataset.train, smallest.dataset.valid)


def _train_and_sample(subject: Subject, train: Split, valid: Split) -> None:
    model = subject.train(SHORT_STEPS, train=train, valid=valid).model
    checked_samples(draw(model, 4), 4, subject.spec)

"""Contract checks of translation: an answer keeps its source, lies in the domain, and depends on the source alone."""

from __future__ import annotations

import torch
from torch import Tensor

from genbench.api.model import Translates
from genbench.samples.draw import checked_samples
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import Subject

_COMPARED = 8


@contract_check("translate")
def sources_are_answered(subject: Subject) -> None:
    """The source stays, and neither what stood in the target's place nor other rows change the answer."""
    model, source = subject.trained.model, subject.spec.source_steps
    if source is None:
        raise NotApplicable(f"{subject.spec.name} has no pairs")
    assert isinstance(model, Translates)
    x = subject.dataset.test.tensor()[:_COMPARED]
    answered = _translated(model, x)
    checked_samples(answered, len(x), subject.spec)
    require(torch.equal(answered[:, :source], x[:, :source]), "translate changed the source")
    require(torch.equal(answered, _translated(model, x)), "translate answered the same source otherwise")
    erased = x.clone()
    erased[:, source:] = 0
    require(
        torch.equal(answered, _translated(model, erased)), "the answer depends on the target that was given"
    )
    alone = torch.cat([_translated(model, x[i : i + 1]) for i in range(len(x))])
    require(torch.equal(answered, alone), "the answer depends on the other sources of the batch")


def _translated(model: Translates, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model.translate(x.clone())

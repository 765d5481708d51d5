"""The simulation behind docs/audits.md: shifted ratios stand for added constants, and digits are found as it says."""

from __future__ import annotations

import pytest
import torch
from audit_reach import (
    BATCH,
    COPIED,
    EARLIER,
    NO_ERROR,
    OTHERS,
    STUDIES,
    Study,
    Subject,
    cheap_audit,
    found_in_trial,
    full_audit,
    made_wrong,
    recorded_ratios,
    shifted,
    table,
    train_subject,
)
from toy_likelihoods import Chain

from genbench import Dataset, GenerativeModel, Split
from genbench.plugin.discovery import load_registry

STUDY = Study(steps=0, trials=1, samples=600, annealed=False)


def toy_subject() -> Subject:
    model = Chain(length=14, levels=3)
    x = model.sample(400, torch.Generator().manual_seed(9)).to(torch.uint8)
    splits = (Split(model.spec, part) for part in x.split([20, 80, 300]))
    earlier: dict[str, GenerativeModel] = {name: Chain(length=14, levels=3, other=1.5) for name in EARLIER}
    return Subject(model, earlier, Dataset(model.spec, *splits), 0.0)


def names(failing: object) -> set[str]:
    return {check.name for check in failing}  # type: ignore[attr-defined]


@pytest.mark.parametrize("constant", [0.5, 3.0, -3.0])
def test_shifted_ratios_stand_for_added_constants(constant: float) -> None:
    subject = toy_subject()
    audits = (cheap_audit, lambda *known: full_audit(*known, STUDY))
    for audit_of in audits:
        with made_wrong(subject, NO_ERROR) as model, recorded_ratios() as ratios:
            audit = audit_of(subject, model, 0)
        assert audit.passed, audit.detail
        with made_wrong(subject, NO_ERROR, constant) as model:
            wrong = audit_of(subject, model, 0)
        assert shifted(audit, ratios, constant) == names(wrong.failures)


def test_every_error_is_what_its_name_says() -> None:
    subject = toy_subject()
    found = found_in_trial(subject, STUDY, 0)
    assert set(OTHERS) < set(found)
    assert found[NO_ERROR] == (False, False)
    assert all(found[error] == (True, True) for error in EARLIER)
    assert found[BATCH] == (True, True)
    assert found["+10 nats"] == (True, True)
    with made_wrong(subject, COPIED) as model:
        copies = model.sample(50, torch.Generator().manual_seed(0))
    assert len(copies.unique(dim=0)) <= len(subject.data.train)
    assert table({"toy": {"+3 nats": (0, 1, 3)}}).splitlines()[-1] == "| +3 nats | 0 / 1 of 3 |"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_three_nats_and_a_factor_are_found_on_digits_in_nine_of_ten() -> None:
    """The full audit, as it is by default."""
    plan = STUDIES["digits"]
    subject = train_subject("digits", plan.steps)
    found = [found_in_trial(subject, plan, seed, ("factor 0.9",)) for seed in range(10)]
    for error in ("+3 nats", "-3 nats", "factor 0.9"):
        assert sum(trial[error][1] for trial in found) >= 9
    assert not any(trial[NO_ERROR][1] for trial in found)


def test_every_embedded_data_set_is_studied() -> None:
    embedded = {card.name for card in load_registry().datasets.values() if card.embedded}
    assert embedded == set(STUDIES)

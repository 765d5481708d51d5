"""The audit of a likelihood of pieces of different lengths.

Given its length, a piece has a distribution like any other example. So the model is audited on pieces of one length,
that of the windows, whose samples and likelihoods it is asked for. What remains is the padding: the likelihoods that
are reported, which were computed in padded batches, are compared with those of the same pieces alone, without padding.
"""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor

from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Split
from genbench.api.model import GenerativeModel, HasElbo, HasLogProb, HasLogWeights, takes_lengths
from genbench.api.spec import DataSpec
from genbench.datasets.pieces import Pieces
from genbench.likelihood.audit.check_batches import BATCH_TOLERANCE
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.quick_audit import quick_audit
from genbench.records.audit import Audit, AuditCheck

PADDING = "padding"
_SAMPLES = 384
_COMPARED_PIECES = 8


class OfOneLength(GenerativeModel):
    """A model of pieces as a model of pieces of one length. spec: of those, `variable_length` being False."""

    def __init__(self, model: GenerativeModel, spec: DataSpec) -> None:
        super().__init__(spec)
        self.model = model
        self.fixed_observation_variance = model.fixed_observation_variance

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        raise NotImplementedError("a view of a trained model is not trained")

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        assert takes_lengths(self.model)
        return self.model.sample(count, generator, lengths=self._lengths(count, generator.device))

    def _call(self, method: str, x: Tensor, *more: int) -> Tensor:
        values: Tensor = getattr(self.model, method)(x, *more, lengths=self._lengths(len(x), x.device))
        return values

    def _lengths(self, count: int, device: torch.device) -> Tensor:
        return torch.full((count,), self.spec.event_shape[0], dtype=torch.int64, device=device)


class _WithLogProb(OfOneLength):
    def log_prob(self, x: Tensor) -> Tensor:
        return self._call("log_prob", x)


class _WithElbo(OfOneLength):
    def elbo(self, x: Tensor) -> Tensor:
        return self._call("elbo", x)


class _WithLogWeights(OfOneLength):
    def log_weights(self, x: Tensor, k: int) -> Tensor:
        return self._call("log_weights", x, k)


def of_one_length(model: GenerativeModel, spec: DataSpec) -> OfOneLength:
    """The model as one of pieces of `spec.event_shape[0]` steps, with the likelihood that the harness would use."""
    spec = msgspec.structs.replace(spec, variable_length=False)
    view: type[OfOneLength] = OfOneLength
    if isinstance(model, HasLogProb):
        view = _WithLogProb
    elif isinstance(model, HasElbo):
        view = _WithElbo
    elif isinstance(model, HasLogWeights):
        view = _WithLogWeights
    return view(model, spec).eval()


def audit_pieces(
    model: GenerativeModel,
    pieces: Pieces,
    reported: Tensor,
    spec: DataSpec,
    *,
    seed: int,
    flops_per_example: float = 0.0,
) -> Audit | None:
    """The audit; None for a model without a likelihood.

    pieces: real ones. reported: their log-likelihoods or lower bounds, as they are reported, (N,). spec: of windows,
    whose length is audited. flops_per_example: as in `quick_audit`.
    """
    view = of_one_length(model, spec)
    if not LikelihoodValues.exist_for(view):
        return None
    window = spec.event_shape[0]
    with torch.no_grad():
        generator = torch.Generator(model.device).manual_seed(seed)
        samples = view.sample(_SAMPLES, generator).cpu()
    real = pieces.x[pieces.lengths >= window, :window]
    audit = quick_audit(view, samples, real, seed=seed, flops_per_example=flops_per_example)
    if audit is None or not isinstance(model, HasLogProb):
        return audit
    return msgspec.structs.replace(audit, checks=(*audit.checks, _check_padding(model, pieces, reported)))


def _check_padding(model: HasLogProb, pieces: Pieces, reported: Tensor) -> AuditCheck:
    """The shortest pieces, which had the most padding, alone."""
    shortest = pieces.lengths.argsort(stable=True)[:_COMPARED_PIECES].tolist()
    worst = 0.0
    with torch.no_grad():
        for i in shortest:
            alone = float(model.log_prob(pieces.x[i : i + 1, : int(pieces.lengths[i])].to(_device(model))))
            worst = max(worst, abs(alone - float(reported[i])) / (1 + abs(alone)))
    passed = worst <= BATCH_TOLERANCE
    detail = f"of {len(shortest)} pieces, with and without padding, log_prob differs by {worst:.2g} at most (relative)"
    return AuditCheck(name=PADDING, passed=passed, detail=detail)


def _device(model: object) -> torch.device:
    return model.device if isinstance(model, GenerativeModel) else torch.device("cpu")

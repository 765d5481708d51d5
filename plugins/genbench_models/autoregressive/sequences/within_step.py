"""The distribution of the numbers of one step, such as the keys of a frame, given the state of a network.

independent      each number given the state alone, as in Bai et al. 2018
autoregressive   each number also given those before it in the step, by a linear function of them: a fully visible
                 belief network for each step (Frey 1998), whose biases come from the state
nade             the same through a hidden layer, whose weights all numbers share: the NADE of Larochelle & Murray
                 2011, with biases from the state, as in Boulanger-Lewandowski et al. 2012, section 4
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench_models.autoregressive.conditionals import Bernoulli, Conditional

KINDS = ("independent", "autoregressive", "nade")
# The hidden layers of a NADE are computed for so many numbers at a time: 64 MB.
_MAX_HIDDEN_NUMBERS = 2**24


@runtime_checkable
class NumberWalk(Protocol):
    """The numbers of one step in turn."""

    def outputs_at(self, place: int) -> Float[Tensor, "batch per"]:
        """The conditional of the number at that place, from the state and from all numbers that were put so far."""

    def put(self, place: int, value: Float[Tensor, " batch"]) -> None:
        """A standardised number that was drawn or given."""


class StepDistribution(nn.Module, ABC):
    """From a state (hidden) to the parameters of `width` conditionals."""

    def __init__(self, conditional: Conditional, width: int, hidden: int) -> None:
        super().__init__()
        self.width, self.per = width, conditional.per_element
        self.from_state = nn.Linear(hidden, width * self.per)

    def base(self, state: Float[Tensor, "*rows hidden"]) -> Float[Tensor, "*rows width per"]:
        """What the state says of each number."""
        outputs: Tensor = self.from_state(state).unflatten(-1, (self.width, self.per))
        return outputs

    @abstractmethod
    def outputs(
        self, state: Float[Tensor, "*rows hidden"], y: Float[Tensor, "*rows width"]
    ) -> Float[Tensor, "*rows width per"]:
        """The conditional of each number, all numbers of the step being known; each uses those before it at most. y:
        standardised."""

    @abstractmethod
    def walk(self, state: Float[Tensor, "batch hidden"]) -> NumberWalk:
        """One number after the other."""

    def start_from(self, first_guess: Float[Tensor, "width per"]) -> None:
        """Set the biases to the marginal distribution of each number."""
        self.from_state.bias.data.copy_(first_guess.flatten())


class Independent(StepDistribution):
    """Each number given the state alone."""

    def outputs(
        self, state: Float[Tensor, "*rows hidden"], y: Float[Tensor, "*rows width"]
    ) -> Float[Tensor, "*rows width per"]:
        return self.base(state)

    def walk(self, state: Float[Tensor, "batch hidden"]) -> NumberWalk:
        return _BaseWalk(self.base(state))


class Autoregressive(StepDistribution):
    """outputs_d = b_d + V_d state + sum_{i<d} A_{di} y_i."""

    earlier: Tensor

    def __init__(self, conditional: Conditional, width: int, hidden: int) -> None:
        super().__init__(conditional, width, hidden)
        self.weight = nn.Parameter(torch.zeros(width, self.per, width))
        self.register_buffer(
            "earlier", torch.ones(width, width).tril(-1).unsqueeze(1).bool(), persistent=False
        )

    def outputs(
        self, state: Float[Tensor, "*rows hidden"], y: Float[Tensor, "*rows width"]
    ) -> Float[Tensor, "*rows width per"]:
        weight = self.weight.masked_fill(~self.earlier, 0.0).flatten(0, 1)  # width * per, width
        linear: Tensor = (y @ weight.T).unflatten(-1, (self.width, self.per))
        return self.base(state) + linear

    def walk(self, state: Float[Tensor, "batch hidden"]) -> NumberWalk:
        return _LinearWalk(self.base(state), self.weight)


class Nade(StepDistribution):
    """outputs_d = b_d + V_d state + W_d sigmoid(c + U state + sum_{i<d} w_i v_i).

    v is y; of two levels it is 0 and 1. The hidden layer then changes only behind a 1, and frames have few: it is
    computed once for each of them, not for each number.
    """

    def __init__(self, conditional: Conditional, width: int, hidden: int, units: int) -> None:
        super().__init__(conditional, width, hidden)
        self.is_binary = isinstance(conditional, Bernoulli)
        self.hidden_from_state = nn.Linear(hidden, units)
        self.inputs = nn.Parameter(torch.randn(width, units) / width**0.5)
        self.readout = nn.Parameter(torch.randn(width, units, self.per) * 0.1 / units**0.5)

    def outputs(
        self, state: Float[Tensor, "*rows hidden"], y: Float[Tensor, "*rows width"]
    ) -> Float[Tensor, "*rows width per"]:
        rows = self.told(y).flatten(0, -2)
        bias = self.hidden_from_state(state).flatten(0, -2)
        ones = int(rows.sum(1).max()) if self.is_binary else self.width
        reader = self._read_all if ones > self.width // 4 else partial(self._read_changes, ones=ones)
        at_once = max(1, _MAX_HIDDEN_NUMBERS // self.inputs.numel())
        parts = [
            reader(some, of_some)
            for some, of_some in zip(rows.split(at_once), bias.split(at_once), strict=True)
        ]
        read: Tensor = torch.cat(parts).unflatten(0, y.shape[:-1])
        return self.base(state) + read

    def told(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        """v, of standardised numbers."""
        return (y + 1) / 2 if self.is_binary else y

    def _read_all(
        self, v: Float[Tensor, "rows width"], bias: Float[Tensor, "rows units"]
    ) -> Float[Tensor, "rows width per"]:
        contributions = v.T.unsqueeze(2) * self.inputs.unsqueeze(1)  # width, rows, units
        before = contributions.cumsum(0) - contributions + bias
        return (before.sigmoid() @ self.readout).movedim(0, 1)

    def _read_changes(
        self, v: Float[Tensor, "rows width"], bias: Float[Tensor, "rows units"], ones: int
    ) -> Float[Tensor, "rows width 1"]:
        """ones: the most that a row has."""
        places = v.argsort(dim=1, descending=True, stable=True)[:, :ones]  # of the ones, in order
        contributions = self.inputs[places] * v.gather(1, places).unsqueeze(2)  # rows, ones, units
        before = torch.cat([bias.unsqueeze(1), bias.unsqueeze(1) + contributions.cumsum(1)], 1)
        each = before.sigmoid() @ self.readout.squeeze(2).T  # rows, ones + 1, width
        earlier = (v.cumsum(1) - v).long()  # how many ones come before each number
        return each.gather(1, earlier.unsqueeze(1)).transpose(1, 2)

    def walk(self, state: Float[Tensor, "batch hidden"]) -> NumberWalk:
        return _NadeWalk(self, state)


class _BaseWalk:
    def __init__(self, base: Float[Tensor, "batch width per"]) -> None:
        self.base = base

    def outputs_at(self, place: int) -> Float[Tensor, "batch per"]:
        return self.base[:, place]

    def put(self, place: int, value: Float[Tensor, " batch"]) -> None: ...


class _LinearWalk(_BaseWalk):
    """Each number that is put is added to what is said of all later ones."""

    def __init__(
        self, base: Float[Tensor, "batch width per"], weight: Float[Tensor, "width per width"]
    ) -> None:
        super().__init__(base.clone())
        self.weight = weight

    def put(self, place: int, value: Float[Tensor, " batch"]) -> None:
        self.base[:, place + 1 :] += value[:, None, None] * self.weight[place + 1 :, :, place]


class _NadeWalk(_BaseWalk):
    def __init__(self, model: Nade, state: Float[Tensor, "batch hidden"]) -> None:
        super().__init__(model.base(state))
        self.model = model
        self.hidden = model.hidden_from_state(state).clone()

    def outputs_at(self, place: int) -> Float[Tensor, "batch per"]:
        read: Tensor = self.hidden.sigmoid() @ self.model.readout[place]
        return self.base[:, place] + read

    def put(self, place: int, value: Float[Tensor, " batch"]) -> None:
        self.hidden.addr_(self.model.told(value), self.model.inputs[place])


def within_step(
    kind: str, conditional: Conditional, width: int, hidden: int, *, units: int = 64
) -> StepDistribution:
    """The distribution of that kind; of a single number all kinds are the same. units: of a NADE. Raises ValueError for
    another kind."""
    if kind not in KINDS:
        raise ValueError(f"within={kind!r}: expected {', '.join(KINDS)}")
    if width == 1 or kind == "independent":
        return Independent(conditional, width, hidden)
    if kind == "autoregressive":
        return Autoregressive(conditional, width, hidden)
    return Nade(conditional, width, hidden, units)

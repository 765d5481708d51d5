"""Exact Wasserstein distance between two sets of points: the least mean distance at which points can be matched.

With equally many points on both sides it is an assignment problem, which scipy solves exactly (Crouse 2016). Its cost
is cubic in the number of points, so that at most 2,000 per side are used, evenly spaced, and the record says so. The
bias at finite N is positive: in the plane, two sets from one density are about N^-½ apart, so that the value of
held-out real data stands for 0. See docs/decisions/0012-standard-errors.md.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, evenly_spaced, of_two_feature_sets, two_sided
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue

MAX_EXAMPLES = 2000
# Potentials have converged when a round changes none by more than this share of the largest cost.
_SETTLED = 1e-12


@of_two_feature_sets
def wasserstein_distance(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], power: int = 1) -> Estimate:
    """W_power, Euclidean, between x (N, D) and y (M, D), from min(N, M, 2,000) points on each side.

    The standard error, by the delta method from Kantorovich's potentials (del Barrio and Loubes 2019), says how much
    the value varies between sets of points on both sides. It does not include the bias, and is too large where the
    distance is nothing but bias. NaN where the distance is 0.
    """
    count = min(len(x), len(y), MAX_EXAMPLES)
    if count < 2:
        raise ValueError(f"Wasserstein distance of {len(x)} and {len(y)} examples: needs at least 2 of each")
    if power < 1:
        raise ValueError(f"Wasserstein distance of power {power}: needs at least 1")
    a, b = evenly_spaced(x, count).double(), evenly_spaced(y, count).double()
    costs = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").pow(power)
    partners = torch.from_numpy(linear_sum_assignment(costs.cpu().numpy())[1]).to(costs.device)
    of_x, of_y = kantorovich_potentials(costs, partners)
    carried = costs.gather(1, partners[:, None]).mean()
    value = carried.pow(1 / power)
    return two_sided(value, of_x, of_y, slope=power * value.pow(power - 1) if value > 0 else 0.0)


def kantorovich_potentials(
    costs: Float[Tensor, "n n"], partners: Int[Tensor, " n"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """(u, v) with u_i + v_j <= costs_ij, and equality where j is i's partner in the best assignment.

    v_j is the length of the shortest path to j along which partners are exchanged (Bellman and Ford).
    """
    kept = costs.gather(1, partners[:, None])
    changes = costs - kept
    v = costs.new_zeros(len(costs))
    for _ in range(len(costs)):
        shorter = torch.minimum(v, (changes + v[partners][:, None]).amin(0))
        settled = (v - shorter).max() <= _SETTLED * costs.max()
        v = shorter
        if settled:
            break
    return kept[:, 0] - v[partners], v


def score_wasserstein(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `wasserstein_distance`."""
    name = "wasserstein_distance"
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value([name], inputs, obstacle)
    found = wasserstein_distance(inputs.sample_features, inputs.reference_features)
    count = len(inputs.samples)
    note = f"of {MAX_EXAMPLES} of {count} samples" if count > MAX_EXAMPLES else None
    return [estimated_value(name, inputs, found, note=note)]

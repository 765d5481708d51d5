"""One line per data set. Without a statistical test, a line names the best value and no winner by more than chance."""

from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run


def render(run: Run, registry: Registry) -> str:
    """The text of the report. A factory that needs no registry leaves that parameter out."""
    lines = []
    for name, card in run.plan.datasets.items():
        metric = card.ranking_rule.metric
        found = [
            (value.value, value, result.job)
            for result in run.results()
            if result.job.dataset == name and result.job.family != "baseline" and result.status == "ok"
            for value in result.metrics
            if value.name == metric and value.value is not None
        ]
        if not found:
            lines.append(f"{name}: no model has a value of {metric}")
            continue
        is_lower_better = registry.metric(metric).better == "lower"
        _, best, job = (min if is_lower_better else max)(found, key=lambda each: each[0])
        error = "" if best.stderr is None else f" ± {best.stderr:.2g}"
        lines.append(f"{name}: {job.variant} by {metric}, {best.value:.4g}{error} {best.unit}")
    return "\n".join(lines) + "\n"

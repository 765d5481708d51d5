"""The class of hardware on which a job ran. Times, and results under budgets in seconds, compare within one class."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.records.result import Result

UNKNOWN_HARDWARE = "unknown hardware"


def hardware_class(result: Result) -> str:
    """The name of the GPU for jobs on one, else that of the processor, as the record has it. Not trusted."""
    provenance = result.provenance
    gpu = provenance.get("gpu")
    name = (
        gpu.get("name") if result.job.device != "cpu" and isinstance(gpu, Mapping) else provenance.get("cpu")
    )
    return str(name) if name else UNKNOWN_HARDWARE

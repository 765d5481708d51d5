"""What is scored against what: the one place that says so, for a job that runs and for one scored again."""

from __future__ import annotations

from torch import Tensor

from genbench.cards import DatasetCard
from genbench.conditional.beside import Beside
from genbench.data import Dataset
from genbench.errors import DataError
from genbench.features import Extractor
from genbench.job import Job, derive_seed
from genbench.prepared import load_dataset
from genbench.scoring import ScoringInputs


def load_data(card: DatasetCard) -> Dataset:
    """Raises DataError whatever was wrong."""
    try:
        return load_dataset(card)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{card.name}: {type(error).__name__}: {error}") from error


def reference_examples(dataset: Dataset, job: Job) -> Tensor:
    """(N, *event_shape) test examples in the working dtype: the same ones for every model and seed."""
    return dataset.test.random_subset(job.samples, derive_seed(0, job.dataset, "reference")).tensor()


def scoring_inputs(
    dataset: Dataset,
    job: Job,
    samples: Tensor,
    reference: Tensor,
    extractor: Extractor,
    beside: Beside | None = None,
) -> ScoringInputs:
    return ScoringInputs(
        spec=dataset.spec,
        samples=samples,
        reference=reference,
        train=dataset.train,
        extractor=extractor,
        truth=dataset.truth,
        seed=derive_seed(0, job.dataset, "scoring"),
        valid=dataset.valid,
        dataset=job.dataset,
        completions=None if beside is None else beside.completions,
        class_samples=None if beside is None else beside.class_samples,
    )

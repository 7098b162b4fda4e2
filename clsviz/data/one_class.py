"""One known class to train on, and samples of others that only the validation part has."""

from __future__ import annotations

import numpy as np

from clsviz.catalogue import Range, method
from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.data.tables import VALIDATION, digits
from clsviz.errors import InputError

OTHERS = 1  # the class of what is not known


def one_class(dataset: Dataset, known: int, *, seed: int = 0) -> Dataset:
    """The samples of one class with the split they had, and as many others to tell them from.

    Class 0 is the known one, class 1 the others: drawn from the validation part, so many as the known
    class has there (all, if they are fewer), and never in the training part.

    Args:
        known: the class to keep, in [0, K).
        seed: of the draw.

    Raises:
        InputError: there is no such class, it is missing in a part, or the validation part has no other.
    """
    known = checks.count(known, "known", 0)
    if known >= dataset.n_classes:
        raise InputError(
            f"known must be in 0..{dataset.n_classes - 1}, a class of {dataset.name}, got {known}"
        )
    train = dataset.train[dataset.y_clean[dataset.train] == known]
    held = dataset.validation
    inside, outside = held[dataset.y_clean[held] == known], held[dataset.y_clean[held] != known]
    for what, rows in (("training", train), ("validation", inside)):
        if not len(rows):
            raise InputError(f"known: the {what} part of {dataset.name} has no sample of class {known}")
    if not len(outside):
        raise InputError(f"known: the validation part of {dataset.name} has no other class than {known}")
    drawn = np.random.default_rng(seed).permutation(outside)[: len(inside)]
    rows = np.sort(np.concatenate([train, inside, drawn]))
    y = np.where(dataset.y_clean[rows] == known, 0, OTHERS).astype(np.int64)
    trains = np.isin(rows, train)
    return Dataset(
        f"{dataset.name}_{dataset.class_names[known]}_known",
        dataset.X[rows],
        y,
        np.flatnonzero(trains),
        np.flatnonzero(~trains),
        (dataset.class_names[known], "other"),
        dataset.feature_names,
        dataset.image_shape,
    )


@method(
    kind="data",
    title="One known digit",
    paper="Tax & Duin 1999, Support vector domain description; digits: Alpaydin & Kaynak 1998",
    known=Range(0, 9, step=1),
    validation=VALIDATION,
)
def one_digit(*, known: int = 0, validation: float = 0.4, seed: int = 0) -> Dataset:
    """Images of one digit to train on; the validation part has as many of the others, all class 1.

    For losses that make their own negatives, as `hyp_oc` does.
    """
    return one_class(digits(validation=validation, seed=seed), known, seed=seed)

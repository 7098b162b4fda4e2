"""What the benchmark study measures of one network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from clsviz.calibration.benchmark import benchmark_measures
from clsviz.calibration.inputs import softmax
from clsviz.calibration.temperature import fit_temperature
from clsviz.data.dataset import Dataset
from clsviz.data.ood import outside
from clsviz.models import as_predictor
from clsviz.training.methods import perturbed

OUTSIDE = ("gaussian", "uniform")
RADII = (0.05, 0.1, 0.2)  # of attacks, in standard deviations of the features
PGD_STEPS = 5
ATTACKED = 256  # test samples that are attacked
NOISES = (0.2, 0.5)  # standard deviations
DROPOUTS = (0.25, 0.5)  # share of features that are put to their mean
CONTRASTS = (0.5, 0.25)  # what is left of a sample's distance to the mean


def measured(model: nn.Module, dataset: Dataset) -> dict[str, float]:
    """All numbers of a trained network, by the columns of the study's table.

    The same rows, noise and attacks for each network of a dataset; nan where there is nothing to
    average (no test sample is wrong).
    """
    predict = as_predictor(model, dataset.n_classes)
    rows = np.random.default_rng(0).permutation(dataset.validation)
    tuning, test = np.sort(rows[: len(rows) // 2]), np.sort(rows[len(rows) // 2 :])
    X, y = dataset.X[test], dataset.y[test]
    val_logits, logits = predict(dataset.X[tuning]), predict(X)
    probs = softmax(logits)
    right, top = logits.argmax(1) == y, probs.max(1)
    found = {
        "accuracy": float(right.mean()),
        "confidence_right": float(top[right].mean()) if right.any() else np.nan,
        "confidence_wrong": float(top[~right].mean()) if not right.all() else np.nan,
        "temperature": fit_temperature(val_logits, dataset.y[tuning]).temperature,
    }
    ood = {name: predict(outside(dataset, name)) for name in OUTSIDE}
    found |= benchmark_measures(val_logits, dataset.y[tuning], logits, y, ood=ood)
    found |= _attacked(model, X[:ATTACKED], y[:ATTACKED], _spread(dataset))
    for name, moved in corrupted(X, dataset):
        found[name] = float((predict(moved).argmax(1) == y).mean())
    return found


def _spread(dataset: Dataset) -> NDArray[np.float32]:
    """(D,) standard deviation of each feature; of images that of all."""
    seen = dataset.X[dataset.train]
    whole = np.full(dataset.n_features, seen.std(), np.float32)
    return whole if dataset.image_shape else seen.std(0).astype(np.float32)


def corrupted(X: NDArray[np.float32], dataset: Dataset) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Corruptions of samples (N, D), each by its name and strength, always the same."""
    mean, spread = dataset.X[dataset.train].mean(0), _spread(dataset)
    rng = np.random.default_rng(1)
    noise, lot = rng.normal(size=X.shape).astype(np.float32), rng.random(X.shape)
    for strength in NOISES:
        yield f"noise_{strength:g}", X + np.float32(strength) * spread * noise
    for share in DROPOUTS:
        yield f"dropout_{share:g}", np.where(lot < share, mean, X)
    for factor in CONTRASTS:
        yield f"contrast_{factor:g}", mean + np.float32(factor) * (X - mean)


def _attacked(
    model: nn.Module, X: NDArray[np.float32], y: NDArray[np.int64], spread: NDArray[np.float32]
) -> dict[str, float]:
    """Accuracy under attacks that raise the cross-entropy within a box about each sample."""
    import torch
    from torch.nn.functional import cross_entropy

    x, targets, unit = torch.from_numpy(X), torch.from_numpy(y), torch.from_numpy(spread)

    def slope(at: Tensor) -> Tensor:
        at = at.detach().requires_grad_()
        [gradient] = torch.autograd.grad(cross_entropy(model(at), targets, reduction="sum"), at)
        return gradient

    found = {}
    for name, steps in (("fgsm", 1), ("pgd", PGD_STEPS)):
        for radius in RADII:
            moved = perturbed(x, slope, radius * unit, steps)
            with torch.no_grad():
                hit = model(moved).argmax(1) == targets
            found[f"{name}_{radius:g}"] = float(hit.float().mean())
    return found

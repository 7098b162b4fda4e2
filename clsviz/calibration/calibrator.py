"""All calibrators by name, behind the one front that scikit-learn knows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from clsviz.calibration.bbq import fit_bbq
from clsviz.calibration.beta import fit_beta
from clsviz.calibration.correctness_calibrator import apply_correctness_aware, fit_correctness_aware
from clsviz.calibration.histogram_binning import fit_histogram_binning
from clsviz.calibration.inputs import Array, as_labels, as_logits, log_softmax, softmax
from clsviz.calibration.isotonic import fit_isotonic
from clsviz.calibration.linear_scaling import fit_dirichlet, fit_matrix_scaling, fit_vector_scaling
from clsviz.calibration.one_vs_rest import calibrate_one_vs_rest
from clsviz.calibration.platt import fit_platt
from clsviz.calibration.spline import fit_spline
from clsviz.calibration.temperature import TemperatureFit, apply_temperature, fit_temperature
from clsviz.calibration.tempnet_calibrator import apply_tempnet, fit_tempnet
from clsviz.errors import InputError, ShapeError, UnknownName


def log_odds(logits: Array) -> Array:
    """(N, K) log of p_k / (1 - p_k), whatever is added to a row; for two classes +-(z_1 - z_0)."""
    log_p = log_softmax(logits)
    rows, top = np.arange(len(logits)), logits.argmax(1)
    with np.errstate(divide="ignore"):  # the top class, whose 1 - p may be rounded to 0, is taken apart
        log_rest = np.log1p(-np.exp(log_p))
    others = logits.copy()
    others[rows, top] = -np.inf
    log_rest[rows, top] = logsumexp(others, axis=1) - logsumexp(logits, axis=1)
    return log_p - log_rest


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a calibrator is fitted to logits and applied to new ones.

    Args:
        fit: function of (inputs, labels) and keyword parameters; the catalogue has it.
        apply: function of (fitted, inputs); by default the method of what was fitted.
        reads: what the inputs are, made of (N, K) logits.
        binary: it takes two classes only, so each class is fitted against the rest.
    """

    fit: Callable[..., Any]
    apply: Callable[[Any, Array], Array] = lambda fitted, inputs: fitted.apply(inputs)
    reads: Callable[[Array], Array] = np.asarray
    binary: bool = False

    @property
    def parameters(self) -> list[str]:
        """Names of the keyword parameters of `fit`."""
        keyword = inspect.Parameter.KEYWORD_ONLY
        return [p.name for p in inspect.signature(self.fit).parameters.values() if p.kind is keyword]

    def fitted(self, logits: Array, labels: NDArray[np.int64], **params: Any) -> Any:
        """What `fit` makes of (N, K) logits and (N,) labels in 0..K-1."""
        fit = partial(calibrate_one_vs_rest, fit=self.fit) if self.binary else self.fit
        return fit(self.reads(logits), labels, **params)

    def applied(self, fitted: Any, logits: Array) -> Array:
        """(N, K) probabilities of (N, K) logits."""
        return self.apply(fitted, self.reads(logits))


def _apply_temperature(fitted: TemperatureFit, logits: Array) -> Array:
    return apply_temperature(logits, fitted.temperature)


CALIBRATORS: dict[str, Calibration] = {
    "temperature": Calibration(fit_temperature, apply=_apply_temperature),
    "vector": Calibration(fit_vector_scaling),
    "matrix": Calibration(fit_matrix_scaling),
    "dirichlet": Calibration(fit_dirichlet, reads=softmax),
    "platt": Calibration(fit_platt, reads=log_odds, binary=True),
    "isotonic": Calibration(fit_isotonic, reads=softmax, binary=True),
    "histogram_binning": Calibration(fit_histogram_binning, reads=softmax, binary=True),
    "beta": Calibration(fit_beta, reads=softmax, binary=True),
    "spline": Calibration(fit_spline, reads=softmax, binary=True),
    "bbq": Calibration(fit_bbq, reads=softmax, binary=True),
    "tempnet": Calibration(fit_tempnet, apply=apply_tempnet),
    "correctness_aware": Calibration(fit_correctness_aware, apply=apply_correctness_aware),
}


def calibration(name: str, params: dict[str, Any] | None = None) -> Calibration:
    """The row of `CALIBRATORS` with this name.

    Raises:
        UnknownName: there is none; the message lists those there are.
        InputError: it has no parameter of a name in `params`.
    """
    if name not in CALIBRATORS:
        raise UnknownName.among("calibrator", name, CALIBRATORS)
    row = CALIBRATORS[name]
    unknown = sorted(set(params or ()) - set(row.parameters))
    if unknown:
        raise InputError(f"calibrator {name!r} has no parameter {unknown[0]!r}; it has {row.parameters}")
    return row


class Calibrator(ClassifierMixin, BaseEstimator):
    """Any calibrator as a scikit-learn classifier whose features are the logits of another.

    ``Calibrator("platt").fit(logits, labels).predict_proba(logits)``. It can be cloned, searched over by
    name and parameters, and be the last step of a pipeline whose step before gives logits.

    Args:
        name: one of `Calibrator.names()`. Those for two classes (Platt, isotonic, histogram binning, beta,
            spline, BBQ) are fitted to each class against the rest where there are more.
        params: parameters of its fit function, e.g. ``n_bins`` of "histogram_binning"; checked by `fit`.

    Attributes:
        classes_: (K,) label of each column. Labels 0..K-1 name the columns, also where some do not occur;
            other labels belong to the columns in sorted order, and all must occur.
        fit_: what the fit function gave.
    """

    def __init__(self, name: str = "temperature", **params: Any) -> None:
        self.name = name
        for key, value in params.items():
            setattr(self, key, value)

    @staticmethod
    def names() -> list[str]:
        """All names, in the order of the catalogue."""
        return list(CALIBRATORS)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The name and the parameters that were set."""
        return {k: v for k, v in vars(self).items() if not k.startswith("_") and not k.endswith("_")}

    def set_params(self, **params: Any) -> Self:
        """Sets the name and any parameters; which the calibrator has is checked by `fit`."""
        for key, value in params.items():
            setattr(self, key, value)
        return self

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fits to logits X, (N, K) or (N,) for two classes, and their labels y, (N,).

        Raises:
            InputError: an unknown name or parameter, or bad logits or labels.
        """
        params = {k: v for k, v in self.get_params().items() if k != "name"}
        row = calibration(self.name, params)
        z = as_logits(X)
        self.classes_, labels = _columns(y, *z.shape)
        self.n_features_in_ = z.shape[1]
        self.fit_ = row.fitted(z, labels, **params)
        self._fitted = self.name  # what fit_ belongs to, also when the name is set anew
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """(N, K) calibrated probabilities of logits X.

        Raises:
            NotFittedError: `fit` was not called.
            ShapeError: another number of classes than it was fitted to.
        """
        check_is_fitted(self)
        z = as_logits(X)
        if z.shape[1] != self.n_features_in_:
            raise ShapeError(
                f"logits must have {self.n_features_in_} columns, as those it was fitted to; got {z.shape[1]}"
            )
        return CALIBRATORS[self._fitted].applied(self.fit_, z)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """(N,) most probable label of each row; ties go to the first class."""
        top = self.predict_proba(X).argmax(1)
        return self.classes_[top]


def _columns(labels: ArrayLike, n: int, k: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """(K,) label of each column, and (N,) column of each label."""
    y = column_or_1d(labels.cpu() if hasattr(labels, "cpu") else labels, warn=True)
    check_classification_targets(y)
    numbers = np.issubdtype(y.dtype, np.number)
    if len(y) == n and not (numbers and np.isin(y, np.arange(k)).all()):
        names, columns = np.unique(y, return_inverse=True)
        if len(names) == k:
            return names, columns
        raise InputError(
            f"labels name {len(names)} classes, but logits have {k} columns; "
            f"where some do not occur, give column numbers 0..{k - 1}"
        )
    return np.arange(k), as_labels(y, n, k)

"""How far samples are from another answer: margins, distances found and certified, accuracy by radius."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
import traitlets
from torch import nn

from clsviz import boundary
from clsviz.data import Dataset
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.criteria import said
from clsviz.widgets.sources import predictions_source, source_logits

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_ATTACKED = 240  # samples; as js/src/views/robustness/numbers.ts
RADII = 41  # points of the curves; likewise
REACH = 0.75  # of the samples' root mean square distance from their mean: where radii end; likewise
OVERSHOOT = 0.02  # of DeepFool; a linear network's boundary is met exactly
LINE = {"n_scan": 50, "n_bisect": 40}  # likewise
PGD = {"n_scan": 8, "n_bisect": 12, "steps": 20}  # likewise
FAR = 2  # times the largest radius asked about: so far PGD looks; likewise
METHODS = {"deepfool": "DeepFool", "line": "towards a sample called otherwise", "pgd": "PGD"}
NO_INPUTS = "these are predictions alone: no input to move, so no distances, no attacks and no certificate"
NO_SLOPES = (
    "the browser cannot run this model and follow its slopes, so the view has no distances, no attacks and "
    "no certificate; cv.boundary.deepfool and cv.boundary.fgsm attack any torch module"
)

OF_ATTACKS = (
    *("attacked", "distances", "certified_distances", "certified_by", "lipschitz", "radii", "curve"),
    *("certified", "fgsm", "radius", "accuracy", "certified_accuracy", "fgsm_accuracy"),
)


@dataclass(frozen=True, slots=True, eq=False)
class RobustnessResult:
    """The numbers on screen. Those of attacks are None where there are none, and `why` says why."""

    margin: str  # "logit", "probability" or "distance"; what `margins` are
    samples: np.ndarray  # (n,) indices of the validation samples that have a margin
    margins: np.ndarray  # (n,) negative where wrong; the first two at the temperature
    correct: np.ndarray  # (n,) bool
    threshold: float  # in the margins' unit
    share_below: float  # of the samples, in [0, 1]
    below_by_class: np.ndarray  # (K, 2) samples that have a margin, and those of them below the threshold
    attacked: np.ndarray | None  # (a,) indices of the samples attacked
    distance_by: str  # "deepfool", "line" or "pgd"
    distances: np.ndarray | None  # (a,) Euclidean, to the boundary; inf where none was found
    exact: bool  # the distances are, as of a linear network by DeepFool; else upper bounds
    certified_distances: np.ndarray | None  # (a,) nothing nearer is called otherwise: lower bounds
    certified_by: str | None  # "linear": exact; "rbf" or "lipschitz": see `boundary.NetworkCertificate`
    lipschitz: float | None  # the constant of "lipschitz"
    radii: np.ndarray | None  # (E,)
    curve: np.ndarray | None  # (E,) share that is right and has no boundary within the radius
    certified: np.ndarray | None  # (E,) share that is right and certainly has none: the truth is between
    fgsm: np.ndarray | None  # (E,) share that is right after a fast gradient sign step of this length
    radius: float | None
    accuracy: float | None  # of `curve` at the radius
    certified_accuracy: float | None  # of `certified` at the radius
    fgsm_accuracy: float | None  # of `fgsm` at the radius
    why: str

    @property
    def below(self) -> np.ndarray:
        """Indices of the samples whose margin is below the threshold, ascending."""
        return np.sort(self.samples[self.margins < self.threshold])

    def summary(self) -> str:
        """Share below the threshold, and accuracy within the radius, in a line."""
        below = f"{100 * self.share_below:.1f} % of margins below {self.threshold:.4g}"
        if self.accuracy is None:
            return below
        right = f"{self.accuracy:.4f}"
        if not self.exact:
            right = f"at most {right} and at least {self.certified_accuracy:.4f}"
        return f"{below}; within {self.radius:.3g} {right} right, FGSM {self.fgsm_accuracy:.4f}"


def radius_limit(data: Dataset) -> float:
    """The largest radius asked about: a share of how far samples are from their mean, to two digits."""
    X = data.X[data.validation].astype(np.float64)
    return float(f"{REACH * np.sqrt(X.var(0).sum()):.2g}") or 1.0


def thinned(rows: np.ndarray) -> np.ndarray:
    """The rows (n,) that are attacked: all, or MOST_ATTACKED evenly chosen ones."""
    if len(rows) <= MOST_ATTACKED:
        return rows
    return rows[np.arange(MOST_ATTACKED) * len(rows) // MOST_ATTACKED]


class RobustnessState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    margin = traitlets.Enum(
        ["logit", "probability", "distance"],
        "logit",
        help="of the logits, in nats; of the probabilities, as `select(margin_below=...)` has it; or the "
        "Euclidean distance to the boundary in input space",
    ).tag(sync=True)
    distance_by = traitlets.Enum(
        list(METHODS),
        "deepfool",
        help="how the distance is looked for: by DeepFool, along the line to the nearest validation sample "
        "called otherwise, or as the smallest radius at which PGD succeeds",
    ).tag(sync=True)
    threshold = traitlets.Float(0.0, help="the share of margins below it is said; in their unit").tag(
        sync=True
    )
    target_class = traitlets.Int(
        None, allow_none=True, min=0, help="whose samples are looked at; None: all"
    ).tag(sync=True)
    radius = traitlets.Float(
        None,
        allow_none=True,
        min=0,
        help="Euclidean, in the features' units; None: a quarter of the slider",
    ).tag(sync=True)


class RobustnessNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> RobustnessResult:
        """The numbers on screen, recomputed by `clsviz.boundary`.

        Raises:
            InputError: nothing is trained yet, `target_class` has no validation samples, or the network
                was given as its weights alone, without a torch module.
        """
        source, data = self.source, self.source.dataset
        rows = data.validation
        if self.target_class is not None:
            rows = rows[data.y[rows] == self.target_class]
        if not len(rows):
            raise InputError(f"target_class: no validation sample has class {self.target_class}")
        logits, y = source_logits(source, self.step, rows), data.y[rows]
        correct = logits.argmax(1) == y
        kind = self.margin
        attacks: dict[str, Any] = dict.fromkeys(OF_ATTACKS) | {"exact": False}
        why = NO_SLOPES if data.n_features else NO_INPUTS
        if source.network is not None and data.n_features:
            why, places = "", thinned(np.arange(len(rows)))
            attacks = self._attacked(rows[places], correct[places])
        elif kind == "distance":
            kind = "logit"
        if kind == "distance":
            rows, correct, y = rows[places], correct[places], y[places]
            margins = np.where(correct, 1, -1) * attacks["distances"]
        elif kind == "probability":
            margins = said(logits, y, self.temperature).margin
        else:
            margins = boundary.logit_margin(logits / self.temperature, y)
        below = margins < self.threshold
        by_class = [np.bincount(labels, minlength=data.n_classes) for labels in (y, y[below])]
        return RobustnessResult(
            margin=kind,
            samples=rows,
            margins=margins,
            correct=correct,
            threshold=self.threshold,
            share_below=float(np.mean(below)),
            below_by_class=np.stack(by_class, 1),
            distance_by=self.distance_by,
            why=why,
            **attacks,
        )

    def _attacked(self: Any, rows: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
        data = self.source.dataset
        model = self.source.model_at(self.step)
        if not isinstance(model, nn.Module):
            raise InputError("this network came as weights for the browser: give the torch module itself")
        model = copy.deepcopy(model).double().eval()  # as the browser reckons
        X, y = data.X[rows].astype(np.float64), data.y[rows]
        proved = boundary.certified_radius_network(model, X)
        exact = proved.by == "linear" and self.distance_by == "deepfool"
        distances = self._distances(model, X, 0.0 if exact else OVERSHOOT)
        limit = radius_limit(data)
        radius = limit / 4 if self.radius is None else self.radius
        radii = np.linspace(0, limit, RADII)
        step = (boundary.fgsm(model, X, y, epsilon=1.0) - X) / np.sqrt(data.n_features)
        with torch.no_grad():
            after = [model(torch.from_numpy(X + r * step)).argmax(1).numpy() for r in (*radii, radius)]
        *fgsm, fgsm_at = (float(np.mean(guess == y)) for guess in after)
        asked = [*radii, radius]
        *curve, at = boundary.robust_accuracy_curve(distances, correct, asked)
        *certain, certain_at = boundary.robust_accuracy_curve(proved.radius, correct, asked)
        return {
            "attacked": rows,
            "exact": exact,
            "distances": distances,
            "certified_distances": proved.radius,
            "certified_by": proved.by,
            "lipschitz": proved.lipschitz if proved.by == "lipschitz" else None,
            "radii": radii,
            "curve": np.array(curve),
            "certified": np.array(certain),
            "fgsm": np.array(fgsm),
            "radius": radius,
            "accuracy": float(at),
            "certified_accuracy": float(certain_at),
            "fgsm_accuracy": fgsm_at,
        }

    def _distances(self: Any, model: nn.Module, X: np.ndarray, overshoot: float) -> np.ndarray:
        data = self.source.dataset
        if self.distance_by == "pgd":
            return boundary.pgd_distance(model, X, t_max=FAR * radius_limit(data), **PGD)
        if self.distance_by == "line":
            pool = data.X[data.validation].astype(np.float64)
            return boundary.distance_to_other_call(model, X, pool, **LINE)
        found = boundary.deepfool(model, X, overshoot=overshoot)
        return np.where(found.success, found.distance, np.inf)

    def to_plotly(self) -> Figure:
        """Histogram of the margins, and accuracy against radius, as a plotly figure."""
        from plotly.subplots import make_subplots

        r = self.result
        figure = make_subplots(cols=2, column_titles=("margins", "accuracy against radius"))
        finite = np.isfinite(r.margins)
        span = float(np.ptp(r.margins[finite])) if finite.any() else 0.0
        for name, own, colour in [("right", r.correct, "#8592a0"), ("wrong", ~r.correct, "#a8467e")]:
            figure.add_histogram(
                x=r.margins[own & finite], name=name, marker_color=colour, xbins={"size": span / 25 or 1.0}
            )
        figure.add_vline(r.threshold, line_dash="dash", row=1, col=1)
        if r.radii is not None:
            bound = "exact" if r.exact else f"attacked, {METHODS[r.distance_by]}: upper bound"
            curves: list[tuple[str, np.ndarray | None, str, str | None]] = [
                (bound, r.curve, "solid", None),
                ("FGSM of that length", r.fgsm, "dash", None),
            ]
            if not r.exact:
                certified = f"certified: {'exact' if r.certified_by == 'linear' else 'lower bound'}"
                curves.insert(1, (certified, r.certified, "dot", "tonexty"))  # the gap is unknown
            for name, curve, dash, fill in curves:
                line = {"color": "#8592a0" if dash == "dash" else "#1f2328", "dash": dash}
                figure.add_scatter(
                    x=r.radii, y=curve, name=name, line=line, fill=fill, mode="lines", row=1, col=2
                )
            figure.add_vline(r.radius, line_dash="dot", row=1, col=2)
        return figure.update_layout(title=r.summary(), barmode="stack")


class RobustnessView(RobustnessNumbers, RobustnessState, View):
    """Margins with a threshold; accuracy against radius; the marked sample beside a copy of another answer.

    Networks that the browser runs are attacked there, on up to 240 validation samples: DeepFool, PGD or a
    walk towards a sample called otherwise finds a boundary near each (of a linear network DeepFool finds the
    nearest; else the distance is an upper bound); below it stands what `certified_radius_network` proves.
    FGSM moves each sample as far as the radius says. Its step in each feature is radius / sqrt(D), so all are
    measured by Euclidean length; it follows the cross-entropy at temperature 1, whatever is shown.
    """

    bundle = "robustness"

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any, *, kind: str = "logits", **options: Any) -> Self:
        """The view of finished predictions: their logit margins alone.

        Args:
            y_true, y_pred, kind: as `ReliabilityDiagram.from_predictions`.
            options: state to begin with.

        Raises:
            InputError, ShapeError: as there.
        """
        return cls(predictions_source(y_true, y_pred, kind=kind), **options)

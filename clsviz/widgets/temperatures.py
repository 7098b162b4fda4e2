"""A temperature for each sample: how they are spread, what they are worth, which samples run hottest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets

from clsviz import calibration, losses
from clsviz.calibration.ood import auroc
from clsviz.widgets.base import View
from clsviz.widgets.loss_job import part_rows
from clsviz.widgets.messages import LEARNT, AskTemperatures
from clsviz.widgets.overlay import shown_logits, shown_validation
from clsviz.widgets.sources import predictions_source
from clsviz.widgets.temperature_job import model_temperatures, temperatures_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_SAMPLES = 4000  # looked at one by one; as js/src/views/loss/samples.ts
BOUNDS = (0.05, 20.0)  # of a temperature, as the shared slider's
BOUNDS_OF_MODELS = (0.001, 20.0)  # where a model divides cosines
HOTTEST = 0.05  # share of the samples that the button selects
GROUPS = ("right", "wrong", "mislabelled")


@dataclass(frozen=True, slots=True, eq=False)
class TemperaturesResult:
    """The numbers on screen."""

    by: str  # where the temperatures come from
    rho: float  # KL distance from uniform, nats; of "ball" alone
    part: str  # "validation" or "training"
    samples: np.ndarray  # (n,) their indices
    temperature: np.ndarray  # (n,) of each sample
    groups: np.ndarray  # (n,) 0 right, 1 wrong, 2 mislabelled
    nll: float  # with these temperatures
    ece: float  # likewise, top guess in 15 equal bins
    fitted: float  # the one temperature of least NLL on the validation samples
    nll_fitted: float
    ece_fitted: float
    nll_trained: float  # at temperature 1: as trained, unless the model has temperatures of its own
    ece_trained: float
    wrong_hotter: float  # P(a wrong sample is hotter than a right one); NaN without one of them

    @property
    def order(self) -> np.ndarray:
        """(n,) indices of the samples, hottest first; ties in their order."""
        ordered: np.ndarray = self.samples[np.argsort(-self.temperature, kind="stable")]
        return ordered

    @property
    def hottest(self) -> np.ndarray:
        """Indices of the hottest 5 %, at least one, ascending."""
        return np.sort(self.order[: max(1, int(np.ceil(HOTTEST * len(self.samples) - 1e-9)))])

    def summary(self) -> str:
        """Mean temperature and what it is worth in a line."""
        at = f"rho {self.rho:.3g}" if self.by == "ball" else self.by
        return (
            f"mean T {self.temperature.mean():.4f} ({at}): "
            f"NLL {self.nll:.4f}, ECE {self.ece:.4f}; "
            f"one T = {self.fitted:.4f}: {self.nll_fitted:.4f}, {self.ece_fitted:.4f}"
        )


class TemperaturesState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    rho = traitlets.Float(
        None,
        allow_none=True,
        min=0,
        help="KL distance from uniform that each softmax is brought to, nats; None: half of log K",
    ).tag(sync=True, of_run=True)
    by = traitlets.Enum(
        ["ball", *LEARNT],
        "ball",
        help="ball: in closed form, at distance rho from uniform; tempnet, correctness: by a network that "
        "learns from the validation samples' logits, each out of fold; model: the model's own",
    ).tag(sync=True)
    part = traitlets.Enum(["validation", "training"], "validation", help="whose samples").tag(sync=True)


class TemperaturesNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> TemperaturesResult:
        """The numbers on screen, recomputed in Python.

        Raises:
            InputError: nothing is trained yet, the model has no temperatures of its own, or there are too
                few samples to learn some from.
        """
        data = self.source.dataset
        rows = part_rows(data, self.part, MOST_SAMPLES)
        logits, labels = shown_logits(self, rows), data.y[rows]
        rho = np.log(data.n_classes) / 2 if self.rho is None else self.rho
        groups = losses.sample_groups(logits, labels, data.y_clean[rows])
        held_out, held_out_labels = shown_validation(self)
        if self.by == "ball":
            low, high = BOUNDS
            tau = calibration.tempnet_temperature(logits, rho=rho, tau_min=low, tau_max=high)
        else:
            tau = temperatures_of(self.source, self.step, self.by, self.part, rows, logits)
        bounds = BOUNDS
        if self.by == "model":  # its logits are divided already
            bounds = BOUNDS_OF_MODELS
            logits = logits * tau[:, None]
            own = model_temperatures(self.source, self.step, data.validation)
            held_out = held_out * own[:, None]
        fitted = calibration.fit_temperature(held_out, held_out_labels, bounds=bounds).temperature
        nll, ece = zip(*(_scores(logits, labels, t) for t in (tau[:, None], fitted, 1.0)), strict=True)
        right, wrong = tau[groups == 0], tau[groups == 1]
        return TemperaturesResult(
            self.by,
            float(rho),
            self.part,
            rows,
            tau,
            groups,
            nll[0],
            ece[0],
            fitted,
            nll[1],
            ece[1],
            nll[2],
            ece[2],
            auroc(wrong, right) if len(right) and len(wrong) else float("nan"),
        )

    def to_plotly(self) -> Figure:
        """The histogram, right, wrong and mislabelled samples stacked, as a plotly figure."""
        import plotly.graph_objects as go

        r = self.result
        figure = go.Figure()
        level = np.log10(r.temperature)
        bins = {"start": level.min(), "end": level.max(), "size": float(np.ptp(level)) / 25 or 0.1}
        for i, (name, colour) in enumerate(zip(GROUPS, ("#8592a0", "#a8467e", "#1f2328"), strict=True)):
            figure.add_histogram(x=level[r.groups == i], name=name, xbins=bins, marker_color=colour)
        figure.add_vline(float(np.log10(r.fitted)), line_dash="dash", annotation_text="one T for all")
        return figure.update_layout(
            title=r.summary(),
            barmode="stack",
            xaxis_title="log10 of the sample's temperature",
            yaxis_title="samples",
        )


class TemperatureView(TemperaturesNumbers, TemperaturesState, View):
    """A temperature for each sample: in closed form, learnt, or the model's own.

    The closed form brings each softmax to a given distance from uniform, which is what TempNet learns to give
    (`cv.calibration.tempnet_temperature`, in bounds of 0.05 to 20). Right, wrong and mislabelled samples are
    told apart; NLL and ECE with these temperatures stand against one fitted temperature for all; the hottest
    samples are shown.
    """

    bundle = "temperatures"

    @classmethod
    def from_predictions(cls, y_true: Any, y_pred: Any, *, kind: str = "logits", **options: Any) -> Self:
        """The view of finished predictions; arguments as `ReliabilityDiagram.from_predictions`."""
        return cls(predictions_source(y_true, y_pred, kind=kind), **options)

    def to_html(self, path: str | Path | None = None, *, title: str | None = None) -> str:
        """This view as one HTML file that works without a kernel or network; see `View.to_html`."""
        timeline = self.source.timeline
        if self.by != "ball" and len(timeline):
            shown = timeline.latest if self.step is None else timeline.at(self.step)
            self.session.answer_temperatures(
                AskTemperatures(self.by, shown.step, self.part, MOST_SAMPLES, self.member)
            )
        return super().to_html(path, title=title)


def _scores(logits: np.ndarray, labels: np.ndarray, temperature: Any) -> tuple[float, float]:
    scaled = logits / temperature
    return calibration.nll(scaled, labels, kind="logits"), calibration.ece(scaled, labels, kind="logits")

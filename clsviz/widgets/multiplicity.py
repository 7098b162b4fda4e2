"""Predictive multiplicity: on what do networks disagree that are about equally good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets

from clsviz import calibration
from clsviz.calibration import Multiplicity
from clsviz.calibration.multiplicity import REACHED
from clsviz.errors import InputError
from clsviz.widgets.base import View
from clsviz.widgets.model_set import ModelSet
from clsviz.widgets.sources import validation_logits

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True, eq=False)
class MultiplicityGrowth:
    """How the set of the best models grows with epsilon; one entry a model, best first."""

    order: np.ndarray  # (M,) the models
    epsilon: np.ndarray  # (M,) from where on each belongs to the set, nats
    ambiguity: np.ndarray  # (M,) of the set so far; share of samples that some model moves by delta
    discrepancy: np.ndarray  # (M,) the largest share that one model moves by delta
    label_ambiguity: np.ndarray  # (M,) share of samples that some model answers with another class
    label_discrepancy: np.ndarray  # (M,) the largest share that one model answers with another class


@dataclass(frozen=True, slots=True, eq=False)
class MultiplicityResult:
    """The numbers on screen, of M networks and N validation samples."""

    losses: np.ndarray  # (M,) mean NLL of the validation samples, nats, at the temperature
    members: np.ndarray  # networks at most epsilon worse than the best, ascending indices
    ratio: float  # share of the networks that these are (Rashomon ratio)
    baseline: int | None  # the network that the others are compared with; None: the run itself
    samples: np.ndarray  # (N,) indices of the samples
    probs: np.ndarray  # (N,) what the baseline gives the target class, or each sample's label
    viable: np.ndarray  # (N, 2) the lowest and highest that any of `members` gives it
    moved: Multiplicity  # by delta or more
    answers: Multiplicity  # to another class
    capacity: np.ndarray  # (N,) Rashomon capacity of the members' forecasts
    growth: MultiplicityGrowth
    epsilon: float
    delta: float
    temperature: float
    step: int


def growth(
    losses: np.ndarray,
    model_probs: np.ndarray,
    model_preds: np.ndarray,
    baseline: np.ndarray,
    baseline_pred: np.ndarray,
    delta: float,
) -> MultiplicityGrowth:
    """Ambiguity and discrepancy of the set of the best 1, 2, ... M models.

    Args:
        losses: (M,). model_probs, model_preds: (M, N) probability of one class, and label.
        baseline, baseline_pred: (N,) likewise.
        delta: how large a difference of probabilities counts.
    """
    order = np.argsort(losses, kind="stable")
    moved = np.abs(model_probs - baseline)[order] >= delta - REACHED
    answers = (model_preds != baseline_pred)[order]
    shares = [
        of
        for changed in (moved, answers)
        for of in (
            np.logical_or.accumulate(changed, 0).mean(1),
            np.maximum.accumulate(changed.mean(1)),
        )
    ]
    return MultiplicityGrowth(order, losses[order] - losses[order[0]], *shares)


class MultiplicityState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    epsilon = traitlets.Float(0.05, min=0, help="nats; a network this much worse than the best counts").tag(
        sync=True
    )
    delta = traitlets.Float(0.1, min=0, max=1, help="a difference of probabilities that counts").tag(
        sync=True
    )
    target_class = traitlets.Int(
        None, allow_none=True, min=0, help="whose probability is compared; None: each sample's label"
    ).tag(sync=True)
    baseline = traitlets.Enum(
        ["best", "shown"], "best", help="what networks are compared with: the best, or the one on screen"
    ).tag(sync=True)


class MultiplicityNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> MultiplicityResult:
        """The numbers on screen, recomputed in Python for every network of the fan.

        Raises:
            InputError: there is no fan, or no class `target_class`.
        """
        fan = self.session.fan
        if fan is None:
            raise InputError(
                "there are no networks to compare: train some side by side, as by "
                'lab.fan_out("seed", values=range(12), seeds=1)'
            )
        sources = [self.session.source_of(m) for m in range(len(fan.members))]
        found = [validation_logits(source, self.step) for source in sources]
        logits, labels = np.stack([z for z, _ in found]), found[0][1]
        if self.target_class is not None and self.target_class >= logits.shape[2]:
            raise InputError(
                f"target_class: the classes are 0..{logits.shape[2] - 1}, not {self.target_class}"
            )
        losses = np.array([calibration.nll(z / self.temperature, labels, kind="logits") for z in logits])
        members = calibration.rashomon_set(losses, self.epsilon)
        which: int | None = int(losses.argmin())
        own = logits[which]
        if self.baseline == "shown":
            which = 0 if self.member is None and fan is self.session.source else self.member
            own = validation_logits(self.source, self.step)[0]
        everything = np.stack([calibration.apply_temperature(z, self.temperature) for z in [*logits, own]])
        read = (
            everything[:, np.arange(len(labels)), labels]
            if self.target_class is None
            else everything[:, :, self.target_class]
        )
        guesses, guess = logits.argmax(2), own.argmax(1)
        timeline = sources[0].timeline
        return MultiplicityResult(
            losses,
            members,
            calibration.rashomon_ratio(losses, self.epsilon),
            which,
            self.session.dataset.validation,
            read[-1],
            calibration.viable_range(read[members]),
            calibration.multiplicity(read[members], read[-1], delta=self.delta),
            calibration.label_multiplicity(guesses[members], guess),
            calibration.rashomon_capacity(everything[members]),
            growth(losses, read[:-1], guesses, read[-1], guess, self.delta),
            self.epsilon,
            self.delta,
            self.temperature,
            (timeline.latest if self.step is None else timeline.at(self.step)).step,
        )

    def to_plotly(self: Any) -> Figure:
        """Viable ranges and the curves against epsilon, as a plotly figure."""
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots

        r = self.result
        order = np.argsort(r.probs, kind="stable")
        low, high = r.viable[order].T
        figure = make_subplots(
            rows=1,
            cols=2,
            column_widths=[0.62, 0.38],
            subplot_titles=["viable range", "share of the samples"],
        )
        figure.add_trace(
            go.Bar(x=np.arange(len(order)), y=high - low, base=low, marker_color="#8592a0", name="range"),
            1,
            1,
        )
        figure.add_trace(
            go.Scatter(
                y=r.probs[order], mode="markers", marker={"color": "#1f2328", "size": 4}, name="baseline"
            ),
            1,
            1,
        )
        g = r.growth
        curves = {
            f"moves by {r.delta:g}, some network (ambiguity)": (g.ambiguity, "#57606a", "solid"),
            f"moves by {r.delta:g}, one network (discrepancy)": (g.discrepancy, "#57606a", "dash"),
            "another answer, some network (ambiguity)": (g.label_ambiguity, "#a8467e", "solid"),
            "another answer, one network (discrepancy)": (g.label_discrepancy, "#a8467e", "dash"),
        }
        for name, (share, colour, dash) in curves.items():
            line = {"color": colour, "dash": dash, "shape": "hv"}
            figure.add_trace(go.Scatter(x=g.epsilon, y=share, name=name, mode="lines", line=line), 1, 2)
        figure.add_vline(x=r.epsilon, line_dash="dot", row=1, col=2)
        figure.update_xaxes(title="validation samples by the baseline's probability", row=1, col=1)
        figure.update_xaxes(title="epsilon (nats)", row=1, col=2)
        figure.update_yaxes(range=[0, 1], row=1, col=1)
        return figure.update_layout(title=self.summary())

    def summary(self: Any) -> str:
        """The main numbers in one line."""
        r = self.result
        return (
            f"{len(r.members)} of {len(r.losses)} networks within {r.epsilon:g} nats of the best: "
            f"ambiguity {r.answers.ambiguity:.1%}, discrepancy {r.answers.discrepancy:.1%}"
        )


class MultiplicityView(MultiplicityNumbers, MultiplicityState, View):
    """Networks that are about equally good, and how far their predictions for each sample lie apart.

    Left: the viable range of each validation sample, lowest to highest probability that a network within
    epsilon of the best gives it. Right: how many samples change with the baseline's network replaced
    (ambiguity: by some network, discrepancy: by one), against epsilon. The networks are those of a fan;
    the browser runs them itself, so that all sliders answer without a kernel.
    """

    bundle = "multiplicity"

    @classmethod
    def from_predictions(cls, y_true: Any, model_probs: Any, *, kind: str = "probs", **options: Any) -> Self:
        """The multiplicity of models of your own, from what they predict for the same samples.

        Args:
            y_true: (N,) integer labels in [0, K).
            model_probs: (M, N, K) probabilities by each model; (M, N) for two classes.
            kind: what they are, "probs" or "logits".
            options: state to begin with, e.g. ``epsilon=0.1``.

        Raises:
            InputError: NaN, empty, labels out of range, probabilities that do not sum to 1.
            ShapeError: the shapes do not fit.
        """
        return cls(ModelSet.from_predictions(y_true, model_probs, kind=kind), **options)

"""The loss: as a curve, over the simplex, and sample by sample of the network shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets

from clsviz import calibration, losses
from clsviz.catalogue import Spec
from clsviz.errors import ClsvizError
from clsviz.landscape.score_line import FOCAL_MOST
from clsviz.losses.profile import GROUPS, LossProfile, LossTerms
from clsviz.losses.row import checked_params, find
from clsviz.widgets.base import View, menu
from clsviz.widgets.loss_job import part_rows, terms_of, why_no_curve
from clsviz.widgets.overlay import shown_logits
from clsviz.widgets.sources import predictions_source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_SAMPLES = 4000  # looked at one by one; as js/src/views/loss/samples.ts


@dataclass(frozen=True, slots=True, eq=False)
class LossResult:
    """The numbers on screen."""

    loss: Spec
    against: Spec | None
    part: str  # "training" or "validation"
    samples: np.ndarray  # (n,) their indices
    p_y: np.ndarray  # (n,) probability that the network gives each sample's label
    terms: LossTerms | None  # of each sample; None where the loss has none here
    groups: np.ndarray  # (n,) 0 easy, 1 hard, 2 mislabelled
    gradient_share: dict[str, float]  # by group; empty without terms
    sample_share: dict[str, float]
    profile: LossProfile | None  # over p of the label
    why: str  # there is no profile; "" where there is
    memorised: (
        float | None
    )  # share of flipped training labels that the network gives back; None: none flipped
    recovered: float | None  # share of them whose true label it gives

    def summary(self) -> str:
        """Name, mean loss and shares of the gradient in a line."""
        words = [_title(self.loss)]
        if self.terms is not None and not np.isnan(self.terms.value).all():
            words.append(f"mean loss {np.nanmean(self.terms.value):.4f}")
        if self.gradient_share:
            there = [n for n in GROUPS if self.sample_share[n]]
            shares = [f"{n} {100 * self.gradient_share[n]:.0f} %" for n in there]
            words.append(f"gradient: {', '.join(shares)}")
        return "; ".join(words)


class LossName(traitlets.TraitType[Any, Any]):
    """A loss of the catalogue: its name, a `Spec`, or {"name", "params"}; None for none."""

    def validate(self, obj: Any, value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        try:
            spec = Spec.of(value if not isinstance(value, Mapping) else dict(value))
            params = checked_params(find(spec.name), spec.params)
        except (ClsvizError, TypeError, ValueError) as error:
            raise traitlets.TraitError(f"{self.name}: {error}") from error
        own = {key: params[key] for key in spec.params}
        return {"name": find(spec.name).method.name, "params": own}


class LossState(traitlets.HasTraits):
    """What this view adds to the shared state."""

    axis = traitlets.Enum(
        ["p", "margin", "simplex"], "p", help="what the loss is drawn over; simplex: of three classes"
    ).tag(sync=True)
    against = LossName(
        {"name": "cross_entropy", "params": {}}, allow_none=True, help="a second loss, laid over"
    ).tag(sync=True)
    part = traitlets.Enum(["training", "validation"], "training", help="whose samples").tag(sync=True)
    label = traitlets.Int(
        None, allow_none=True, min=0, help="class at the top of the simplex; None: the marked sample's"
    ).tag(sync=True)
    histogram = traitlets.Enum(["loss", "weight"], "loss", help="what of the samples is counted").tag(
        sync=True
    )


class LossNumbers:
    """`.result` and `.to_plotly()`, for the widget and for the lab's view alike."""

    @property
    def result(self: Any) -> LossResult:
        """The numbers on screen, recomputed in Python.

        Raises:
            InputError: nothing is trained yet.
        """
        data = self.source.dataset
        rows = part_rows(data, self.part, MOST_SAMPLES)
        logits = shown_logits(self, rows) / self.temperature
        groups = losses.sample_groups(logits, data.y[rows], data.y_clean[rows])
        spec = shown_loss(self)
        terms, _ = terms_of(self.source, spec, self.step, rows, logits)
        profile, why = None, why_no_curve(spec.name)
        if not why:
            profile = losses.loss_profile(spec.name, spec.params, n_classes=data.n_classes)
        flipped = data.train[data.y[data.train] != data.y_clean[data.train]]
        memorised = recovered = None
        if len(flipped):
            guess = shown_logits(self, flipped).argmax(1)
            memorised = float(np.mean(guess == data.y[flipped]))
            recovered = float(np.mean(guess == data.y_clean[flipped]))
        return LossResult(
            spec,
            None if self.against is None else Spec.of(self.against),
            self.part,
            rows,
            calibration.apply_temperature(logits, 1.0)[np.arange(len(rows)), data.y[rows]],
            terms,
            groups,
            {} if terms is None else _named(losses.group_shares(terms.gradient, groups)),
            _named(losses.group_shares(np.ones(len(rows)), groups)),
            profile,
            why,
            memorised,
            recovered,
        )

    def to_plotly(self) -> Figure:
        """The curve with the samples on it, as a plotly figure."""
        import plotly.graph_objects as go

        r = self.result
        figure = go.Figure()
        if r.profile is not None:
            figure.add_scatter(
                x=r.profile.p_y, y=r.profile.value, mode="lines", name=_title(r.loss), line_color="#1565c0"
            )
        if r.against is not None and r.against != r.loss and not why_no_curve(r.against.name):
            over = losses.loss_profile(
                r.against.name,
                r.against.params,
                n_classes=self.source.dataset.n_classes,  # type: ignore[attr-defined]
            )
            figure.add_scatter(
                x=over.p_y,
                y=over.value,
                mode="lines",
                name=_title(r.against),
                line={"color": "#57606a", "dash": "dash"},
            )
        if r.terms is not None:
            for i, (name, colour) in enumerate(zip(GROUPS, ("#8592a0", "#1f2328", "#a8467e"), strict=True)):
                own = r.groups == i
                figure.add_scatter(
                    x=r.p_y[own],
                    y=r.terms.value[own],
                    mode="markers",
                    name=name,
                    marker={"color": colour, "size": 5},
                    customdata=np.stack([r.samples[own], r.terms.weight[own]], -1),
                    hovertemplate="sample %{customdata[0]}<br>p %{x:.3f}<br>loss %{y:.3f}"
                    "<br>weight %{customdata[1]:.3f}",
                )
        return figure.update_layout(
            title=r.summary(), xaxis={"title": "p of the label", "range": [0, 1]}, yaxis={"title": "loss"}
        )


class LossView(LossNumbers, LossState, View):
    """The loss and its gradient, with the samples of the network on it, and whose gradient it is.

    Over p of the label, the margin, or the simplex of three classes; a second loss can be laid over. Losses
    of a single row of logits are computed in the browser, the others by the kernel.
    """

    bundle = "loss"

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        kind: str = "logits",
        loss: Spec | str = "cross_entropy",
        **options: Any,
    ) -> Self:
        """The loss of finished predictions.

        Args:
            y_true, y_pred, kind: as `ReliabilityDiagram.from_predictions`.
            loss: name of a loss, or a `Spec` with parameters.
            options: state to begin with, e.g. ``axis="margin"``.

        Raises:
            InputError, ShapeError: as there; a parameter that the loss does not take.
            UnknownName: no loss of this name.
        """
        spec = Spec.of(loss)
        checked_params(find(spec.name), spec.params)
        return cls(predictions_source(y_true, y_pred, kind=kind, loss=spec), **options)

    def _menus(self) -> dict[str, Any]:
        return super()._menus() | {"loss": menu("loss")}


def shown_loss(view: Any) -> Spec:
    """The loss on screen: what the score says, else the one that the network shown was trained with."""
    score = view.score
    if score is None:
        spec: Spec = view.source.loss
        return spec
    if isinstance(score, Mapping):
        return Spec.of(dict(score))
    if score < 0:
        return Spec("gce", {"q": -score})
    return Spec("focal", {"gamma": FOCAL_MOST * score}) if score > 0 else Spec("cross_entropy")


def _title(spec: Spec) -> str:
    params = ", ".join(
        f"{k} = {v:.3g}" if isinstance(v, float) else f"{k} = {v}" for k, v in spec.params.items()
    )
    return f"{spec.name} ({params})" if params else spec.name


def _named(shares: np.ndarray) -> dict[str, float]:
    return dict(zip(GROUPS, map(float, shares), strict=True))

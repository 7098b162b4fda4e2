"""What all widgets have in common: the shared state, the session, messages, export."""

from __future__ import annotations

import base64
import difflib
import os
import weakref
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import anywidget
import numpy as np
import traitlets

from clsviz import catalogue
from clsviz._paths import STATIC
from clsviz.errors import InputError, UnknownName
from clsviz.training import Experiment, Source
from clsviz.widgets import export
from clsviz.widgets.cells import MAKERS
from clsviz.widgets.comparison import Comparison, compare_predictions
from clsviz.widgets.criteria import Criteria, How, combined, samples_by
from clsviz.widgets.fan_choice import RANGES
from clsviz.widgets.landscape_score import checked_score, needs_more
from clsviz.widgets.overlay import shown_logits
from clsviz.widgets.pictures import picture
from clsviz.widgets.session import Session
from clsviz.widgets.sources import estimator_source, source_logits
from clsviz.widgets.traits import Indices, plain

SAVED_MIME = "application/vnd.clsviz+json"
SAVED_VERSION = 1  # of what js/src/core/saved.ts writes and reads
OTHER_GROUP = "Other"  # of a loss that names no family
SUMMARY = {"validation_accuracy": "accuracy", "validation_ece": "ECE"}  # metrics in a widget's line of text


def asset(name: str) -> Path:
    """A file of the front end.

    Raises:
        InputError: it has not been built; the message says how.
    """
    path = STATIC / name
    if not path.is_file():
        raise InputError(
            f"the front end is not built: {name} is missing. Run `clsviz check`, or `make build`"
        )
    return path


def temperature_range() -> catalogue.Param:
    return catalogue.get("calibration.apply_temperature").param("temperature")


class Linked(traitlets.HasTraits):
    """The state that linked views share (js/src/core/store.ts, SHARED)."""

    temperature = traitlets.Float(1.0, help="divides the logits, 0.05 to 20").tag(sync=True)
    step = traitlets.Int(None, allow_none=True, help="training step on screen; None is the newest").tag(
        sync=True, of_run=True
    )
    member = traitlets.Int(
        None, allow_none=True, help="network of the fan on screen, an index; None is the run itself"
    ).tag(sync=True, of_run=True)
    score = traitlets.Any(
        None,
        help="loss that the landscape is scored with: a place on the loss line, -1 to 1; a name or Spec of "
        "a loss; None: as trained",
    ).tag(sync=True)
    selection = Indices(help="indices of the selected samples, ascending; empty for none").tag(of_run=True)
    marked = traitlets.Int(None, allow_none=True, help="index of the sample under inspection").tag(
        sync=True, of_run=True
    )
    pair = traitlets.List(traitlets.Int(), None, allow_none=True, minlen=2, maxlen=2).tag(
        sync=True, of_run=True
    )
    tilt = traitlets.Float(None, allow_none=True, help="degrees; None is as trained").tag(
        sync=True, of_run=True
    )
    normal_at = traitlets.Enum(
        ["marked"], None, allow_none=True, help='"marked": take the slope at the marked sample'
    ).tag(sync=True)
    regularisation = traitlets.Float(
        None, allow_none=True, help="lambda of an L2-regularised rule of the pair in place of a tilt"
    ).tag(sync=True)
    use_tilted = traitlets.Bool(
        False, help="between the two classes of the pair the tilted rule decides, in all views and results"
    ).tag(sync=True)
    pinned = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True, of_run=True)

    @traitlets.validate("temperature")
    def _valid_temperature(self, proposal: Any) -> float:
        range_ = temperature_range().range
        assert range_ is not None
        if not range_.low <= proposal["value"] <= range_.high:
            raise traitlets.TraitError(
                f"temperature must lie in {range_.low} to {range_.high}, got {proposal['value']}"
            )
        return float(proposal["value"])

    @traitlets.validate("member")
    def _valid_member(self, proposal: Any) -> int | None:
        value, fan = proposal["value"], self.session.fan  # type: ignore[attr-defined]
        if value is not None and (fan is None or not 0 <= value < len(fan.members)):
            there = "there is no fan" if fan is None else f"the fan has members 0..{len(fan.members) - 1}"
            raise traitlets.TraitError(f"member {value}: {there}")
        return value

    @traitlets.validate("score")
    def _valid_score(self, proposal: Any) -> Any:
        try:
            return checked_score(proposal["value"])
        except InputError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("pair")
    def _valid_pair(self, proposal: Any) -> list[int] | None:
        value, k = proposal["value"], self.session.dataset.n_classes  # type: ignore[attr-defined]
        if value is not None and (value[0] == value[1] or not all(0 <= v < k for v in value)):
            raise traitlets.TraitError(f"pair must be two different classes in 0..{k - 1}, got {value}")
        return value


_LIVING: weakref.WeakSet[ClsvizWidget] = weakref.WeakSet()


class ClsvizWidget(anywidget.AnyWidget, Linked):
    """A widget over one source. Unknown keywords are refused by name."""

    bundle: ClassVar[str]  # name of the file in static/
    stream = traitlets.Unicode().tag(sync=True)
    group = traitlets.Unicode(None, allow_none=True, help="views of one group are linked").tag(sync=True)
    catalogue = traitlets.Dict().tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """In development (ANYWIDGET_HMR=1) names the front end's files, so that open widgets follow them.

        Otherwise each widget takes their text: anywidget never lets go of a widget that follows a file.
        """
        if "bundle" in cls.__dict__ and os.environ.get("ANYWIDGET_HMR") == "1":
            cls._esm = asset(f"{cls.bundle}.js")  # type: ignore[assignment]
            cls._css = asset("clsviz.css")  # type: ignore[assignment]
        super().__init_subclass__(**kwargs)

    def __init__(self, source: Source, **options: Any) -> None:
        known = sorted(self.class_own_traits_of())
        if unknown := sorted(set(options) - set(known)):
            raise InputError(f"{type(self).__name__} has no option {unknown}; it has {known}")
        self.session = Session.of(source)
        if not hasattr(self, "_esm"):
            self._esm = asset(f"{self.bundle}.js").read_text(encoding="utf-8")
            self._css = asset("clsviz.css").read_text(encoding="utf-8")
        super().__init__(stream=self.session.widget.model_id or "", catalogue=self._menus(), **options)
        self.session.join(self)
        _LIVING.add(self)
        MAKERS.enter(self)
        self.observe(lambda _change: self.session.interest(self.member, self.step), ["member", "step"])
        self.on_msg(lambda _widget, content, _buffers: self.session.answer(content, self))
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses what is no setting: a slip of the pen would do nothing, and say nothing."""
        there = name in vars(self) or hasattr(type(self), name) or name.startswith("_")
        if "_complete" in vars(self) and not there:
            known = self.class_own_traits_of()
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}? It" if near else "it"
            if name in Experiment.__dataclass_fields__:
                hint = f'run.change({{"{name}": ...}}) changes what is trained; the view'
            raise UnknownName(f"{type(self).__name__} has no setting {name!r}; {hint} has {known}")
        super().__setattr__(name, value)

    @classmethod
    def class_own_traits_of(cls) -> list[str]:
        """Names of the options a user may set."""
        hidden = set(anywidget.AnyWidget.class_trait_names()) | {"stream", "group", "catalogue"}
        return [n for n in cls.class_trait_names() if n not in hidden and not n.startswith("_")]

    @staticmethod
    def living() -> list[ClsvizWidget]:
        """All widgets that are not closed."""
        return list(_LIVING)

    @property
    def source(self) -> Source:
        """The run, watched loop or static model behind this widget, or the network of a fan it shows."""
        return self.session.source_of(self.member)

    @property
    def comparison(self) -> Comparison:
        """The network shown against the pinned one, on the validation samples.

        Raises:
            InputError: nothing is pinned.
        """
        pin = self.pinned
        if pin is None:
            raise InputError('nothing is pinned: press "Pin to compare", or set pinned={"step": ...}')
        data = self.session.dataset
        was = source_logits(self.session.source_of(pin.get("member")), pin.get("step"), data.validation)
        now, labels = shown_logits(self, data.validation), data.y[data.validation]
        return compare_predictions(
            was,
            now,
            labels,
            samples=data.validation,
            temperature_pinned=pin.get("temperature") or self.temperature,
            temperature_shown=self.temperature,
        )

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Takes state from the browser; what does not fit becomes an error in the view."""
        try:
            super().set_state(sync_data)
        except (traitlets.TraitError, ValueError, TypeError, KeyError, OverflowError) as error:
            self.session.report("message", error)

    def select(
        self,
        *,
        confidence_below: float | None = None,
        confidence_above: float | None = None,
        margin_below: float | None = None,
        margin_above: float | None = None,
        wrong: bool | None = None,
        mislabelled: bool | None = None,
        predicted: int | str | None = None,
        label: int | str | None = None,
        part: str | None = None,
        how: How = "replace",
    ) -> np.ndarray:
        """Selects the samples that fulfil all the criteria given, as the lab's "Select by" does.

        What the network says is taken at the step and temperature on screen.

        Args:
            confidence_below, confidence_above: of the guess's probability, 0 to 1; neither is included.
            margin_below, margin_above: of p(label) minus the greatest other probability, -1 to 1.
            wrong: the guess is (True) or is not (False) another class than the label.
            mislabelled: the label differs (True) or does not differ (False) from the true class.
            predicted, label: the class guessed, the class labelled; its number or name.
            part: "validation", "training" or "all"; None is validation, for ``mislabelled`` all.
            how: "replace" the selection, "add" to it, "remove" from it, or "intersect" with it.

        Returns:
            Indices of the samples that fulfil the criteria, ascending int32; ``selection`` is what became
            of the selection.

        Raises:
            InputError: no criterion, an unknown class, part or way; nothing is trained yet.
        """
        criteria = Criteria(
            confidence_below,
            confidence_above,
            margin_below,
            margin_above,
            wrong,
            mislabelled,
            predicted,
            label,
            part,
        )
        found = samples_by(
            self.source.dataset, criteria, lambda rows: shown_logits(self, rows), self.temperature
        )
        self.selection = combined(self.selection, found, how)
        return found

    def close(self) -> None:
        """Ends this widget; the run and its other views go on."""
        if self.comm is not None:
            _LIVING.discard(self)
            self.session.leave(self)
            self.layout.close()  # ipywidgets leaves it open
        super().close()

    def __repr__(self) -> str:
        """What it shows, in one line that two runs with equal numbers have in common."""
        source, experiment = self.source, self.source.experiment
        said = [] if experiment is None else [experiment.model.name, experiment.loss.name]
        if len(source.timeline):
            shown = source.timeline.latest if self.step is None else source.timeline.at(self.step)
            said += [f"epoch {shown.epoch:.4g}"] if len(source.timeline) > 1 or experiment else []
            said += [
                f"{name} {shown.metrics[key]:.4f}" for key, name in SUMMARY.items() if key in shown.metrics
            ]
        if self.temperature != 1:
            said.append(f"T = {self.temperature:.2f}")
        name = f"{type(self).__name__} of {source.dataset.name}"
        return f"<{name}: {', '.join(said)}>" if said else f"<{name}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and what stands for it where no widget runs: a picture and a line of text.

        The picture is of this moment. JupyterLab's extension replaces it when the notebook is saved, and
        fills in the rest of SAVED_MIME (js/src/labextension/saved.ts).
        """
        bundle = super()._repr_mimebundle_(**kwargs)
        assert bundle is not None  # it is for widgets without a view
        data, metadata = bundle
        data["image/png"] = base64.b64encode(self.to_png()).decode()
        data[SAVED_MIME] = {"version": SAVED_VERSION, "view": self.bundle, "name": type(self).__name__}
        return data, metadata

    def forget(self) -> None:
        """Drops what refers to samples, classes and steps of the former run."""
        with self.hold_sync():
            for name in self.trait_names(of_run=True):
                setattr(self, name, None)

    def forget_fan(self) -> bool:
        """Shows the run itself again: the fan is closed. True: the pin was on a network of it."""
        lost = self.pinned is not None and self.pinned.get("member") is not None
        with self.hold_sync():
            self.member = None
            if lost:
                self.set_trait("pinned", None)
        return lost

    def branch(self) -> None:
        """The run takes another way from an earlier step; what is shown stays meaningful."""

    def state(self) -> dict[str, Any]:
        """All that is set, as plain values: what an exported file starts from."""
        names = [*self.class_own_traits_of(), "catalogue"]
        return {name: plain(getattr(self, name)) for name in names}

    def to_html(self, path: str | Path | None = None, *, title: str | None = None) -> str:
        """This view as one HTML file that works without a kernel or network.

        Sliders that recompute in the browser stay live. Where all snapshots would make the file larger
        than 3 MB, fewer of them go along, and the page says so.

        Args:
            path: where to write it; None only returns the text.
            title: the page's title.
        """
        self._before_export()
        text = export.page(
            self, asset(f"{self.bundle}.js"), asset("clsviz.css"), title or type(self).__name__
        )
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_png(self, path: str | Path | None = None) -> bytes:
        """This view as it stands, as a small picture.

        Args:
            path: where to write it; None only returns the bytes.
        """
        image = picture(self)
        if path is not None:
            Path(path).write_bytes(image)
        return image

    def _before_export(self) -> None:
        """Sees to it that the kernel has answered what the page cannot ask once it stands alone."""

    def _menus(self) -> dict[str, Any]:
        """Ranges and menus of this widget's controls, from the catalogue."""
        return {"temperature": param_json(temperature_range())} | {
            "n_bins": param_json(catalogue.get("calibration.reliability_diagram").param("n_bins"))
        }


class View(ClsvizWidget):
    """A view that stands alone; the same view of a lab is reached as ``lab.views.<name>``."""

    @classmethod
    def from_run(cls, run: Source, **options: Any) -> Self:
        """This view on a live run (or fan, or `watch`), also in another cell than the lab's.

        Args:
            run: a `Run`, a `Fan`, a `Watch`, or any other source.
            options: state to begin with, e.g. ``temperature=2``.
        """
        return cls(run, **options)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **options: Any) -> Self:
        """This view on a trained classifier.

        Args:
            estimator: a ``torch.nn.Module`` that maps (N, D) to logits, or a fitted scikit-learn classifier.
            X: (N, D) samples; array, tensor or DataFrame.
            y: (N,) labels, integers or strings.
            options: state to begin with.

        Raises:
            InputError: X, y and the estimator's classes do not fit together.
        """
        return cls(estimator_source(estimator, X, y), **options)


def param_json(param: catalogue.Param) -> dict[str, Any]:
    """A parameter as the browser builds a control from it."""
    return {
        "name": param.name,
        "default": param.default,
        "range": None if param.range is None else asdict(param.range),
        "choices": list(param.choices) if param.choices else None,
        "help": param.help,
    }


def menu(kind: str) -> list[dict[str, Any]]:
    """All entries of a kind, for a menu with sliders; some of the lab's have other ranges."""
    return [
        {
            "name": m.name,
            "title": m.title,
            "paper": m.paper,
            "summary": m.summary,
            "params": [
                param_json(replace(p, range=RANGES.get(f"{kind}.{p.name}", p.range))) for p in m.params
            ],
            **({"group": m.facts.get("group", OTHER_GROUP)} if kind == "loss" else {}),
        }
        for m in catalogue.methods(kind)
    ]


def supply_menu() -> list[dict[str, Any]]:
    """What makes the needs of losses, with sliders, and what it needs itself."""
    return [
        shown | {"needs": list(m.needs)}
        for shown, m in zip(menu("supply"), catalogue.methods("supply"), strict=True)
    ]


def loss_menu() -> list[dict[str, Any]]:
    """All losses, with what the searchable menu says of them besides."""
    formulas = catalogue.formulas()
    return [
        shown
        | {
            "mathml": formulas.get(m.id, ""),
            "needs": ["logits", *needs_more(m)] if "logits" in m.needs else needs_more(m),
            "properties": m.facts.get("properties", {}),
        }
        for shown, m in zip(menu("loss"), catalogue.methods("loss"), strict=True)
    ]

"""The laboratory: a network that trains, and all views of it over one state."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import traitlets

from clsviz import catalogue
from clsviz.errors import InputError
from clsviz.training import Experiment, Fan, Run, Source
from clsviz.training.companions import complete
from clsviz.widgets.base import ClsvizWidget, View, menu
from clsviz.widgets.boundary import BoundaryNumbers, BoundaryState, BoundaryView
from clsviz.widgets.comparison import Comparison
from clsviz.widgets.confusion import ConfusionMatrix, ConfusionNumbers, ConfusionState
from clsviz.widgets.facade import Facade, Views
from clsviz.widgets.fan import FanNumbers, FanState, FanStrip
from clsviz.widgets.inspector import InspectorNumbers, InspectorState, SampleInspector
from clsviz.widgets.landscape import LandscapeNumbers, LandscapeState, LossLandscape
from clsviz.widgets.prototypes import PrototypeGallery, PrototypesNumbers, PrototypesState
from clsviz.widgets.reliability import ReliabilityDiagram, ReliabilityNumbers, ReliabilityState

VIEWS: dict[str, tuple[type[View], type[traitlets.HasTraits], type]] = {
    "reliability": (ReliabilityDiagram, ReliabilityState, ReliabilityNumbers),
    "boundary": (BoundaryView, BoundaryState, BoundaryNumbers),
    "landscape": (LossLandscape, LandscapeState, LandscapeNumbers),
    "prototypes": (PrototypeGallery, PrototypesState, PrototypesNumbers),
    "confusion": (ConfusionMatrix, ConfusionState, ConfusionNumbers),
    "inspector": (SampleInspector, InspectorState, InspectorNumbers),
    "fan": (FanStrip, FanState, FanNumbers),
}
PACE = 12.0  # epochs a second: slow enough to watch, fast enough to wait for

# Each view's own state, under its name: reliability_n_bins, boundary_plane, ...
_OwnStates = type(
    "_OwnStates",
    (traitlets.HasTraits,),
    {
        f"{name}_{key}": copy.deepcopy(trait)
        for name, (_, state, _) in VIEWS.items()
        for key, trait in state.class_own_traits().items()
    },
)


class Lab(ClsvizWidget, _OwnStates):  # type: ignore[misc, valid-type]
    """The whole laboratory; as the last line of a cell it shows itself.

    Training begins at once, at a pace that can be watched. All that is on screen can be reached from
    code and the other way round: ``lab.run.pause()``, ``lab.temperature = 2``,
    ``lab.views.reliability.n_bins = 20``, ``lab.selection``.

    Args:
        data: name of a dataset, a `Dataset`, arrays ``(X, y)``, or an `Experiment`.
        model: name of a model, or your own ``torch.nn.Module``.
        loss: name of a loss. optimizer: name of an optimiser. Each may be a `Spec` with parameters; None
            is what the model is meant for, mostly cross-entropy and SGD.
        autostart: begin to train at once.
        pace: epochs a second at most; None for as fast as it goes.
        options: settings of `Experiment` (``epochs=100``, ``label_noise=0.1``, ``seed=3``) and state to
            begin with (``temperature=2``).

    Raises:
        InputError, UnknownName: a name or value that cannot be used; the message says what can.
    """

    bundle = "lab"

    def __init__(
        self,
        data: Any = "digits",
        model: Any = "mlp",
        loss: Any = None,
        optimizer: Any = None,
        *,
        autostart: bool = True,
        pace: float | None = PACE,
        **options: Any,
    ) -> None:
        state = {k: options.pop(k) for k in list(options) if k in self.class_own_traits_of()}
        if isinstance(data, Experiment):
            run = Run(data, pace=pace)
        else:
            run = _make_run(data, model, loss, optimizer, pace, options)
        self._show(run, state)
        self._owns_run = True
        if autostart:
            run.start()

    @classmethod
    def from_run(cls, run: Source, **state: Any) -> Lab:
        """The laboratory on a run, `Fan` or `watch` that exists already; closing it leaves that alone."""
        lab = cls.__new__(cls)
        lab._show(run, state)
        lab._owns_run = False
        return lab

    def _show(self, run: Source, state: dict[str, Any]) -> None:
        ClsvizWidget.__init__(self, run, **state)
        facades = {name: Facade(self, name, view, numbers) for name, (view, _, numbers) in VIEWS.items()}
        self.views = Views(facades)
        self.session.want_landscape(self.landscape_plane, self.landscape_resolution)

    @property
    def run(self) -> Run:
        """The run behind the lab.

        Raises:
            InputError: the lab shows a watched loop, which clsviz does not steer, or a fan (`Lab.fan`).
        """
        run = self.session.source
        if isinstance(run, Fan):
            raise InputError("this lab shows a fan of networks: lab.fan has start, pause, step and stop")
        if not isinstance(run, Run):
            raise InputError(
                "this lab shows a watched loop: your own code trains it, there is no run to steer"
            )
        return run

    @property
    def fan(self) -> Fan | None:
        """The networks that the member slider moves through, or None."""
        return self.session.fan

    def fan_out(self, path: str, values: Sequence[float] | None = None, seeds: int = 1) -> Fan:
        """Trains networks side by side that differ in one setting, in the background.

        The lab then has a slider over them (`Lab.member`). A former fan of the lab is closed.

        Args:
            path: dotted path of the setting: ``loss.q``, ``optimizer.lr``, ``label_noise.rate``, ...
            values: what it takes; None: about 13 values over its slider.
            seeds: networks per value, with the experiment's seed and those after it.

        Raises:
            InputError: this cannot be varied; the message says what can.
        """
        return self.session.fan_out(path, values, seeds)

    def close_fan(self) -> None:
        """Ends the fan that `fan_out` made; the lab shows its run again."""
        self.session.close_fan()

    def compare(self) -> Comparison:
        """The network shown against the pinned one, on the validation samples.

        Raises:
            InputError: nothing is pinned.
        """
        return self.comparison

    def close(self) -> None:
        """Ends the lab, its run (where it made it), and all that only they used."""
        if self.comm is not None and self._owns_run:
            self.run.stop()
        super().close()

    def _menus(self) -> dict[str, Any]:
        noise = {
            "name": "rate",
            "default": 0.0,
            "range": {"low": 0.0, "high": 0.6, "step": 0.05, "log": False, "unit": None},
            "choices": None,
        }
        return (
            super()._menus()
            | {kind: menu(kind) for kind in ("data", "model", "loss", "optimizer")}
            | {"label_noise": noise}
        )


def _make_run(
    data: Any, model: Any, loss: Any, optimizer: Any, pace: float | None, options: dict[str, Any]
) -> Run:
    from torch import nn

    own_module = model if isinstance(model, nn.Module) else None
    choices = {k: v for k, v in {"loss": loss, "optimizer": optimizer}.items() if v is not None} | options
    if own_module is None:
        choices = complete({"model": model, **choices})
    named = isinstance(data, str | catalogue.Spec | dict)
    if named:
        choices["data"] = data
    unknown = set(choices) - set(Experiment.__dataclass_fields__)
    if unknown:
        raise InputError(
            f"Lab has no option {sorted(unknown)}; it has {sorted(Experiment.__dataclass_fields__)} "
            f"and {Lab.class_own_traits_of()}. A parameter of a choice goes with it: "
            'optimizer=cv.Spec("sgd", {"lr": 0.1})'
        )
    return Run(Experiment(**choices), data=None if named else data, module=own_module, pace=pace)

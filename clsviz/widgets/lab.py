"""The laboratory: a network that trains, and all views of it over one state."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import traitlets

from clsviz import catalogue
from clsviz.errors import InputError
from clsviz.training import Experiment, Fan, Run, Source, starts
from clsviz.training.companions import complete
from clsviz.widgets.base import ClsvizWidget, View, loss_menu, menu, param_json, supply_menu
from clsviz.widgets.boundary import BoundaryNumbers, BoundaryState, BoundaryView
from clsviz.widgets.calibrator_job import calibrator_menu
from clsviz.widgets.comparison import Comparison
from clsviz.widgets.confusion import ConfusionMatrix, ConfusionNumbers, ConfusionState
from clsviz.widgets.explanation import ExplanationNumbers, ExplanationState, ExplanationView
from clsviz.widgets.facade import Facade, Views
from clsviz.widgets.fan import FanNumbers, FanState, FanStrip
from clsviz.widgets.fan_choice import RANGES, key, key_of
from clsviz.widgets.inspector import InspectorNumbers, InspectorState, SampleInspector
from clsviz.widgets.landscape import LandscapeNumbers, LandscapeState, LossLandscape
from clsviz.widgets.loss import LossNumbers, LossState, LossView
from clsviz.widgets.multiplicity import MultiplicityNumbers, MultiplicityState, MultiplicityView
from clsviz.widgets.ood import OODNumbers, OODState, OODView
from clsviz.widgets.prototypes import PrototypeGallery, PrototypesNumbers, PrototypesState
from clsviz.widgets.reliability import ReliabilityDiagram, ReliabilityNumbers, ReliabilityState
from clsviz.widgets.robustness import RobustnessNumbers, RobustnessState, RobustnessView
from clsviz.widgets.scene import VERSION, Scene
from clsviz.widgets.scenes import resolve
from clsviz.widgets.staging import OUTSIDE, Staged
from clsviz.widgets.temperatures import TemperaturesNumbers, TemperaturesState, TemperatureView
from clsviz.widgets.tilt import TiltNumbers, TiltState, TiltView
from clsviz.widgets.traits import plain

VIEWS: dict[str, tuple[type[View], type[traitlets.HasTraits], type]] = {
    "reliability": (ReliabilityDiagram, ReliabilityState, ReliabilityNumbers),
    "boundary": (BoundaryView, BoundaryState, BoundaryNumbers),
    "landscape": (LossLandscape, LandscapeState, LandscapeNumbers),
    "loss": (LossView, LossState, LossNumbers),
    "prototypes": (PrototypeGallery, PrototypesState, PrototypesNumbers),
    "confusion": (ConfusionMatrix, ConfusionState, ConfusionNumbers),
    "inspector": (SampleInspector, InspectorState, InspectorNumbers),
    "fan": (FanStrip, FanState, FanNumbers),
    "multiplicity": (MultiplicityView, MultiplicityState, MultiplicityNumbers),
    "ood": (OODView, OODState, OODNumbers),
    "temperatures": (TemperatureView, TemperaturesState, TemperaturesNumbers),
    "robustness": (RobustnessView, RobustnessState, RobustnessNumbers),
    "tilt": (TiltView, TiltState, TiltNumbers),
    "explanation": (ExplanationView, ExplanationState, ExplanationNumbers),
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


class Lab(ClsvizWidget, Staged, _OwnStates):  # type: ignore[misc, valid-type]
    """The whole laboratory; as the last line of a cell it shows itself.

    The usual laboratories open trained, from a start that clsviz brings along; Reset and Train show how
    they learnt. All others train at once, at a pace that can be watched. All that is on screen can be
    reached from code and the other way round: ``lab.run.pause()``, ``lab.temperature = 2``,
    ``lab.views.reliability.n_bins = 20``, ``lab.selection``.

    Args:
        data: name of a dataset, a `Dataset`, arrays ``(X, y)``, or an `Experiment`.
        model: name of a model, or your own ``torch.nn.Module``.
        loss: name of a loss. optimizer: name of an optimiser. Each may be a `Spec` with parameters; None
            is what the model is meant for, mostly cross-entropy and SGD.
        autostart: open trained, or begin to train at once; False opens untrained.
        instant: take a trained start where there is one for exactly this experiment; False trains live.
        pace: epochs a second at most; None for as fast as it goes.
        scenes: a sequence to present, see `present`.
        teacher, extras: what some losses learn from, see `Run`.
        options: settings of `Experiment` (``epochs=100``, ``label_noise=0.1``, ``seed=3``) and state to
            begin with (``temperature=2``); for a lesson: ``show=["reliability", "boundary"]`` and
            ``controls=["temperature", "epoch"]`` hide all other views and controls, ``more=[...]`` opens
            what the buttons "More views" open,
            ``questions=[cv.Question(...)]`` cover views until they are answered.

    Raises:
        InputError, UnknownName: a name or value that cannot be used; the message says what can.
    """

    bundle = "lab"
    _scenes: tuple[Scene, ...]
    _lesson: dict[str, Any]  # show, more, controls as the lab was made with: scenes that set none keep them

    def __init__(
        self,
        data: Any = "digits",
        model: Any = "mlp",
        loss: Any = None,
        optimizer: Any = None,
        *,
        autostart: bool = True,
        instant: bool = True,
        pace: float | None = PACE,
        scenes: Sequence[Scene | Mapping[str, Any]] | None = None,
        teacher: Any = None,
        extras: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        state = {k: options.pop(k) for k in list(options) if k in self.class_own_traits_of()}
        if isinstance(data, Experiment):
            experiment, own = data, dict[str, Any]()
        else:
            experiment, own = _chosen(data, model, loss, optimizer, options)
        own |= {k: v for k, v in {"teacher": teacher, "extras": extras}.items() if v is not None}
        start = starts.recipe(experiment) if autostart and instant and not own else None
        run = Run(experiment, **own, pace=pace) if start is None else Run.from_recipe(start, pace=pace)
        self._show(run, state)
        self._owns_run = True
        self._lesson = {name: state[name] for name in ("show", "more", "controls") if name in state}
        if scenes is not None:
            self.present(scenes)
        elif autostart and start is None:
            run.start()

    @classmethod
    def from_run(cls, run: Source, **state: Any) -> Lab:
        """The laboratory on a run, `Fan`, `watch` or `ModelSet`; closing it leaves that alone."""
        lab = cls.__new__(cls)
        lab._show(run, state)
        lab._owns_run = False
        return lab

    @classmethod
    def from_scene(
        cls,
        scene: Scene | Mapping[str, Any] | str,
        *,
        data: Any = None,
        module: Any = None,
        extras: Mapping[str, Any] | None = None,
        pace: float | None = PACE,
    ) -> Lab:
        """The laboratory of a scene. Its network trains in the background, as fast as it goes.

        On the CPU of the same machine every number is as it was once ``lab.run.wait()`` has returned.

        Args:
            scene: what `scene` gave, its JSON (dict or text), or its link.
            data: your own data, where the scene was made on such. module, extras: likewise.
            pace: for what is trained after that.

        Raises:
            InputError, UnknownName: it is no scene, a later clsviz made it, a value in it does not do, or
                your own data or module is needed again; the message says which.
        """
        scene = Scene.from_json(scene)
        run = Run.from_recipe(
            scene.recipe, data=data, module=module, extras=extras, pace=pace, keep=scene.kept_steps
        )
        lab = cls.__new__(cls)
        lab._show(run, {})
        lab._owns_run = True
        try:
            lab._take(scene)
        except InputError:
            lab.close()
            raise
        return lab

    def scene(self, title: str = "", note: str = "") -> Scene:
        """All that is set, as a small frozen object: keep it in a cell, in a file, or in a link.

        Args:
            title, note: what a sequence of scenes shows above it.

        Raises:
            InputError: the lab shows a watched loop, whose training nothing here can repeat.
        """
        usual = self._usual()
        values = {name: plain(getattr(self, trait)) for name, trait in self._scene_names().items()}
        state = {name: value for name, value in values.items() if value != plain(usual[name])}
        return Scene(self.run.recipe, state, title, note, self._fan_json())

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """The sequence that is presented."""
        return self._scenes

    def present(self, scenes: Sequence[Scene | Mapping[str, Any]], at: int = 0) -> None:
        """Puts a sequence of scenes into the lab: n and p, or the Page keys, go through it.

        What only changes the state is done in the browser, in handouts too; a scene with another
        experiment trains its network first.

        Args:
            scenes: scenes, or dicts of what changes against the one before: names of the state
                (``temperature``, ``reliability.n_bins``, ``show``, ...), ``epoch``, ``experiment`` (a dict
                of dotted paths), ``questions``, ``title``, ``note``.
            at: where to begin.

        Raises:
            InputError, UnknownName: a scene names something that the lab does not have.
        """
        first, names = self.scene(), self._scene_names()
        if self.run.state in ("ready", "running"):  # a sequence begins with a trained network
            end = first.recipe.target
            first = replace(first, recipe=replace(first.recipe, steps=end, at=end))
        self._scenes = resolve(scenes, first, set(names))
        groups: list[Scene] = []
        deck = []
        usual = self._usual()
        for scene in self._scenes:
            alike = [g for g in groups if scene.recipe.same_way(g.recipe) and scene.fan == g.fan]
            if not alike:
                groups.append(scene)
            values = usual | self._lesson | dict(scene.state)
            deck.append(
                {
                    "title": scene.title,
                    "note": scene.note,
                    "state": {names[name]: plain(value) for name, value in values.items()},
                    "run": groups.index((alike or [scene])[0]),
                    "steps": scene.recipe.steps,
                }
            )
        self.deck = deck
        if deck:
            self.go_to(at)
        else:
            self.deck_at = self.deck_run = None

    def go_to(self, index: int) -> None:
        """Shows a scene of the sequence, by its place; trains its network where that is not there.

        Raises:
            InputError: there is no such scene.
        """
        if not 0 <= index < len(self._scenes):
            raise InputError(f"there is no scene {index}; the sequence has {len(self._scenes)}, from 0")
        scene = self._scenes[index]
        if not self._has_fan_of(scene):
            self.session.set_fan_aside()  # before a run on other samples closes it
        self.run.follow(scene.recipe, scene.kept_steps)
        self._take(scene)
        with self.hold_sync():
            self.deck_at, self.deck_run = index, self.deck[index]["run"]

    def forget(self) -> None:
        """Drops what refers to samples, classes and steps of the former run."""
        super().forget()
        self.deck_run = None

    def forget_fan(self) -> bool:
        """Shows the run itself again: the fan is closed. True: the pin was on a network of it."""
        self.deck_run = None
        return super().forget_fan()

    def branch(self) -> None:
        """The run takes another way: its later steps are no longer those of the scenes."""
        self.deck_run = None

    def _take(self, scene: Scene) -> None:
        names = self._scene_names()
        if unknown := sorted(set(scene.state) - set(names)):
            raise InputError(f"the scene sets {unknown}, which the lab does not have; it has {sorted(names)}")
        try:
            if not self._has_fan_of(scene):
                self.session.set_fan_aside()
                if scene.fan is not None and not self.session.take_fan(scene.recipe.now, **scene.fan):
                    self.fan_out(**scene.fan)
            with self.hold_sync():
                for name, value in (self._usual() | self._lesson | dict(scene.state)).items():
                    setattr(self, names[name], value)
        except (traitlets.TraitError, TypeError, ValueError) as error:
            raise InputError(f"the scene cannot be shown: {error}") from error

    def _has_fan_of(self, scene: Scene) -> bool:
        """Whether the fan that is here, or that none is, is what the scene shows."""
        if scene.fan is None or self.fan is None or self._fan_json() is None:
            return scene.fan == self._fan_json()
        return key(self.fan) == key_of(scene.recipe.now, **scene.fan)

    def _fan_json(self) -> dict[str, Any] | None:
        """What `fan_out` was asked for, as a scene holds it."""
        if self.fan is None or len(self.fan.vary) != 1:
            return None
        [(path, values)] = self.fan.vary.items()
        return {"path": path, "values": plain(values), "seeds": len(self.fan.seeds)}

    def _usual(self) -> dict[str, Any]:
        """What a scene need not say: the default of everything that it can set."""
        return {name: self.trait_defaults(trait) for name, trait in self._scene_names().items()}

    @classmethod
    def _scene_names(cls) -> dict[str, str]:
        """What a scene holds: names as they are written there, with the traits behind them."""
        names = {}
        for trait in cls.class_own_traits_of():
            view, _, key = trait.partition("_")
            if trait not in OUTSIDE:
                names[f"{view}.{key}" if view in VIEWS and key else trait] = trait
        return names

    def _show(self, run: Source, state: dict[str, Any]) -> None:
        self._scenes, self._lesson = (), {}
        facades = {name: Facade(self, name, view, numbers) for name, (view, _, numbers) in VIEWS.items()}
        self.views = Views(facades)
        ClsvizWidget.__init__(self, run, **state)
        self._see_to_landscape()
        self.observe(self._see_to_landscape, ["show", "stage", "deck"])

    def _see_to_landscape(self, _change: Any = None) -> None:
        """The landscape takes seconds to compute: a lesson that does not show it does not pay for it."""
        seen = self.show is None or "landscape" in [*self.show, *self.stage]
        if (seen or self.deck) and not self.session.wants_landscape:
            self.session.want_landscape(self.landscape_plane, self.landscape_resolution)

    @property
    def run(self) -> Run:
        """The run behind the lab.

        Raises:
            InputError: the lab shows a watched loop or finished models, which clsviz does not steer, or a
                fan (`Lab.fan`).
        """
        run = self.session.source
        if isinstance(run, Fan):
            raise InputError("this lab shows a fan of networks: lab.fan has start, pause, step and stop")
        if not isinstance(run, Run):
            raise InputError(
                "this lab shows a watched loop, which your own code trains, or finished models: "
                "there is no run to steer"
            )
        return run

    @property
    def fan(self) -> Fan | None:
        """The networks that the member slider moves through, or None."""
        fan = self.session.fan
        return fan if isinstance(fan, Fan) else None

    def fan_out(self, path: str, values: Sequence[float] | None = None, seeds: int | None = None) -> Fan:
        """Trains networks side by side that differ in one setting, in the background.

        The lab then has a slider over them (`Lab.member`). A former fan of the lab is closed.

        Args:
            path: dotted path of the setting: ``loss.q``, ``optimizer.lr``, ``label_noise.rate``, ...; or a
                slider's name: ``learning_rate``, ``weight_decay``, ``label_noise``.
            values: what it takes; None: about 13 values over its slider.
            seeds: networks per value, with the experiment's seed and those after it; None: three, or one
                where the browser cannot run the networks, as the buttons "fan out" do.

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

    def _before_export(self) -> None:
        self.session.calibrators.see_to(self.reliability_calibrator, self.step, self.member)

    def _menus(self) -> dict[str, Any]:
        noise = catalogue.Param("rate", 0.0, RANGES["label_noise.rate"])
        return (
            super()._menus()
            | {kind: menu(kind) for kind in ("data", "model", "method", "optimizer")}
            | {
                "loss": loss_menu(),
                "supply": supply_menu(),
                "calibrator": calibrator_menu(),
                "label_noise": param_json(noise),
                "scene": self._scene_menu(),
            }
        )

    def _scene_menu(self) -> dict[str, Any]:
        """Names of a scene with trait and default, so that the browser can write scenes too."""
        names, usual = self._scene_names(), self._usual()
        return {
            "version": VERSION,
            "state": {name: [trait, plain(usual[name])] for name, trait in names.items()},
        }


def _chosen(
    data: Any, model: Any, loss: Any, optimizer: Any, options: dict[str, Any]
) -> tuple[Experiment, dict[str, Any]]:
    """The experiment that a lab's arguments mean, and what of it is the user's own."""
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
    own = {k: v for k, v in {"data": None if named else data, "module": own_module}.items() if v is not None}
    return Experiment(**choices), own

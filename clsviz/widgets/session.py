"""One source as the browser sees it: its stream, its probes, and the requests it answers.

Every view of a source, alone or in a lab, shares the one Session of that source.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import anywidget
import ipywidgets
import numpy as np

from clsviz.catalogue import Spec
from clsviz.data.dataset import Dataset
from clsviz.errors import ClsvizError, InputError
from clsviz.training import Event, Experiment, Fan, Run, Snapshot, Source
from clsviz.widgets import fan_choice, messages
from clsviz.widgets.attack_job import attack_answer
from clsviz.widgets.calibrator_job import CalibratorJob
from clsviz.widgets.explanation_job import explanation_answer
from clsviz.widgets.fan_member import MemberSource
from clsviz.widgets.fan_stream import FanStream
from clsviz.widgets.landscape_job import LandscapeJob, LandscapeResult, for_good
from clsviz.widgets.landscape_score import Score
from clsviz.widgets.loss_job import loss_answer
from clsviz.widgets.model_set import ModelSet
from clsviz.widgets.ood_job import (
    OwnSet,
    farthest_candidates,
    ood_answer,
    own_packet,
    own_sets,
    scores_or_why,
)
from clsviz.widgets.probes import ProbeThread
from clsviz.widgets.publisher import Publisher
from clsviz.widgets.sources import decoded_prototypes, source_logits
from clsviz.widgets.temperature_job import temperature_answer
from clsviz.widgets.wire import Packet

SEEDS = 3  # networks per value that "fan out" trains where they are quick
SEEDS_SLOW = 1  # of those the browser cannot run
MOST_ASIDE = 3  # fans of other scenes that stay trained
SHORT_WAIT = 0.3  # s; what a cell's output may wait for its picture
PIN_LOST = "The pin is gone: it was on a network of the former fan."

_SESSIONS: weakref.WeakKeyDictionary[Source, Session] = weakref.WeakKeyDictionary()


class Forgetful(Protocol):
    """A widget whose state refers to samples and steps of a run."""

    def forget(self) -> None:
        """Drops what no longer means anything: the run began anew."""

    def forget_fan(self) -> bool:
        """Drops what refers to a member of the fan: it is closed. True: that was a pin."""

    def branch(self) -> None:
        """The run's future was cut: it takes another way from here."""


class StreamWidget(anywidget.AnyWidget):
    """The comm that a source is published on; it shows nothing and is never written to by a page."""

    _esm = "export default {}"


class Session:
    """Publishes a source to all pages that show it and answers what they ask.

    Handlers of messages only put work on queues: commands on the run's, questions on the probe thread's.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.widget = StreamWidget()
        self.error: str | None = None
        self._also: weakref.WeakSet[ipywidgets.Widget] = (
            weakref.WeakSet()
        )  # pages without access to the stream
        self._widgets: weakref.WeakSet[Forgetful] = weakref.WeakSet()
        self._publisher = Publisher(source, self._send)
        self._probes = ProbeThread(lambda name, error: self.report(name, error))
        # of its own: setting up a fan must not wait for a landscape
        self._fan_thread = ProbeThread(lambda name, error: self.report(name, error))
        # of its own likewise: a curve takes milliseconds, surprisals a slider waits for, a landscape seconds
        self._loss_thread = ProbeThread(lambda name, error: self.report(name, error))
        self._landscape = LandscapeJob(source, self._publisher.put, self._probes.submit)
        self._publisher.remember(self._landscape.packets)
        self._publisher.remember(self._prototypes)
        self._last_field: list[Packet] = []
        self._publisher.remember(lambda: self._last_field)
        # of its own likewise: some calibrators take seconds
        self._calibrator_thread = ProbeThread(lambda name, error: self.report(name, error))
        self.calibrators = CalibratorJob(lambda: source.run_id, self.source_of)
        self._publisher.remember(self.calibrators.packets)
        self._last_losses: list[Packet] = []
        self._publisher.remember(lambda: self._last_losses)
        self.outside: dict[str, OwnSet] = {}
        self._publisher.remember(self._own_outside)
        self._last_ood: list[Packet] = []
        self._publisher.remember(lambda: self._last_ood)
        self._last_attack: list[Packet] = []
        self._publisher.remember(lambda: self._last_attack)
        self._last_explanation: list[Packet] = []
        self._publisher.remember(lambda: self._last_explanation)
        self._last_temperatures: list[Packet] = []
        self._publisher.remember(lambda: self._last_temperatures)
        self.wants_landscape = False
        self.fan: Fan | ModelSet | None = None
        self._aside: list[Fan] = []
        self._fan_stream: FanStream | None = None
        if isinstance(source, Fan | ModelSet):
            self._show_fan(source)
        self._stop_hearing = source.subscribe(self._hear)

    @classmethod
    def of(cls, source: Source) -> Session:
        """The source's session, made on first use."""
        session = _SESSIONS.get(source)
        if session is None:
            session = _SESSIONS[source] = cls(source)
        return session

    @property
    def dataset(self) -> Dataset:
        return self.source.dataset

    def join(self, widget: Forgetful) -> None:
        """From now on this widget shows the session."""
        self._widgets.add(widget)

    def leave(self, widget: Forgetful) -> None:
        """This widget is closed; with the last one the session ends."""
        self._widgets.discard(widget)
        if not self._widgets:
            self.close()

    def source_of(self, member: int | None) -> Source:
        """The source that views show: the run itself, or one network of its fan."""
        if member is None or self.fan is None:
            return self.source
        return MemberSource(self.fan, member, self.dataset)

    def fan_out(self, path: str, values: Sequence[float] | None = None, seeds: int | None = None) -> Fan:
        """Trains networks that differ in one setting of the run, in the background; replaces a former fan.

        Args:
            path: dotted path of the setting, e.g. ``loss.q`` or ``optimizer.lr``.
            values: what it takes; None: over the whole of its slider.
            seeds: networks per value; None: three where the browser can run them, else one.

        Raises:
            InputError: the source is no `Run`, or this cannot be varied; the message says what can.
        """
        run = self.source
        if not isinstance(run, Run):
            raise InputError(f"only a Run can be fanned out, this is a {type(run).__name__}")
        path = fan_choice.ON_SCREEN.get(path, path)
        experiment = fan_choice.on_the_line(run.experiment, path)
        chosen = (
            fan_choice.values_for(experiment, path)
            if values is None
            else fan_choice.checked_values(experiment, path, values)
        )
        count = seeds or (SEEDS if run.network is not None else SEEDS_SLOW)
        fan = Fan(experiment, {path: chosen}, count, data=run.own_data, module=run.own_module)
        note = PIN_LOST if self.close_fan() else ""
        self._show_fan(fan, note)
        fan.start()
        return fan

    def close_fan(self) -> bool:
        """Ends the fan that `fan_out` made; the views show the run again. True: a pin went with it."""
        fan, lost = self._let_go()
        if fan is not None:
            fan.stop()
        return lost

    def set_fan_aside(self) -> None:
        """The views show the run again; the fan stays for `take_fan`."""
        fan, _ = self._let_go()
        if fan is None:
            return
        if fan.state == "running":
            fan.pause()
        self._aside.append(fan)
        for old in self._aside[:-MOST_ASIDE]:
            old.stop()
        del self._aside[:-MOST_ASIDE]

    def take_fan(self, experiment: Experiment, path: str, values: Sequence[float], seeds: int) -> bool:
        """Shows a fan that was set aside, where one was made of just this; False where none was."""
        wanted = fan_choice.key_of(experiment, path, values, seeds)
        found = next((fan for fan in self._aside if fan_choice.key(fan) == wanted), None)
        if found is None:
            return False
        self.close_fan()
        self._aside.remove(found)
        self._show_fan(found)
        if found.state == "paused":
            found.resume()
        return True

    def _let_go(self) -> tuple[Fan | None, bool]:
        """The fan that `fan_out` made, no longer shown; and whether something of it was pinned."""
        if not isinstance(self.fan, Fan) or self.fan is self.source:
            return None, False
        fan, self.fan = self.fan, None
        self.calibrators.forget(members_only=True)
        self._end_fan_stream()
        lost = [widget.forget_fan() for widget in list(self._widgets)]
        self._publisher.put("fan", Packet({"kind": "fan_closed"}))
        return fan, any(lost)

    def interest(self, member: int | None, step: int | None) -> None:
        """A slider was released here: what lies near is sent first."""
        if self._fan_stream is not None:
            self._fan_stream.interest(member, step)

    def want_landscape(self, plane: str, resolution: int | None = None) -> None:
        """From now on the landscape is computed whenever training rests, with so many points per axis."""
        self.wants_landscape = True
        self._landscape.plane_name, self._landscape.resolution = plane, resolution
        if self.source.state != "running":
            self.compute_landscape()

    def compute_landscape(self, plane: str | None = None, step: int | None = None) -> None:
        """Computes the landscape round a snapshot in the background; a newer call replaces it."""
        if len(self.source.timeline):
            self._probes.submit("landscape", self._landscape.prepare(plane, step))

    def landscape_result(
        self, plane: str, score: Score, temperature: float, resolution: int | None = None
    ) -> LandscapeResult:
        """The surface of a plane at a score and temperature, computed first where that has not happened.

        Raises:
            InputError: nothing is trained yet, or the model has no weights to walk in.
        """
        if not len(self.source.timeline):
            raise InputError("nothing is trained yet: start the run, or step the watched loop")
        self._probes.join()
        if not self._landscape.answers(plane, resolution):
            self.error = None
            self._landscape.resolution = resolution
            self.compute_landscape(plane)
            self._probes.join()
            if self.error is not None:
                raise InputError(self.error)
        return self._landscape.result(score, temperature)

    def landscape_now(self, score: Score, temperature: float) -> LandscapeResult | None:
        """The surface as far as it is computed, perhaps coarse; None where there is none yet."""
        if self.source.state != "running" and not self._landscape.complete:
            self._probes.join(timeout=SHORT_WAIT)
        return self._landscape.now(score, temperature)

    def add_outside(self, sets: Mapping[str, Any]) -> None:
        """From now on the views have the user's own samples from outside as well; errors as `own_sets`."""
        self.outside |= own_sets(self.dataset, sets)
        for packet in self._own_outside():
            self._publisher.put("ood_own", packet)

    def answer_ood(self, request: messages.AskOOD) -> None:
        """Tells the pages what a network that they cannot run says of samples from outside."""
        source = self.source_of(request.member)
        self._last_ood = [ood_answer(source, self.source.run_id, request, self.outside)]
        self._publisher.put("ood", self._last_ood[0])

    def answer_explanation(self, request: messages.AskExplanation) -> None:
        """Tells the pages why a network that they cannot run says what it says of a sample."""
        source = self.source_of(request.member)
        self._last_explanation = [explanation_answer(source, self.source.run_id, request)]
        self._publisher.put("explanation", self._last_explanation[0])

    def answer_attack(self, request: messages.AskAttack) -> None:
        """Tells the pages how an attack on a sample goes, under a network that they cannot run."""
        source = self.source_of(request.member)
        self._last_attack = [attack_answer(source, self.source.run_id, request)]
        self._publisher.put("attack", self._last_attack[0])

    def answer_temperatures(self, request: messages.AskTemperatures) -> None:
        """Tells the pages which temperatures a network learns for samples."""
        source = self.source_of(request.member)
        self._last_temperatures = [
            temperature_answer(
                source, self.source.run_id, request, lambda rows: source_logits(source, request.step, rows)
            )
        ]
        self._publisher.put("temperatures", self._last_temperatures[0])

    def answer(self, content: Any, widget: ipywidgets.Widget) -> None:
        """Handles one message from a page. What is wrong with it becomes an error in the view."""
        where = "message"
        if isinstance(content, Mapping) and type(seq := content.get("seq")) is int:
            widget.send({"kind": "ack", "seq": seq})  # the page waits for it before it sends more
        try:
            request = messages.parse(content)
            where = "Not changed" if isinstance(request, messages.Change) else where
            self._handle(request, widget)
        except (ClsvizError, TypeError, ValueError) as error:
            self.report(where, error)

    def report(self, where: str, error: Exception) -> None:
        """Shows an error where the user looks: in the views of this session."""
        self.error = f"{where}: {error}"
        self._publisher.put("error", Packet({"kind": "error", "where": where, "message": str(error)}))

    def record(
        self, snapshots: list[Snapshot] | None = None, fan: tuple[list[int], list[int]] | None = None
    ) -> list[Packet]:
        """What a page needs; `fan`: these steps and members of the fan, with their weights."""
        packets = [for_good(packet) for packet in self._publisher.record(snapshots)]
        return packets + (self._fan_stream.record(*fan) if self._fan_stream and fan else [])

    def close(self) -> None:
        """Ends stream, probes and threads; a run goes on until it is stopped itself."""
        _SESSIONS.pop(self.source, None)
        self._stop_hearing()
        for thread in (self._probes, self._fan_thread, self._loss_thread, self._calibrator_thread):
            thread.cancel()
            thread.join(timeout=5)
        self.close_fan()
        for fan in self._aside:
            fan.stop()
        self._end_fan_stream()
        self._publisher.close()
        self.widget.layout.close()
        self.widget.close()

    def _handle(self, request: messages.Request, widget: ipywidgets.Widget) -> None:
        match request:
            case messages.Hello(via):
                if via == "control":
                    self._also.add(widget)
                self._publisher.greet()
                widget.send({"kind": "welcome"})
            case messages.AskLandscape(plane, step, resolution):
                self._landscape.resolution = resolution
                self.compute_landscape(plane, step)
            case messages.AskScore(key, name, params):
                job = self._landscape.asked(key, Spec(name, params))
                self._probes.submit("landscape_loss", job)
            case messages.AskSurprisals(temperature):
                self._loss_thread.submit("landscape_surprisals", self._landscape.surprisals(temperature))
            case messages.AskField():
                self._probes.submit("field", lambda cancelled: self._field(request, cancelled))
            case messages.AskLoss():
                self._loss_thread.submit("loss", lambda _cancelled: self._losses(request))
            case messages.AskOOD():
                self._loss_thread.submit("ood", lambda _cancelled: self.answer_ood(request))
            case messages.AskExplanation():
                self._loss_thread.submit("explanation", lambda _cancelled: self.answer_explanation(request))
            case messages.AskAttack():
                self._loss_thread.submit("attack", lambda _cancelled: self.answer_attack(request))
            case messages.AskCalibrator():
                self._calibrator_thread.submit("calibrator", lambda off: self._calibrate(request, off))
            case messages.AskTemperatures():
                self._calibrator_thread.submit("temperatures", lambda _off: self.answer_temperatures(request))
            case messages.GoToScene(index):
                go_to = getattr(widget, "go_to", None)
                if go_to is None:
                    raise InputError("only a lab has scenes")
                go_to(index)
            case messages.Cancel(task):
                (self._calibrator_thread if task == "calibrator" else self._probes).cancel(task)
            case messages.FanOut(path, values, seeds):
                self._fan_thread.submit("fan out", lambda _cancelled: self._fan_out(path, values, seeds))
            case messages.Command("close_fan"):
                self.close_fan()
            case messages.Command("stop_fan"):
                if self.fan is not None:
                    self.fan.pause()
            case messages.Command() | messages.Change() | messages.Seek() | messages.Teach():
                self._steer(request)

    def _steer(self, request: messages.Command | messages.Change | messages.Seek | messages.Teach) -> None:
        run = self.source
        if not isinstance(run, Run | Fan):
            raise InputError("this source cannot be steered: it is not a Run")
        match request:
            case messages.Change(changes):
                if isinstance(run, Fan):
                    raise InputError("the settings of a Fan stay as they are: make another one")
                run.change(changes)
                self._publisher.tell_state()
                if any(path.split(".")[0] == "loss" for path in changes):
                    self._probes.submit("landscape_score", self._landscape.rescore)
            case messages.Seek(step):
                run.seek(step)
            case messages.Teach(step, member, loss):
                if isinstance(run, Fan):
                    raise InputError("the networks of a Fan stay as they are: make another one")
                run.reset({"loss": loss}, teacher=self.source_of(member).model_at(step))
                run.start()
            case messages.Command("train"):
                run.start()
            case messages.Command("pause"):
                run.pause()
            case messages.Command("step"):
                run.step()
            case messages.Command("reset"):
                run.reset()
            case messages.Command("stop"):
                run.stop()

    def _fan_out(self, path: str, values: Sequence[float] | None, seeds: int | None) -> None:
        self.fan_out(path, values, seeds)

    def _show_fan(self, fan: Fan | ModelSet, note: str = "") -> None:
        self.fan = fan
        stream = FanStream(fan, own=fan is self.source, wake=self._publisher.wake, note=note)
        for packet in stream.everything():  # before the first weights
            self._publisher.put(packet.header["kind"], packet)
        self._fan_stream = stream
        self._publisher.feed(stream)

    def _end_fan_stream(self) -> None:
        stream, self._fan_stream = self._fan_stream, None
        self._publisher.feed(None)
        if stream is not None:
            stream.close()

    def _hear(self, event: Event) -> None:
        if event.kind == "state" and self.wants_landscape:
            if event.data["state"] in ("paused", "finished", "diverged"):
                self.compute_landscape()
            elif event.data["state"] == "running":
                self._probes.cancel("landscape")
        if event.kind == "snapshot" and self.source.network is None:
            self._probes.submit("prototypes", self._show_prototypes)
        if event.kind == "branch":
            self.calibrators.forget()
            for widget in list(self._widgets):
                widget.branch()
        if event.kind == "reset":
            if isinstance(self.fan, Fan) and not self._fits_run(self.fan):
                self.close_fan()
            self._last_field, self._last_attack, self._last_losses = [], [], []
            self._last_ood, self._last_temperatures, self._last_explanation = [], [], []
            self.calibrators.forget()
            self._probes.cancel()
            self._landscape.clear()
            for widget in list(self._widgets):
                widget.forget()

    def _fits_run(self, fan: Fan) -> bool:
        """Whether a fan's networks still say something about the samples shown."""
        run, former = self.source.experiment, fan.experiment
        return run is not None and (run.data, run.model) == (former.data, former.model)

    def _field(self, request: messages.AskField, cancelled: Any) -> None:
        """Logits, and scores of features, on a grid of the plane asked for; row by row, to be cancelled."""
        origin, u, v = (np.asarray(a) for a in (request.origin, request.u, request.v))
        if origin.size != self.dataset.n_features:
            raise InputError(f"origin has {origin.size} features, the data have {self.dataset.n_features}")
        xs = np.linspace(*request.xlim, request.resolution)
        ys = np.linspace(*request.ylim, request.resolution)
        rows = []
        source = self.source_of(request.member)
        points = [origin + xs[:, None] * u + y * v for y in ys]
        for row in points:
            if cancelled():
                return
            rows.append(source.predict(row, request.step))
        logits = np.concatenate(rows).astype(np.float32)
        asked = [*points, farthest_candidates(source.dataset)]
        (*scores, own), why = scores_or_why(source, request.step, request.detector, asked)
        header = {"kind": "field", "key": request.key, "resolution": request.resolution, "why": why}
        header["floor"] = float(own.min()) if len(own) else None
        self._last_field = [Packet(header, [logits, np.concatenate(scores)])]
        self._publisher.put("field", self._last_field[0])

    def _losses(self, request: messages.AskLoss) -> None:
        source = self.source_of(request.member)
        self._last_losses = [loss_answer(source, self.source.run_id, request)]
        self._publisher.put("loss", self._last_losses[0])

    def _own_outside(self) -> list[Packet]:
        return [own_packet(self.source.run_id, self.outside)] if self.outside else []

    def _calibrate(self, request: messages.AskCalibrator, cancelled: Callable[[], bool]) -> None:
        answer = self.calibrators.answer(request.name, request.step, request.member)
        if not cancelled():
            self._publisher.put(f"calibrated {request.name}", self.calibrators.packet(answer))

    def _prototypes(self) -> list[Packet]:
        """Decoded prototypes of a prototype network, with their class weights."""
        decoded = decoded_prototypes(self.source)
        if decoded is None:
            return []
        step, images, weights = decoded
        header = {
            "kind": "prototypes",
            "run_id": self.source.run_id,
            "step": step,
            "m": len(images),
        }
        return [Packet(header, [images.astype(np.float32), weights.astype(np.float32)])]

    def _show_prototypes(self, cancelled: Any) -> None:
        for packet in self._prototypes():
            self._publisher.put("prototypes", packet)

    def _send(self, header: dict[str, Any], buffers: list[memoryview]) -> None:
        self.widget.send(header, buffers)
        for widget in list(self._also):
            widget.send(header, buffers)

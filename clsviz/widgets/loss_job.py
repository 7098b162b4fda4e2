"""What the kernel says of losses that the browser does not compute: curves, simplex, samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clsviz import losses
from clsviz.catalogue import Spec
from clsviz.data import Dataset
from clsviz.errors import ClsvizError, InputError, UnknownName
from clsviz.losses.profile import MADE_UP, LossTerms, why_no_profile
from clsviz.losses.row import find
from clsviz.training import Source
from clsviz.training.supplies import Setting, built, offered
from clsviz.widgets.messages import AskLoss
from clsviz.widgets.sources import source_logits
from clsviz.widgets.wire import Packet

NOTHING = np.empty(0, np.float32)
COLUMNS = {"label_sets": "label_sets", "values": "values"}  # of a dataset, by what a row is called with


def part_rows(data: Dataset, part: str, most: int) -> np.ndarray:
    """Sample indices of a part; evenly spaced ones of a part with more than `most`."""
    rows = data.train if part == "training" and len(data.train) else data.validation
    if len(rows) <= most:
        return rows
    spaced: np.ndarray = rows[np.arange(most) * len(rows) // most]
    return spaced


def loss_answer(source: Source, run_id: str, request: AskLoss) -> Packet:
    """The answer to a page, nine buffers for each loss, empty where it has nothing.

    js/src/core/lossanswer.ts reads it.
    """
    data = source.dataset
    rows = part_rows(data, request.part, request.most)
    logits = source_logits(source, request.step, rows) / request.temperature
    items, buffers = [], []
    for spec in request.losses:
        why, pictures = _pictures(spec, data.n_classes)
        terms, why_no_terms = terms_of(source, spec, request.step, rows, logits)
        own = [NOTHING] * 3 if terms is None else [terms.value, terms.gradient, terms.weight]
        items.append({"name": spec.name, "why": why, "why_no_terms": why_no_terms, "note": _note(spec)})
        buffers += [np.asarray(b, np.float32).ravel() for b in pictures + own]
    header = {"kind": "loss_answer", "key": request.key, "run_id": run_id, "items": items}
    return Packet(header, buffers)


def _note(spec: Spec) -> str:
    """What a curve leaves out: each sample has a memory of its own."""
    stateful = not why_no_curve(spec.name) and find(spec.name).method.facts["state"]
    return "its curve is that of a first step, the samples have its memory" if stateful else ""


def _pictures(spec: Spec, n_classes: int) -> tuple[str, list[np.ndarray]]:
    """Why there are none, or value and gradient over p, over the margin, value and flow on the simplex."""
    if why := why_no_curve(spec.name):
        return why, [NOTHING] * 6
    try:
        by_p, by_margin = (
            losses.loss_profile(spec.name, spec.params, n_classes=n_classes, axis=axis)
            for axis in ("p", "margin")
        )
        field = losses.loss_simplex(spec.name, spec.params)
    except (ClsvizError, ValueError) as error:
        return str(error), [NOTHING] * 6
    return "", [
        by_p.value,
        by_p.gradient,
        by_margin.value,
        by_margin.gradient,
        field.value,
        field.flow,
    ]


def why_no_curve(name: str) -> str:
    """As `why_no_profile`, also of a loss outside of `clsviz.losses`: that is no function of logits."""
    try:
        return why_no_profile(name)
    except UnknownName:
        return f"{name} is no function of logits and labels alone"


def terms_of(
    source: Source, spec: Spec, step: int | None, rows: np.ndarray, logits: np.ndarray
) -> tuple[LossTerms | None, str]:
    """Terms of samples under a loss, or None and why there are none.

    Args:
        rows: (n,) sample indices. logits: (n, K) of these samples, as the loss is to see them.
    """
    try:
        method = find(spec.name).method
    except UnknownName:
        return None, why_no_curve(spec.name)
    facts = method.facts
    first, data = method.needs[0], source.dataset
    column = COLUMNS.get(facts.get("targets", "class"), "y")
    targets = getattr(data, column, None)
    if targets is None:
        return None, f"{spec.name} needs {column}, which these data do not have"
    outputs: dict[str, Any] = {"logits": logits, "index": rows, **_given(source, rows)}
    makers = [offered(name) for name in facts["extra"]]
    behind = {need for maker in makers if maker is not None for need in maker.needs}
    wanted = {first, *facts["extra"], *behind} - set(outputs) - set(MADE_UP) - {"generator"}
    if wanted:
        outputs |= _outputs(source, step, rows, wanted)
    outputs |= _supplied(source, spec, step, rows, outputs)
    if missing := [n for n in (first, *find(spec.name).required) if n not in outputs and n not in MADE_UP]:
        return None, f"{spec.name} needs {missing[0]}, which only its training has"
    extra = {name: outputs[name] for name in facts["extra"] if name in outputs and name != first}
    try:
        module = _with_state(source, spec, step, np.asarray(outputs[first]))
        if facts["state"] and module is None:
            return None, f"what {spec.name} had stored at this moment is not kept"
        x = outputs[first]
        return losses.loss_terms(spec.name, spec.params, x, targets[rows], module=module, **extra), ""
    except (ClsvizError, TypeError, ValueError, RuntimeError) as error:
        return None, str(error)


def _with_state(source: Source, spec: Spec, step: int | None, x: np.ndarray) -> losses.Loss | None:
    """The loss with the memory or weights that it had at a moment of its training; None: not kept."""
    facts = find(spec.name).method.facts
    if not facts["state"] or source.loss.name != spec.name or not len(source.timeline):
        return None
    state = _stored(source, step)
    if set(state) != set(facts["state"]):
        return None
    data = source.dataset
    sizes = {"num_examples": len(data.y), "num_classes": data.n_classes, "dim": x.shape[1]}
    module = losses.create(spec.name, **spec.params, **{size: sizes[size] for size in facts["sizes"]})
    module.load_state_dict(state)
    return module


def _stored(source: Source, step: int | None) -> dict[str, Tensor]:
    """What the loss and its supplies kept at a moment of training, by name."""
    snapshot = source.timeline.latest if step is None else source.timeline.at(step)
    return {k.removeprefix("loss."): v for k, v in (snapshot.resume or {}).items() if k.startswith("loss.")}


def _given(source: Source, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What a run was given for each of these samples: a teacher's answers, ..."""
    return {name: np.asarray(column)[rows] for name, column in getattr(source, "extras", {}).items()}


def _supplied(
    source: Source, spec: Spec, step: int | None, rows: np.ndarray, outputs: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """What was trained beside the model, or found before, says of these samples: learnt weights, a second
    head's logits, the class means of a teacher."""
    experiment = getattr(source, "experiment", None)
    if experiment is None or experiment.loss.name != spec.name or not len(source.timeline):
        return {}
    data, state = source.dataset, _stored(source, step)
    columns = {name: torch.as_tensor(np.asarray(v)) for name, v in getattr(source, "extras", {}).items()}
    columns["targets"] = torch.from_numpy(data.y)
    values = {name: torch.as_tensor(v) for name, v in outputs.items()} | {"targets": columns["targets"][rows]}
    dim = values["embeddings"].shape[1] if "embeddings" in values else None
    made = {}
    for name in find(spec.name).method.facts["extra"]:
        maker, prefix = offered(name), f"supplies.{name}."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if maker is None or name in outputs or not set(maker.needs) <= set(values):
            continue
        if name in MADE_UP and not own:
            continue
        setting = Setting(
            data, columns, lambda x: {}, dim, experiment.seed, torch.device("cpu"), torch.float64
        )
        part = built(name, setting, experiment.supplies.get(name, {}))
        if set(part.state_dict()) != set(own):
            continue  # of a moment whose state was not kept
        part.load_state_dict(own)
        with torch.no_grad():
            made[name] = part.eval()(values).numpy()
    return made


def _outputs(source: Source, step: int | None, rows: np.ndarray, wanted: set[str]) -> dict[str, np.ndarray]:
    """What the model gives besides its logits."""
    try:
        model = source.model_at(step)
    except InputError:
        return {}
    outputs = getattr(model, "outputs", None)
    if not callable(outputs):
        return {}
    with torch.no_grad():
        named = outputs(torch.as_tensor(source.dataset.X[rows], dtype=torch.float32))
    return {name: value.double().cpu().numpy() for name, value in named.items() if name in wanted}

"""What a lab shows of itself: a lesson's views and controls, the projector, scenes, questions."""

from __future__ import annotations

from typing import Any

import traitlets

from clsviz.errors import InputError, UnknownName
from clsviz.widgets.question import asked

USUAL = ("reliability", "boundary", "landscape", "loss", "prototypes", "confusion", "inspector", "fan")
# Opened by a button (js/src/views/lab.ts, MORE); a name has no underscore.
MORE: tuple[str, ...] = ("multiplicity", "ood", "temperatures", "robustness", "explanation", "tilt")
STAGES = USUAL + MORE
# Named as on screen; the browser finds each by its data-control attribute.
CONTROLS = (
    "data",
    "model",
    "loss",
    "seed",
    "learning_rate",
    "weight_decay",
    "label_noise",
    "more_settings",
    "train",
    "epoch",
    "temperature",
    "bins",
    "tilt",
    "pin_to_compare",
    "projector",
    "copy_scene",
    "select_by",
    "fan",
    "fan_out",
    "more_views",
)


class StateError(UnknownName, traitlets.TraitError):
    """A value that the lab's state does not take; as a TraitError it leaves the former one in place."""


class Staged(traitlets.HasTraits):
    """The part of a lab's state that says what of it is seen."""

    show = traitlets.List(
        traitlets.Unicode(), None, allow_none=True, help="views of a lesson in their order; None: the usual"
    ).tag(sync=True)
    more = traitlets.List(traitlets.Unicode(), help="further views that are open, in their order").tag(
        sync=True
    )
    controls = traitlets.List(
        traitlets.Unicode(), None, allow_none=True, help="controls of a lesson; None: all"
    ).tag(sync=True)
    projector = traitlets.Bool(False, help="large type, two views on stage").tag(sync=True)
    stage = traitlets.List(
        traitlets.Unicode(), ["reliability", "boundary"], minlen=1, maxlen=2, help="views on stage"
    ).tag(sync=True)
    questions: traitlets.List = traitlets.List(help="asked before a view is seen: cv.Question(...)").tag(
        sync=True
    )
    answers = traitlets.Dict(help="by question: prediction and outcome").tag(sync=True)
    # The sequence of scenes as the browser plays it, the place in it, and whose network is there.
    deck: traitlets.List = traitlets.List().tag(sync=True)
    deck_at = traitlets.Int(None, allow_none=True).tag(sync=True)
    deck_run = traitlets.Int(None, allow_none=True).tag(sync=True)

    @traitlets.validate("show", "stage")
    def _known_views(self, proposal: Any) -> list[str] | None:
        names = _known("view", proposal["value"], STAGES)
        if names is not None and not names:
            raise StateError(f"show: name at least one view out of {list(STAGES)}")
        return names

    @traitlets.validate("more")
    def _known_more(self, proposal: Any) -> list[str]:
        return _known("further view", proposal["value"], MORE) or []

    @traitlets.validate("controls")
    def _known_controls(self, proposal: Any) -> list[str] | None:
        return _known("control", proposal["value"], CONTROLS)

    @traitlets.validate("questions")
    def _well_put(self, proposal: Any) -> list[dict[str, Any]]:
        try:
            known = self._scene_names()  # type: ignore[attr-defined]
            questions = [asked(q, known) for q in proposal["value"]]
        except InputError as error:
            raise StateError(str(error)) from error
        texts = [q["text"] for q in questions]
        if len(set(texts)) < len(texts):
            raise StateError("two questions have the same text; answers are kept by it")
        for question in questions:
            if question["covers"] is not None:
                _known("view", [question["covers"]], STAGES)
        return questions


# What a scene does not hold: it is one of these, or an answer is given by who sees it.
OUTSIDE = ("answers", "deck", "deck_at", "deck_run")


def _known(what: str, names: list[str] | None, known: tuple[str, ...]) -> list[str] | None:
    if names is None:
        return None
    found = [name.strip().lower().replace(" ", "_") for name in names]
    if unknown := sorted(set(found) - set(known)):
        raise StateError(f"the lab has no {what} {unknown}; it has {list(known)}")
    return list(dict.fromkeys(found))

"""Linked views: what one shows, the others follow, in the browser and without the kernel."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np

from clsviz.data import Dataset
from clsviz.errors import InputError
from clsviz.widgets.base import ClsvizWidget, Linked

# js/src/core/group.ts has the same rules
ALWAYS = ("temperature", "score")
OF_RELIABILITY = ("n_bins", "scheme")
OF_CLASSES = ("pair", "tilt")
OF_SAMPLES = ("selection", "marked")


class Link:
    """Views that are linked; `unlink` parts them."""

    def __init__(self, views: tuple[ClsvizWidget, ...]) -> None:
        self.views = views

    def unlink(self) -> None:
        """Each of these views goes its own way from now on; what it shows stays."""
        unlink(*self.views)

    def __repr__(self) -> str:
        return f"Link({', '.join(type(v).__name__ for v in self.views)})"


def link(*views: Any) -> Link:
    """Links views, also in different cells: what is dragged or selected in one moves in all.

    The page itself passes the values on, each frame, also while the kernel is busy; on release every view
    tells its own Python object. Views of one source share all that views of a lab share. Views of different
    sources share temperature, place on the loss line, and bins; with the same classes also the pair and its
    tilt; with the same samples also selection and marked sample. At first all take what the first shows. A
    view that is in a group already brings its group along.

    Args:
        views: two or more widgets: labs and stand-alone views. A view of a lab (``lab.views.boundary``)
            stands for its lab.

    Returns:
        A `Link` whose ``unlink()`` parts them again.

    Raises:
        InputError: fewer than two widgets, or something else than a widget of clsviz.
    """
    widgets = _widgets(views)
    if len(widgets) < 2:
        raise InputError(f"link needs two or more views, got {len(widgets)}")
    groups = {w.group for w in widgets if w.group is not None}
    name = next((w.group for w in widgets if w.group is not None), None) or uuid.uuid4().hex
    first = widgets[0]
    for widget in widgets[1:]:
        _take_over(widget, first)
    for widget in {*widgets, *(w for w in ClsvizWidget.living() if w.group in groups)}:
        widget.group = name
    return Link(widgets)


def unlink(*views: Any) -> None:
    """Takes views out of their group; the others stay linked.

    Raises:
        InputError: something else than a widget of clsviz.
    """
    for widget in _widgets(views):
        widget.group = None


def _widgets(views: tuple[Any, ...]) -> tuple[ClsvizWidget, ...]:
    widgets = [vars(v).get("_lab", v) if hasattr(v, "__dict__") else v for v in views]
    for widget in widgets:
        if not isinstance(widget, ClsvizWidget):
            raise InputError(f"only labs and views of clsviz can be linked, not {type(widget).__name__}")
    return tuple(dict.fromkeys(widgets))


def _take_over(widget: ClsvizWidget, first: ClsvizWidget) -> None:
    with widget.hold_sync():
        for name in _shared(widget, first):
            setattr(widget, name, getattr(first, name))
        for name in OF_RELIABILITY:
            ours, theirs = (_own_name(w, name) for w in (widget, first))
            if ours and theirs:
                setattr(widget, ours, getattr(first, theirs))


def _shared(a: ClsvizWidget, b: ClsvizWidget) -> list[str]:
    if a.session is b.session:
        return list(Linked.class_own_traits())
    p, q = a.source.dataset, b.source.dataset
    names = list(ALWAYS)
    if p.class_names == q.class_names:
        names += OF_CLASSES
    if _same_samples(p, q):
        names += OF_SAMPLES
    return names


def _same_samples(p: Dataset, q: Dataset) -> bool:
    return p is q or (np.array_equal(p.y_clean, q.y_clean) and np.array_equal(p.X, q.X))


def _own_name(widget: ClsvizWidget, name: str) -> str | None:
    return next((n for n in (name, f"reliability_{name}") if widget.has_trait(n)), None)

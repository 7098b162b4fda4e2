"""Which notebook cell made a widget: a cell that runs again closes what it made before."""

from __future__ import annotations

import weakref
from typing import Any

import ipywidgets


class Makers:
    """Widgets by the cell that made them, as long as they live."""

    def __init__(self) -> None:
        self._cells: dict[str, tuple[str, weakref.WeakSet[ipywidgets.Widget]]] = {}

    def enter(self, widget: ipywidgets.Widget) -> None:
        """Notes a new widget; closes those of earlier executions of the same cell."""
        cell, execution = running_cell()
        if cell is None:
            return
        former, widgets = self._cells.get(cell, ("", weakref.WeakSet()))
        if former != execution:
            for old in list(widgets):
                old.close()
            widgets = weakref.WeakSet()
        widgets.add(widget)
        self._cells[cell] = (execution, widgets)


def running_cell() -> tuple[str | None, str]:
    """Id of the notebook cell that runs now, as the front end tells it (else None), and of this run of it."""
    try:
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        parent = shell.get_parent() if shell is not None else {}
    except (ImportError, AttributeError):  # no IPython, or a shell without a front end
        return None, ""
    cell = parent.get("metadata", {}).get("cellId")
    return (str(cell) if cell else None), str(parent.get("header", {}).get("msg_id", ""))


MAKERS = Makers()

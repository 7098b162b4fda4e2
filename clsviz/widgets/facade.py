"""The views of a lab, reached from Python: ``lab.views.reliability.n_bins = 20``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clsviz.errors import InputError


class Facade:
    """One view of a lab with the properties of the stand-alone class, over the lab's own state."""

    def __init__(self, lab: Any, name: str, view: type, numbers: type) -> None:
        for key, value in {"_lab": lab, "_name": name, "_view": view}.items():
            object.__setattr__(self, key, value)
        # result and to_plotly read only attributes, so they serve the facade as they serve the widget
        self.__class__ = type(f"{view.__name__}Facade", (numbers, type(self)), {})

    def _trait(self, name: str) -> str:
        own = f"{self._name}_{name}"
        if self._lab.has_trait(own):
            return own
        if name in ("source", "session") or self._lab.has_trait(name):
            return name
        raise AttributeError(f"the view {self._name!r} has no property {name!r}; it has {dir(self)}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._lab, self._trait(name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__class__":
            object.__setattr__(self, name, value)
        else:
            setattr(self._lab, self._trait(name), value)

    def __dir__(self) -> list[str]:
        return sorted([*self._view.class_own_traits_of(), "result", "to_html", "to_plotly", "to_png"])

    def __repr__(self) -> str:
        values = {n: getattr(self, n) for n in self._view.class_own_traits_of()}
        return f"{self._view.__name__}({', '.join(f'{k}={v!r}' for k, v in values.items() if v is not None)})"

    def to_html(self, path: str | Path | None = None, *, title: str | None = None) -> str:
        """This view alone as one HTML file, as it stands in the lab."""
        text: str = self._alone("to_html", path, title=title)
        return text

    def to_png(self, path: str | Path | None = None) -> bytes:
        """This view alone as a small picture, as it stands in the lab."""
        image: bytes = self._alone("to_png", path)
        return image

    def _alone(self, method: str, *args: Any, **options: Any) -> Any:
        """What a stand-alone view in the same state answers."""
        state = {n: getattr(self, n) for n in self._view.class_own_traits_of()}
        view = self._view.from_run(self._lab.session.source, **state)
        try:
            return getattr(view, method)(*args, **options)
        finally:
            view.close()


class Views:
    """The views of one lab by name."""

    def __init__(self, facades: dict[str, Facade]) -> None:
        self.__dict__.update(facades)

    def __getattr__(self, name: str) -> Facade:
        raise InputError(f"the lab has no view {name!r}; it has {sorted(self.__dict__)}")

    def __repr__(self) -> str:
        return f"Views({', '.join(self.__dict__)})"

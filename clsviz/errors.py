"""The errors clsviz raises. Each also is the built-in error a caller would expect."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ClsvizError(Exception):
    """Any error that clsviz raises on purpose."""


class InputError(ClsvizError, ValueError):
    """A value was given that cannot be used; the message names the argument."""


class ShapeError(InputError):
    """An array has the wrong shape."""


class UnknownName(InputError):
    """A name that the catalogue does not have; the message lists those it has."""

    @classmethod
    def among(cls, what: str, name: object, known: Iterable[str]) -> UnknownName:
        """ "no loss is called 'focall'; did you mean 'focal'? There are ['cross_entropy', ...]"."""
        names = list(known)
        written = "" if name is None else str(name).strip().lower().replace(" ", "_").replace("-", "_")
        inside = sorted((n for n in names if len(n) > 2 and n in written), key=len, reverse=True)
        initials = [n for n in names if "_" in n and "".join(w[:1] for w in n.split("_")) == written]
        close = difflib.get_close_matches(written, names, 3, 0.65)
        alike = [n for n in close if n[:1] == written[:1]] or close
        near = [*inside, *initials, *alike]
        hint = f"did you mean {near[0]!r}? There" if near else "there"
        return cls(f"no {what} is called {name!r}; {hint} are {names}")


class MissingNeed(ClsvizError, TypeError):
    """A loss needs something that neither batch, model nor run can give."""


class Diverged(ClsvizError, ArithmeticError):
    """Training produced a value that is not finite."""


class MessageError(ClsvizError, ValueError):
    """A message from the browser that cannot be understood or is out of range."""

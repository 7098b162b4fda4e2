"""The errors clsviz raises. Each also is the built-in error a caller would expect."""

from __future__ import annotations


class ClsvizError(Exception):
    """Any error that clsviz raises on purpose."""


class InputError(ClsvizError, ValueError):
    """A value was given that cannot be used; the message names the argument."""


class ShapeError(InputError):
    """An array has the wrong shape."""


class UnknownName(InputError):
    """A name that the catalogue does not have; the message lists those it has."""


class MissingNeed(ClsvizError, TypeError):
    """A loss needs something that neither batch, model nor run can give."""


class Diverged(ClsvizError, ArithmeticError):
    """Training produced a value that is not finite."""


class MessageError(ClsvizError, ValueError):
    """A message from the browser that cannot be understood or is out of range."""

"""How an answer is given: as a number, a choice, an array or a function; and what can be said of a wrong one.

Each kind reads an answer (or says plainly why it can't), compares it with the truth, and remarks on the
difference without telling the truth.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import re
import string
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

CLOSE = 20  # times the tolerance: what was read off a picture instead of computed
LONGEST = 120  # letters of somebody else's message that are shown


class Unusable(Exception):
    """An answer that cannot be compared with the truth; the message says why."""


class Unanswered(Exception):
    """No answer yet; the message says what there is instead, if anything."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number, right to within `tolerance`, or within the share `relative` of the truth."""

    tolerance: float = 1e-6
    relative: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    @property
    def words(self) -> str:
        return f"{self._bounded}, to within {_near(self)}"

    @property
    def _bounded(self) -> str:
        bounds = {
            (True, True): f" from {self.low:g} to {self.high:g}",
            (True, False): f" of at least {self.low:g}",
            (False, True): f" of at most {self.high:g}",
        }.get((self.low > -math.inf, self.high < math.inf), "")
        return f"a number{bounds}"

    def read(self, answer: Any) -> float:
        array = _numbers(answer, "one number is")
        if array.size != 1:
            raise Unusable(f"One number is expected, got {_shaped(array)}.")
        value = float(array.reshape(()))
        if math.isnan(value):
            raise Unusable("That is NaN, not a number: 0 was divided by 0, or a mean was taken of nothing.")
        if math.isinf(value):
            raise Unusable("That is infinite: something was divided by 0, or the logarithm of 0 was taken.")
        if not self.low <= value <= self.high:
            percent = " As a share, not in per cent." if self.high == 1 < value <= 100 else ""
            raise Unusable(f"What is expected is {self._bounded}; {value:g} lies outside.{percent}")
        return value

    def same(self, a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=self.relative, abs_tol=self.tolerance)

    def remark(self, answer: float, truth: float) -> str:
        """What kind of mistake it may be; empty where it cannot be told."""
        wider = Number(CLOSE * self.tolerance, CLOSE * self.relative)
        size = max(abs(answer), abs(truth))
        if self.same(answer, -truth):
            return "The size is right. Think about the sign."
        if self.same(answer / 100, truth) or self.same(answer * 100, truth):
            return "A hundred lies between: per cent or a share?"
        if wider.same(answer, truth) and abs(answer - truth) < size / 10:
            return f"Close, but not to within {_near(self)}: compute it rather than read it off."
        if answer * truth > 0 and max(answer / truth, truth / answer) < 3:
            return "The order of magnitude is right."
        return ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts (or, with `several`, all that are true) by their letters."""

    options: tuple[str, ...]
    several: bool = False

    @property
    def letters(self) -> str:
        return string.ascii_lowercase[: len(self.options)]

    @property
    def words(self) -> str:
        if self.several:
            return f"""all letters that are true, as one text like "{self.letters[0]}{self.letters[-1]}\""""
        return "one of " + ", ".join(f'"{letter}"' for letter in self.letters)

    def read(self, answer: Any) -> frozenset[str]:
        """The letters chosen."""
        parts = list(answer) if isinstance(answer, list | tuple | set | frozenset) else [answer]
        if not parts or not all(isinstance(part, str) for part in parts):
            raise Unusable(f"What is expected is {self.words}; got {_kind_of(answer)}.")
        known = {text.casefold(): letter for letter, text in zip(self.letters, self.options, strict=True)}
        chosen: set[str] = set()
        for part in parts:
            text = " ".join(part.split()).casefold()
            chosen |= {known[text]} if text in known else set(re.sub(r"\band\b|[\W_]", "", text))
        if not chosen or not chosen <= set(self.letters):
            raise Unusable(f"What is expected is {self.words}.")
        if len(chosen) > 1 and not self.several:
            raise Unusable("Only one of them is right; choose one letter.")
        return frozenset(chosen)

    def same(self, a: frozenset[str], b: frozenset[str]) -> bool:
        return a == b

    def remark(self, answer: frozenset[str], truth: frozenset[str]) -> str:
        if not self.several:
            return ""
        missing, wrong = bool(truth - answer), bool(answer - truth)
        if missing and wrong:
            return "Something is missing, and something does not belong there."
        return "What you have is right, but something is missing." if missing else "One too many, at least."


@dataclass(frozen=True, slots=True)
class Array:
    """Numbers in an array, each to within `tolerance` or `relative`; NaN only where the truth has it."""

    what: str  # in words, with its shape: "an array (10,) of gaps, bin by bin"
    tolerance: float = 1e-6
    relative: float = 0.0

    @property
    def words(self) -> str:
        return f"{self.what}, each to within {_near(self)}"

    def read(self, answer: Any) -> np.ndarray:
        return _numbers(answer, "an array of numbers is")

    def same(self, a: np.ndarray, b: np.ndarray) -> bool:
        return a.shape == b.shape and bool(self._near(a, b).all())

    def remark(self, answer: np.ndarray, truth: np.ndarray) -> str:
        if answer.shape != truth.shape:
            raise Unusable(f"What is expected is {self.what}; got {_shaped(answer)}.")
        if truth.ndim == 2 and self.same(answer.reshape(truth.shape[::-1]).T, truth):
            return "The numbers are right, but rows and columns are exchanged."
        if (stray := np.isnan(answer) & ~np.isnan(truth)).any():
            return f"{_count(stray)} of {truth.size} entries are NaN and should not be."
        if (np.isnan(truth) & ~np.isnan(answer)).any():
            return "Some entries have nothing to be a mean of: they should be NaN, not a number."
        return f"{_count(self._near(answer, truth))} of {truth.size} entries are right."

    def _near(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.isclose(a, b, rtol=self.relative, atol=self.tolerance, equal_nan=True)


Cases = Callable[[], Mapping[str, tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the reader's own, tried on inputs that have names, against the reference."""

    signature: str  # "ece(confidence, correct, n_bins)"
    cases: Cases  # arguments by what is special about them
    returns: Number | Array

    @property
    def words(self) -> str:
        return f"a function {self.signature}, given by its name, that returns {self.returns.words}"

    def read(self, answer: Any) -> Callable[..., Any]:
        if not callable(answer):
            raise Unusable(
                f"A function is expected, got {_kind_of(answer)}. Give its name alone, without parentheses."
            )
        return answer

    def judge(
        self,
        answer: Callable[..., Any],
        truth: Callable[..., Any],
        slips: tuple[tuple[Callable[..., Any], str], ...],
    ) -> tuple[bool, str, bool]:
        """Whether it passes, what is said, and whether the mistake was named."""
        cases = dict(self.cases())
        self._takes(answer, next(iter(cases.values())))
        found, raised, changed = {}, {}, []
        for name, args in cases.items():
            mine = copy.deepcopy(args)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what comes of it is said in words
                    found[name] = answer(*mine)
            except (Exception, SystemExit) as error:
                raised[name] = f"{type(error).__name__}: {error}"[:LONGEST].rstrip(": ")
                continue
            if not all(map(_unchanged, mine, args)):
                changed.append(name)
        if found and not raised and all(value is None or value is ... for value in found.values()):
            raise Unanswered("Your function returns nothing so far; does it end with return?")
        if raised:
            name, problem = next(iter(raised.items()))
            rest = f", and on {len(raised) - 1} more of {len(cases)}" if len(raised) > 1 else ""
            return False, f"Your function raises on the input “{name}”{rest}. {problem}", True
        read = {}
        for name, value in found.items():
            try:
                read[name] = self.returns.read(value)
            except Unusable as unusable:
                raise Unusable(f"On the input “{name}”: {unusable}") from None
        wanted = {name: self.returns.read(truth(*copy.deepcopy(args))) for name, args in cases.items()}
        wrong = [name for name in cases if not self._agree(read[name], wanted[name])]
        if wrong:
            for slip, says in slips:
                if all(self._agree(read[name], self._of(slip, args)) for name, args in cases.items()):
                    return False, says, True
            return False, self._partly(read, wanted, wrong), False
        if changed:
            return False, "The numbers are right, but your function changes its inputs; work on a copy.", True
        return True, "", False

    def _partly(self, read: dict[str, Any], wanted: dict[str, Any], wrong: list[str]) -> str:
        if len(wrong) < len(wanted):
            names = ", ".join(f"“{name}”" for name in wrong)
            return f"Right on {len(wanted) - len(wrong)} of {len(wanted)} inputs, but not on {names}."
        name = wrong[0]
        try:
            remark = self.returns.remark(read[name], wanted[name])
        except Unusable as unusable:
            raise Unusable(f"On the input “{name}”: {unusable}") from None
        on = f" On “{name}”: {remark}" if remark else ""
        return f"Wrong on all {len(wanted)} inputs.{on}"

    def _of(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(function(*copy.deepcopy(args)), float)

    def _agree(self, a: Any, b: Any) -> bool:
        near = Array("", self.returns.tolerance, self.returns.relative)
        return near.same(np.asarray(a, float), np.asarray(b, float))

    def _takes(self, answer: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            signature = inspect.signature(answer)
        except (TypeError, ValueError):
            return  # a builtin says nothing about itself
        try:
            signature.bind(*args)
        except TypeError:
            raise Unusable(f"Your function must take {len(args)} arguments: {self.signature}.") from None


Kind = Number | Choice | Array | Function


def _near(kind: Number | Array) -> str:
    return f"{kind.relative:.2g} of itself" if kind.relative else f"{kind.tolerance:.2g}"


def _numbers(answer: Any, expected: str) -> np.ndarray:
    """float64 array of a number, array, tensor or nested list."""
    wrong = f"{expected[0].upper()}{expected[1:]} expected, got {_kind_of(answer)}."
    if isinstance(answer, str):
        raise Unusable(f"{wrong} Leave out the quotes.")
    if isinstance(answer, bool | np.bool_ | bytes | set | dict):
        raise Unusable(wrong)
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        fields = ", ".join(field.name for field in dataclasses.fields(answer))
        raise Unusable(f"{wrong} Give what it holds; it has {fields}.")
    if inspect.isroutine(answer):
        raise Unusable(f"{wrong} Call it, and give what it returns.")
    try:
        array = np.asarray(answer.detach().cpu() if hasattr(answer, "detach") else answer)
        if array.dtype.kind not in "iufO" or array.size == 0:
            raise Unusable(f"{expected[0].upper()}{expected[1:]} expected, got {_shaped(array)}.")
        return array.astype(np.float64)
    except Unusable:
        raise
    except Exception:  # whatever a strange object does when asked for its numbers
        raise Unusable(wrong) from None


def _kind_of(answer: Any) -> str:
    """ "a TemperatureFit": never the value itself."""
    if isinstance(answer, str):
        return "a text"
    if inspect.isroutine(answer):
        return "a function"
    if isinstance(answer, np.ndarray):
        return "an array"
    name = type(answer).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _shaped(array: np.ndarray) -> str:
    if array.size == 0:
        return "an empty array"
    if array.dtype.kind not in "iufO":
        return f"an array of {array.dtype}"
    return f"an array of shape {array.shape}" if array.ndim else "one number"


def _count(true: np.ndarray) -> int:
    return int(np.count_nonzero(true))


def _unchanged(now: Any, before: Any) -> bool:
    if isinstance(before, np.ndarray):
        return np.array_equal(now, before, equal_nan=True)
    return bool(now == before)

"""What an exhibit is, and the decorator that enters one."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.errors import InputError
from clsviz.exhibits import results
from clsviz.exhibits.results import Measured

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from clsviz.widgets import Lab

VERDICTS = ("reproduces", "partly", "not at this scale")
LINE = 100  # characters
CONFIDENCE = 0.95  # one-sided, of `Numbers.exceeds`


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the claim shows here, and one sentence that says what we see."""

    word: str  # one of VERDICTS
    sentence: str

    def __post_init__(self) -> None:
        if self.word not in VERDICTS:
            raise InputError(f"a verdict is one of {list(VERDICTS)}, got {self.word!r}")

    def __str__(self) -> str:
        """In lines that a notebook shows whole: it would break longer ones within words."""
        return textwrap.fill(f"{self.word}: {self.sentence}", LINE)


class Numbers:
    """The numbers of each seed: ``numbers["ce_end"]`` is (S,), a curve (S, L)."""

    def __init__(self, rows: Sequence[Measured], seeds: Sequence[int] | None = None) -> None:
        self._rows = [dict(row) for row in rows]
        self.seeds = tuple(range(len(rows)) if seeds is None else seeds)

    def __getitem__(self, key: str) -> np.ndarray:
        return np.array([row[key] for row in self._rows], np.float64)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The numbers of one seed after the other, as they were measured."""
        return iter(self._rows)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._rows[0])

    def mean(self, key: str) -> float:
        """Mean over seeds, of a curve over its points too."""
        return float(self[key].mean())

    def spread(self, key: str) -> float:
        """Standard deviation over seeds (of a curve: of its mean); 0 for one seed."""
        values = self[key].reshape(len(self), -1).mean(1)
        return float(values.std(ddof=1)) if len(values) > 1 else 0.0

    def exceeds(self, more: str, less: str | float = 0.0, by: float = 0.0) -> bool:
        """Whether `more` lies above `less` (a key or a number) by at least `by`, beyond chance.

        Paired by seed: the lower end of the one-sided 95 % t-interval of the mean difference is above
        `by`. False for fewer than two seeds.
        """
        from scipy.special import stdtrit

        n = len(self)
        gap = self[more] - (self[less] if isinstance(less, str) else less)
        if n < 2:
            return False
        margin = stdtrit(n - 1, CONFIDENCE) * gap.std(ddof=1) / np.sqrt(n)
        return bool(gap.mean() - margin > by)

    def text(self, key: str, form: str = ".3g") -> str:
        """``0.912 ± 0.008``: mean and standard deviation over seeds; thousands have no decimals."""
        form = ".0f" if form == ".3g" and abs(self.mean(key)) >= 1000 else form
        return f"{self.mean(key):{form}} ± {self.spread(key):{form if form[-1] == 'f' else '.2g'}}"


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """One paper's claim with our numbers; as the last line of a cell it shows text and lab.

    Args:
        run: (seed, scale) -> numbers by key.
        judge: (Numbers) -> Verdict.
        picture: (Numbers) -> plotly Figure.
        The others: see `clsviz.exhibits`.
    """

    id: str
    title: str
    paper: str
    entries: tuple[str, ...]
    claim: str
    expected: str
    setting: str
    headline: Mapping[str, str]
    experiment: Mapping[str, Any] | None
    run: Callable[[int, float], Mapping[str, Any]]
    judge: Callable[[Numbers], Verdict]
    picture: Callable[[Numbers], Figure]

    def measure(self, seed: int, scale: float = 1.0) -> Measured:
        """Runs it for one seed: numbers, or lists of numbers, by key.

        Raises:
            InputError: it gave something else, or a number that is not finite.
        """
        return results.checked(self.id, self.run(seed, scale))

    @property
    def stored(self) -> Numbers:
        """The stored numbers, seed by seed.

        Raises:
            InputError: nothing is stored; the message says how to measure.
        """
        rows = results.read(self.id)["runs"]
        return Numbers([row["numbers"] for row in rows], [row["seed"] for row in rows])

    @property
    def numbers(self) -> DataFrame:
        """Mean and spread (standard deviation over seeds) of each stored number; curves are in `stored`."""
        import pandas

        stored = self.stored
        scalars = [key for key in stored.keys if stored[key].ndim == 1]
        frame = pandas.DataFrame(
            {
                "what": [self.headline.get(key, "") for key in scalars],
                "mean": [stored.mean(key) for key in scalars],
                "spread": [stored.spread(key) for key in scalars],
            },
            index=pandas.Index(scalars, name="number"),
        )
        frame["seeds"] = len(stored)
        return frame

    @property
    def verdict(self) -> Verdict:
        """Computed from the stored numbers."""
        return self.judge(self.stored)

    def plot(self) -> Figure:
        """The exhibit's picture, drawn from the stored numbers."""
        return self.picture(self.stored)

    def lab(self, **options: Any) -> Lab:
        """The laboratory at the exhibit's experiment; `options` as of `cv.Lab`.

        Raises:
            InputError: what it measures is no experiment of the lab.
        """
        if self.experiment is None:
            raise InputError(
                f"exhibit {self.id!r} measures what no lab trains; use cv.exhibit({self.id!r}).plot()"
            )
        from clsviz.training import Experiment
        from clsviz.widgets import Lab

        settings = {name: v() if callable(v) else v for name, v in self.experiment.items()}
        own = {name: settings.pop(name) for name in ("teacher", "extras", "more") if name in settings}
        if callable(self.experiment["data"]):
            return Lab(settings.pop("data"), **settings, **own, **options)
        return Lab(Experiment(**settings), **own, **options)

    def headlines(self) -> list[tuple[str, str]]:
        """What the headline numbers are, in words, with mean and spread."""
        stored = self.stored
        return [(words, stored.text(key)) for key, words in self.headline.items()]

    def __repr__(self) -> str:
        if not results.path(self.id).exists():
            return f"<Exhibit {self.id}: {self.title}; not measured yet>"
        verdict = self.verdict
        numbers = "\n".join(f"  {words}: {value}" for words, value in self.headlines())
        return (
            f"{self.title} ({self.id})\n{self.paper}\n"
            f"Claim: {self.claim}\nExpected: {self.expected}\nSetting: {self.setting}\n"
            f"Verdict: {verdict.word}. {verdict.sentence}\n{numbers}"
        )

    def _repr_html_(self) -> str:
        say = html.escape
        if not results.path(self.id).exists():
            return f"<p>{say(repr(self))}</p>"
        verdict = self.verdict
        parts = {"Claim": self.claim, "Expected": self.expected, "Setting": self.setting}
        texts = "".join(f"<dt><b>{name}</b></dt><dd>{_say(text)}</dd>" for name, text in parts.items())
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{say(words)}</th><td>{say(value)}</td></tr>'
            for words, value in self.headlines()
        )
        drawn = f"<p><code>cv.exhibit({say(repr(self.id))}).plot()</code> draws these numbers.</p>"
        caption = f"Mean and standard deviation over {len(self.stored)} seeds"
        return (
            f'<div style="max-width:60em"><h3>{say(self.title)}</h3><p><i>{say(self.paper)}</i></p>'
            f"<dl>{texts}<dt><b>Verdict: {say(verdict.word)}</b></dt><dd>{_say(verdict.sentence)}</dd></dl>"
            f'<table><caption style="caption-side:top;text-align:left">{caption}</caption>'
            f"{rows}</table>{'' if self.experiment is None else drawn}</div>"
        )

    def _ipython_display_(self) -> None:
        from IPython import get_ipython
        from IPython.display import display

        text = {"text/plain": repr(self), "text/html": self._repr_html_()}
        display(text, raw=True)  # type: ignore[no-untyped-call]
        if hasattr(get_ipython(), "kernel"):  # a terminal shows no lab
            display(self.plot() if self.experiment is None else self.lab())  # type: ignore[no-untyped-call]


def _say(text: str) -> str:
    """As HTML, names in backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


REGISTRY: dict[str, Exhibit] = {}


def exhibit(
    *,
    id: str,
    title: str,
    paper: str,
    entries: tuple[str, ...],
    claim: str,
    expected: str,
    setting: str,
    headline: Mapping[str, str],
    verdict: Callable[[Numbers], Verdict],
    picture: Callable[[Numbers], Figure],
    experiment: Mapping[str, Any] | None = None,
) -> Callable[[Callable[[int, float], Mapping[str, Any]]], Exhibit]:
    """Decorator that makes ``run(seed, scale) -> numbers`` an exhibit; see `clsviz.exhibits`."""

    def enter(run: Callable[[int, float], Mapping[str, Any]]) -> Exhibit:
        if id in REGISTRY:
            raise InputError(f"there are two exhibits {id!r}")
        REGISTRY[id] = Exhibit(
            id, title, paper, entries, claim, expected, setting, headline, experiment, run, verdict, picture
        )
        return REGISTRY[id]

    return enter

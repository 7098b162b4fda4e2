"""All exhibits as a table, and one by its id."""

from __future__ import annotations

import difflib
import html
import importlib
import textwrap
from typing import Any

import pandas

from clsviz.errors import UnknownName
from clsviz.exhibits import ROOMS, results
from clsviz.exhibits.registry import REGISTRY, Exhibit

NOT_MEASURED = "not measured yet"


def load() -> dict[str, Exhibit]:
    """Every exhibit by its id, in the order of the rooms, whoever imported one of them before."""
    rooms = [importlib.import_module(f"clsviz.exhibits.{room}").__name__ for room in ROOMS]
    return {id: found for room in rooms for id, found in REGISTRY.items() if found.run.__module__ == room}


def exhibit(id: str) -> Exhibit:
    """The exhibit with this id.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    known = load()
    if id in known:
        return known[id]
    near = difflib.get_close_matches(str(id), known, 3, 0.4)
    hint = f"did you mean {near}? " if near else ""
    raise UnknownName(f"no exhibit is called {id!r}; {hint}there are {list(known)}")


class ExhibitTable(pandas.DataFrame):
    """A DataFrame with one row per exhibit that prints its sentences in full."""

    @property
    def _constructor(self) -> type[ExhibitTable]:
        return ExhibitTable

    def _whole(self) -> bool:
        return {"title", "paper", "verdict", "sentence", "numbers"} <= set(self.columns)

    def __repr__(self) -> str:
        if not self._whole():
            return super().__repr__()
        wrap = textwrap.TextWrapper(100, initial_indent="  ", subsequent_indent="  ").fill
        blocks = [
            f"{row.Index}: {row.title} [{row.verdict}]\n{wrap(row.sentence or row.paper)}"
            for row in self.itertuples()
        ]
        return "\n".join([*blocks, f"{len(self)} exhibits; cv.exhibit({_some(self)!r}) opens one"])

    def _repr_html_(self) -> str:
        if not self._whole():
            return super()._repr_html_()
        say = html.escape
        names = ("exhibit and paper", "verdict", "what we see", "numbers")
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in names)
        rows = []
        for row in self.itertuples():
            title, paper = say(row.title), say(row.paper)
            first = f"{title}<br><code>{say(str(row.Index))}</code><br><small>{paper}</small>"
            cells = (say(row.verdict), say(row.sentence), say(row.numbers).replace("; ", "<br>"))
            left = 'style="text-align:left;vertical-align:top;min-width:8em"'
            rest = "".join(f"<td {left}>{cell}</td>" for cell in cells)
            rows.append(f'<tr><th scope="row" {left}>{first}</th>{rest}</tr>')
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def exhibits() -> ExhibitTable:
    """All exhibits, one a row: title, paper, entries, verdict, sentence and headline numbers, by id.

    Verdicts are computed from the stored numbers.
    """
    rows = {id: _row(found) for id, found in load().items()}
    columns = ["title", "paper", "entries", "verdict", "sentence", "numbers"]
    table = ExhibitTable.from_dict(rows, orient="index", columns=columns)
    table.index.name = "id"
    return table


def _row(found: Exhibit) -> dict[str, Any]:
    row = {"title": found.title, "paper": found.paper, "entries": found.entries}
    if not results.path(found.id).exists():
        return row | {"verdict": NOT_MEASURED, "sentence": "", "numbers": ""}
    verdict = found.verdict
    numbers = "; ".join(f"{words}: {value}" for words, value in found.headlines())
    return row | {"verdict": verdict.word, "sentence": verdict.sentence, "numbers": numbers}


def _some(table: ExhibitTable) -> str:
    return str(table.index[0]) if len(table) else "elr"

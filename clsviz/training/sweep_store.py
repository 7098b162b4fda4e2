"""The SQLite file of a sweep: one row for each finished run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from clsviz.errors import InputError

APPLICATION_ID = 0x636C7376  # "clsv": SQLite's own mark of whose file it is
VERSION = 1
WAIT_SECONDS = 30.0  # for another sweep that writes into the same file

COLUMNS = "key, measure, state, experiment, result"
TABLE = """
CREATE TABLE runs (
    key TEXT NOT NULL,
    measure TEXT NOT NULL,
    state TEXT NOT NULL,
    experiment TEXT NOT NULL,
    result TEXT NOT NULL,
    written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (key, measure)
)
"""


class SweepStore:
    """Rows of a sweep on disk; each is safe as soon as `write` returns.

    Raises:
        InputError: the file is damaged, not SQLite, of another program, or of a later version.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if not self._path.parent.is_dir():
            raise InputError(f"store: the folder {str(self._path.parent)!r} does not exist")
        try:
            # None: every statement is its own transaction.
            self._db = sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from error
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def read(self, measure: str) -> dict[str, dict[str, Any]]:
        """The results by key, of the rows with this measure."""
        try:
            rows = self._db.execute("SELECT key, result FROM runs WHERE measure = ?", (measure,)).fetchall()
            return {key: json.loads(result) for key, result in rows}
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(str(error)) from error

    def write(self, key: str, measure: str, experiment: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keeps a row, in place of a former one."""
        values = (key, measure, result["state"], json.dumps(experiment), json.dumps(result))
        try:
            self._db.execute(f"INSERT OR REPLACE INTO runs ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from error

    def _open(self) -> None:
        try:
            mark, version = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
            empty = self._one("SELECT count(*) FROM sqlite_master") == 0
            if empty and mark == 0:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(TABLE)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")
                self._db.execute("COMMIT")
                return
            sound = mark != APPLICATION_ID or self._one("PRAGMA quick_check")
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from error
        if mark != APPLICATION_ID:
            raise InputError(
                f"store: {str(self._path)!r} is a database of something else; name another file, "
                "it is made where missing"
            )
        if version != VERSION:
            raise InputError(f"store: {str(self._path)!r} has version {version}; this clsviz reads {VERSION}")
        if sound != "ok":
            raise self._unusable(str(sound))

    def _one(self, query: str) -> Any:
        return self._db.execute(query).fetchone()[0]

    def _unusable(self, why: str) -> InputError:
        return InputError(
            f"store: {str(self._path)!r} cannot be used ({why}); copy it anew, or name another file"
        )

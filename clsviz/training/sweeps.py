"""A table of runs that fills up, whatever interrupts it: one row for each experiment of a grid."""

from __future__ import annotations

import itertools
import json
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

from clsviz.errors import InputError
from clsviz.training.experiment import OWN, Experiment
from clsviz.training.run import Run
from clsviz.training.spread import Progress, spread
from clsviz.training.sweep_store import SweepStore

if TYPE_CHECKING:
    from pandas import DataFrame

Measure = Callable[[Run], Mapping[str, float]]
Grid = Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Iterable[Any]]]

Row = tuple[dict[str, Any], Experiment]  # the grid's values, and what they make


def sweep(
    experiment: Experiment | str,
    grid: Grid,
    *,
    seeds: int | Sequence[int] = 1,
    store: str | Path = "runs.sqlite",
    measure: Measure | None = None,
    n_jobs: int | None = None,
    backend: str | None = None,
    retry: bool = False,
    progress: bool = True,
) -> DataFrame:
    """Trains every combination of a grid with every seed, and keeps what came out in one file.

    A row is written when its run ends. Called again, also after an interruption, only rows that
    are not there yet are run. A run that fails keeps its error text and does not stop the others.
    For values that share samples and architecture a `Fan` is many times as fast.

    Args:
        experiment: what all runs have in common, or the name of a dataset.
        grid: dotted paths of the experiment with their values, of any kind (``{"data": ["moons",
            "circles"], "model.hidden": [(16,), (64,)]}``), or several such grids one after the other.
        seeds: how many seeds for each combination (counted up from the experiment's), or which.
        store: the SQLite file; made where missing.
        measure: further numbers of a finished run, a function at module level: what it is called
            belongs to the row, so that another measure is another row.
        n_jobs: how many runs at a time; None: as ``joblib.parallel_config`` says, else one a core.
        backend: of joblib, None: as ``joblib.parallel_config`` says, else "loky".
        retry: runs rows again that failed.
        progress: writes one line that tells how far it is.

    Returns:
        A row for each combination and seed: the grid's values, seed, state ("finished",
        "diverged" or "failed"), steps, epoch, the metrics of the last snapshot, those of
        `measure`, seconds, error.

    Raises:
        InputError, UnknownName: grid, seeds or experiment do not do (told before anything is
            trained), or the store is damaged or something else's.
    """
    base = experiment if isinstance(experiment, Experiment) else Experiment(experiment)
    if OWN in (base.data.name, base.model.name):
        raise InputError("sweep trains in other processes, which know only data and models of the catalogue")
    rows = _rows(base, grid, seeds)
    called = _name(measure)
    with SweepStore(store) as kept:
        known = kept.read(called)
        missing: dict[str, Experiment] = {}
        for _, own in rows:
            key = key_of(own)
            if key not in known or (retry and known[key]["state"] == "failed"):
                missing[key] = own
        telling = Progress("sweep", "runs", len(missing), progress)
        calls = [joblib.delayed(train)(key, own.to_json(), measure) for key, own in missing.items()]
        for key, result in spread(calls, n_jobs, backend):
            kept.write(key, called, missing[key].to_json(), result)
            telling.one(failed=result["state"] == "failed")
        telling.end()
        known = kept.read(called)
    return _table(rows, known)


def key_of(experiment: Experiment) -> str:
    """One text for one experiment: 1 and 1.0 are the same."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return json.dumps(plain(experiment.to_json()), sort_keys=True)


def _rows(
    base: Experiment, grid: Grid, seeds: int | Sequence[int]
) -> list[tuple[dict[str, Any], Experiment]]:
    """The grid's values and the experiment of each row, in order."""
    found: list[Row] = []
    for part in [grid] if isinstance(grid, Mapping) else grid:
        if not isinstance(part, Mapping):
            raise InputError('grid: expected paths with their values, e.g. {"loss.q": [0, 0.5, 1]}')
        for path, values in part.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise InputError(f"grid[{path!r}]: expected a sequence of values, got {values!r}")
        chosen = _seeds(base, part, seeds)
        for *values, seed in itertools.product(*map(list, part.values()), chosen):
            changes = dict(zip(part, values, strict=True))
            own = base.replace({"seed": seed, **changes})
            found.append(({**changes, "seed": own.seed}, own))
    return found


def _seeds(base: Experiment, grid: Mapping[str, Any], seeds: int | Sequence[int]) -> list[int]:
    chosen = [base.seed + i for i in range(seeds)] if isinstance(seeds, int) else list(seeds)
    if not chosen:
        raise InputError(f"seeds: expected a count >= 1 or a sequence of seeds, got {seeds!r}")
    if "seed" in grid and len(chosen) > 1:
        raise InputError("seeds are given twice: in grid['seed'] and as seeds=")
    return chosen


def _name(measure: Measure | None) -> str:
    return "" if measure is None else f"{measure.__module__}.{measure.__qualname__}"


def train(key: str, experiment: Mapping[str, Any], measure: Measure | None) -> tuple[str, dict[str, Any]]:
    """One row, in whatever process: state, steps, epoch, metrics, measures, seconds, error."""
    start = time.monotonic()
    result: dict[str, Any] = {"state": "failed", "metrics": {}, "measures": {}, "error": ""}
    run = None
    try:
        run = Run(Experiment.from_json(experiment)).start()
        run.wait()
        last = run.timeline.latest
        result |= {"steps": last.step, "epoch": last.epoch, "metrics": dict(last.metrics)}
        if run.state == "failed":
            result["error"] = run.message
        else:
            if measure is not None:
                result["measures"] = {str(k): float(v) for k, v in measure(run).items()}
            result["state"] = run.state
            result["error"] = run.message
    except Exception:
        result["error"] = traceback.format_exc(limit=-3)
    finally:
        if run is not None:
            run.stop()
    return key, {**result, "seconds": time.monotonic() - start}


def _table(
    rows: Sequence[tuple[dict[str, Any], Experiment]], known: Mapping[str, Mapping[str, Any]]
) -> DataFrame:
    import pandas

    found = []
    for values, own in rows:
        result = known[key_of(own)]
        found.append(
            {
                **{k: v if not isinstance(v, list) else tuple(v) for k, v in values.items()},
                "state": result["state"],
                "steps": result.get("steps"),
                "epoch": result.get("epoch"),
                **result["metrics"],
                **result["measures"],
                "seconds": result["seconds"],
                "error": result["error"],
            }
        )
    table = pandas.DataFrame(found)
    last = [name for name in ("seconds", "error") if name in table]
    return table[[name for name in table if name not in last] + last]

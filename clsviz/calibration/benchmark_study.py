"""The benchmark study: a family of small networks, each with all measures of its calibration."""

from __future__ import annotations

import functools
import itertools
import json
import math
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clsviz.catalogue import Spec
from clsviz.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

    from clsviz.calibration.study_questions import Answer
    from clsviz.data import Dataset
    from clsviz.training import Experiment

# Few training samples and many held out: networks that err, and measures that are not all noise.
DATA = (
    Spec("digits", {"validation": 0.8}),
    Spec("spirals", {"n": 2000, "n_classes": 3, "noise": 0.12, "validation": 0.8}),
)
WIDTHS = (8, 32, 128)
DEPTHS = (1, 2, 3)
ACTIVATIONS = ("relu", "tanh")
LOSSES = ("cross_entropy", "focal", "brier")
VARY: dict[str, Sequence[float]] = {"optimizer.weight_decay": (0.0, 0.001)}
SETTINGS: dict[str, Any] = {
    "optimizer": Spec("adam", {"lr": 0.01}),
    "epochs": 60,
    "device": "cpu",
    "precision": "float32",
}
DESIGN = ("width", "depth", "activation", "loss")  # columns of the table, besides what is varied

STORED = "study.csv.gz"  # beside this module: the default study
MEASURED = "clsviz.calibration.study/1"  # another version of the numbers is another row of the store
FAN = 32  # most networks that are trained as one, and lost at once when it is interrupted


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Networks with what was measured of them.

    ``study.question(3)`` answers one of the seven questions with numbers, ``.plot()`` of that draws it.
    """

    table: DataFrame  # a row a network: data, design, seed, state, accuracy, ..., 102 measures, seconds

    @property
    def finished(self) -> DataFrame:
        """The rows of networks that came to their end."""
        return self.table[self.table["state"] == "finished"].reset_index(drop=True)

    @property
    def measures(self) -> list[str]:
        """Columns of the benchmark's measures: ``pre_ECE_5`` to ``post_Brier``, and the AUROCs."""
        return [name for name in self.table if name.startswith(("pre_", "post_"))]

    @property
    def design(self) -> list[str]:
        """Columns that say how a network was made, without data and seed."""
        names = list(self.table)
        return names[1 : names.index("seed")]

    def question(self, number: int, *, measure: str = "pre_ECE_15", top: float = 0.25) -> Answer:
        """Answers one of the seven questions of the benchmark paper from these networks.

        1 does calibration carry over between datasets? 2 is robustness a measure of calibration?
        3 how reliable are the measures? 4 does temperature scaling help all alike? 5 how does
        calibration go with accuracy? 6 what does the number of bins do? 7 which designs help?

        Args:
            number: 1 to 7.
            measure: which of `measures` stands for calibration.
            top: share of the most accurate networks that is looked at by itself, in (0, 1].

        Raises:
            InputError: no such question or measure, or too few networks or datasets for it.
        """
        from clsviz.calibration.study_questions import answer

        return answer(self, number, measure=measure, top=top)

    def save(self, path: str | Path) -> None:
        """Writes the table as CSV, compressed where the name ends in ``.gz``; five digits are kept."""
        # With a fixed time in the file, equal tables are equal bytes.
        packed = {"method": "gzip", "mtime": 1} if str(path).endswith(".gz") else None
        self.table.to_csv(path, index=False, float_format="%.5g", compression=packed)

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """A study from what `save` wrote.

        Raises:
            InputError: there is no such file, or it holds no study.
        """
        import pandas

        try:
            table = pandas.read_csv(path, keep_default_na=False, na_values=[""])
        except (OSError, ValueError) as error:
            raise InputError(f"path: {str(path)!r} cannot be read as a study ({error})") from error
        if not {"data", "seed", "state", "pre_ECE_15", "error"} <= set(table):
            raise InputError(f"path: {str(path)!r} is a table of something else, not a saved study")
        return cls(table.assign(error=table["error"].astype(str).replace("nan", "")))

    @classmethod
    def stored(cls) -> Study:
        """The default study, trained beforehand (``scripts/make_study.py``): nothing is trained."""
        return cls.load(Path(__file__).with_name(STORED))

    def __repr__(self) -> str:
        states = self.table["state"].value_counts()
        others = "".join(f", {n} {state}" for state, n in states.items() if state != "finished")
        data = ", ".join(dict.fromkeys(self.table["data"]))
        return f"<Study: {len(self.table)} networks on {data}{others}, {len(self.measures)} measures each>"


@dataclass(frozen=True, slots=True)
class Group:
    """Networks of one architecture, loss and dataset: one fan."""

    columns: Mapping[str, Any]  # data and design, as the table shows them
    experiment: Experiment
    vary: Mapping[str, tuple[float, ...]]


def study(
    data: Sequence[Any] = DATA,
    *,
    widths: Sequence[int] = WIDTHS,
    depths: Sequence[int] = DEPTHS,
    activations: Sequence[str] = ACTIVATIONS,
    losses: Sequence[Any] = LOSSES,
    vary: Mapping[str, Sequence[float]] = VARY,
    seeds: int | Sequence[int] = 3,
    settings: Mapping[str, Any] | None = None,
    store: str | Path = "study.sqlite",
    n_jobs: int | None = None,
    backend: str | None = None,
    retry: bool = False,
    progress: bool = True,
) -> Study:
    """Trains networks of every design on every dataset with every seed, and measures their calibration.

    Of each: the 100 measures of `benchmark_measures`, AUROCs of two out-of-distribution sets ("gaussian",
    "uniform" of `clsviz.data.ood`), accuracy, mean confidence where right and where wrong, the fitted
    temperature, and accuracy under attack (``fgsm_<radius>``, ``pgd_<radius>``) and corruption
    (``noise_<strength>``, ``dropout_<share>``, ``contrast_<factor>``). One half of the held-out samples fits
    the temperature, the other is the test.

    Networks of one architecture, loss and dataset are trained as one fan. A row is kept when its fan ends;
    called again, also after an interruption, only what is missing is trained.

    Args:
        data: datasets of the catalogue, each a name or Spec.
        widths, depths: of the fully connected networks; every layer has the width.
        activations: "relu", "tanh". losses: of the catalogue, each a name or Spec.
        vary: further paths of the experiment with their numbers, as of a `Fan`; columns of the table. What
            differs in these and the seed is trained in one batched step.
        seeds: how many for each design (from 0), or which: of weights and batch order.
        settings: of the `Experiment` besides these; more or other than `SETTINGS`.
        store: the SQLite file; made where missing.
        n_jobs, backend: as of `cv.sweep`.
        retry: trains networks again that failed.
        progress: writes one line that tells how far it is.

    Raises:
        InputError, UnknownName: an argument does not do (told before anything is trained), or the store is
            damaged or something else's.
    """
    import joblib
    import pandas

    from clsviz.training.spread import Progress, spread
    from clsviz.training.sweep_store import SweepStore
    from clsviz.training.sweeps import key_of

    chosen = list(range(seeds)) if isinstance(seeds, int) else [int(s) for s in seeds]
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds: expected a count >= 1 or different seeds, got {seeds!r}")
    groups = _groups(data, widths, depths, activations, losses, vary, settings or {})
    rows = [(*member, key_of(member[1])) for group in groups for member in _members(group, chosen)]
    with SweepStore(store) as kept:
        known = kept.read(MEASURED)
        lost = {k for _, _, k in rows if k not in known or (retry and known[k]["state"] == "failed")}
        experiments = {key: own.to_json() for _, own, key in rows}
        calls = [joblib.delayed(_measured)(*call) for g in groups for call in _calls(g, chosen, lost)]
        telling = Progress("study", "networks", len(lost), progress)
        for results in spread(calls, n_jobs, backend):
            for key, result in results.items():
                kept.write(key, MEASURED, experiments[key], result)
                if key in lost:
                    telling.one(failed=result["state"] == "failed")
        telling.end()
        known = kept.read(MEASURED)
    found = []
    for columns, _, key in rows:
        result = known[key]
        found.append(
            {
                **columns,
                "state": result["state"],
                **result["measures"],
                "seconds": result["seconds"],
                "error": result["error"],
            }
        )
    table = pandas.DataFrame(found)
    last = ["seconds", "error"]
    return Study(table[[name for name in table if name not in last] + last])


def _groups(
    data: Sequence[Any],
    widths: Sequence[int],
    depths: Sequence[int],
    activations: Sequence[str],
    losses: Sequence[Any],
    vary: Mapping[str, Sequence[float]],
    settings: Mapping[str, Any],
) -> list[Group]:
    """A group for each dataset and design, in order."""
    from clsviz.training import Experiment
    from clsviz.training.fan_members import checked_vary

    axes = {"data": data, "widths": widths, "depths": depths, "activations": activations, "losses": losses}
    for name, values in axes.items():
        if isinstance(values, str | Mapping | Spec) or not isinstance(values, Sequence) or not values:
            raise InputError(f"{name}: expected a sequence of at least one, got {values!r}")
    if "seed" in vary:
        raise InputError("seeds are given twice: in vary['seed'] and as seeds=")
    sets, losses = [Spec.of(d) for d in data], [Spec.of(loss) for loss in losses]
    found = []
    for chosen, width, depth, activation, loss in itertools.product(
        sets, widths, depths, activations, losses
    ):
        if not isinstance(depth, int) or depth < 1:
            raise InputError(f"depths: expected whole numbers >= 1, got {depth!r}")
        model = Spec("mlp", {"hidden": (width,) * depth, "activation": activation})
        own = Experiment(**{**SETTINGS, **settings, "data": chosen, "model": model, "loss": loss})
        values = (_words(chosen, sets), width, depth, activation, _words(loss, losses))
        columns = dict(zip(("data", *DESIGN), values, strict=True))
        found.append(Group(columns, own, checked_vary(own, vary) if vary else {}))
    return found


def _words(spec: Spec, among: Sequence[Spec]) -> str:
    """Its name, with its parameters where the name alone is not unique."""
    if sum(other.name == spec.name for other in among) == 1:
        return spec.name
    return f"{spec.name} {', '.join(f'{k}={v}' for k, v in spec.params.items())}".strip()


def _members(group: Group, seeds: Sequence[int]) -> list[tuple[dict[str, Any], Experiment]]:
    """Columns and experiment of each network of a group."""
    found = []
    for *values, seed in itertools.product(*group.vary.values(), seeds):
        varied = dict(zip(group.vary, values, strict=True))
        found.append(
            ({**group.columns, **varied, "seed": seed}, group.experiment.replace({**varied, "seed": seed}))
        )
    return found


def _calls(group: Group, seeds: Sequence[int], lost: set[str]) -> list[tuple[Any, ...]]:
    """What to train so that nothing of the group is lost: arguments of `_measured`, a fan each."""
    from clsviz.training.sweeps import key_of

    missing = [columns for columns, own in _members(group, seeds) if key_of(own) in lost]
    vary = {
        path: [v for v in values if any(m[path] == v for m in missing)] for path, values in group.vary.items()
    }
    again = [seed for seed in seeds if any(m["seed"] == seed for m in missing)]
    size = max(1, FAN // math.prod(map(len, vary.values()), start=1)) if again else 1
    own = group.experiment.to_json()
    return [(own, vary, again[i : i + size]) for i in range(0, len(again), size)]


def _measured(
    experiment: Mapping[str, Any], vary: Mapping[str, Sequence[float]], seeds: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """The results of one fan by key, in whatever process."""
    import torch

    from clsviz.training import Experiment
    from clsviz.training.sweeps import key_of
    from clsviz.training.trainer import use_one_torch_thread

    start, threads = time.monotonic(), torch.get_num_threads()
    group = Group({}, Experiment.from_json(experiment), {path: tuple(v) for path, v in vary.items()})
    keys = [key_of(own) for _, own in _members(group, seeds)]
    found: dict[str, dict[str, Any]] = {}
    use_one_torch_thread()  # as a fan of its own has it: workers do not crowd each other
    try:
        found |= zip(keys, _results(group, seeds, start), strict=True)
    except Exception:
        failed = {"state": "failed", "measures": {}, "error": traceback.format_exc(limit=-3), "seconds": 0.0}
        found = {key: failed for key in keys}
    finally:
        torch.set_num_threads(threads)
    return found


def _results(group: Group, seeds: Sequence[int], start: float) -> list[dict[str, Any]]:
    """Trains a fan, without the timeline that nobody looks at, and measures its members."""
    from clsviz.calibration.study_network import measured
    from clsviz.training.fan_session import FanSession
    from clsviz.training.source import model_from

    base = _dataset(json.dumps(group.experiment.data.to_json()))
    fan = FanSession(group.experiment, {**group.vary, "seed": seeds}, 1, base=base, budget_bytes=1)
    fan.record()  # what a member that diverges at once falls back to
    while fan.engine.finite and fan.engine.step < fan.target:
        fan.engine.advance()
    fan.record()
    trained = (time.monotonic() - start) / len(fan.members)
    found = []
    for timeline, frozen in zip(fan.timelines, fan.engine.diverged.tolist(), strict=True):
        begun = time.monotonic()
        result: dict[str, Any] = {"state": "finished", "measures": {}, "error": ""}
        if frozen >= 0:
            result |= {"state": "diverged", "error": f"not finite at step {frozen}: lower optimizer.lr"}
        else:
            result["measures"] = measured(model_from(fan.template, timeline.latest), fan.dataset)
        found.append({**result, "seconds": trained + time.monotonic() - begun})
    return found


@functools.lru_cache(maxsize=4)
def _dataset(spec: str) -> Dataset:
    """Made once in each process; nobody writes into it."""
    from clsviz.data import load

    return load(json.loads(spec))

"""What the papers claim, measured here: one exhibit for each paper behind the catalogue.

``cv.exhibits()`` lists them with their verdicts, ``cv.exhibit("elr")`` opens one. Reading them needs no
torch: the numbers of each seed are stored in ``results/<id>.json``, and verdicts are computed from them
when shown. ``make exhibits`` (``make exhibits ONLY=elr``) measures anew.

To write one, put a function into a module here and name the module in `ROOMS`::

    @exhibit(
        id="elr",                                # the backticked name of the paper's row in rows.tsv
        title="Early learning and memorisation",
        paper="Early-Learning Regularization Prevents Memorization of Noisy Labels",  # full title
        entries=("losses.elr",),                 # catalogue entries it is about
        claim="What the paper says.",
        expected="What one should see here if it holds.",
        setting="Data, models, what was tuned how; test samples used for nothing else.",
        headline={"ce_end": "test accuracy, CE, last epoch"},   # keys of the numbers that matter, in words
        experiment={"data": "digits", "loss": "elr", "label_noise": 0.4},  # of Experiment; None: no lab.
                                                 # "data" may be a function that gives a Dataset of one's own,
                                                 # "teacher" and "extras" (of Run) one that gives them,
                                                 # "more" lists further views that the lab opens with
        verdict=verdict,                         # (Numbers) -> Verdict
        picture=picture,                         # (Numbers) -> plotly Figure, see `pictures`
    )
    def elr(seed: int, scale: float) -> dict[str, float | list[float]]:
        ...                                      # a number, or a list of numbers (a curve), a key

- ``scale`` 1 is what is stored (at most a minute for five seeds on one core); the suite runs 0.02, in
  seconds: multiply epochs and samples by it (`fitting.scaled`). Keys must not depend on it.
- All numbers are finite, and follow from the seed alone: the seed draws data, split, noise and weights.
- Import torch and clsviz.training inside functions only: the listing reads every module. `fitting` holds
  what most exhibits train with, and imports torch late.
- A verdict is ``Verdict("reproduces" | "partly" | "not at this scale", "What we see.")``, decided with
  `Numbers.exceeds` (differences paired by seed, one-sided 95 %), its sentence written with
  `Numbers.text`. Competitors are tuned equally. What does not show is said so: that is a result.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from clsviz.exhibits.registry import Exhibit, Numbers, Verdict, exhibit

__all__ = ["ROOMS", "Exhibit", "Numbers", "Verdict", "exhibit"]

# Modules of this package that hold exhibits, in the order of the listing.
ROOMS: tuple[str, ...] = (
    "noisy_labels",
    "comp_sum",
    "imbalance",
    "ranking",
    "overfitting",
    "coverage",
    "bags",
    "rewards",
    "sample_weights",
    "contrast",
    "transfer",
    "pair_weights",
    "distillation",
    "self_distillation",
    "new_classes",
    "value_targets",
    "ordinal",
    "several_labels",
    "sample_temperatures",
    "early_exits",
    "outside",
    "label_distances",
    "calibration_study",
    "model_choice",
    "limits",
    "two_regimes",
    "tilting",
    "shortcuts",
    "halfspaces",
    "far_samples",
    "switches",
    "two_cues",
    "explained",
    "updates",
    "extraction",
    "surrogates",
    "patches",
    "unlearnable",
    "one_class",
    "outliers",
)


class _Listing(types.ModuleType):
    """This package is called as ``cv.exhibits()``: importing it puts the module itself in that place."""

    def __call__(self) -> Any:
        from clsviz.exhibits.listing import exhibits

        return exhibits()


sys.modules[__name__].__class__ = _Listing

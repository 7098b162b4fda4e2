"""Every random draw of a run, as a function of its seed.

Nothing here keeps a position: the order of an epoch or the noise of a step is found from its
number alone. So going back in time needs no generator state, and two engines that ask the same
question draw the same numbers.
"""

from __future__ import annotations

import numpy as np

USES = ("weights", "order", "step", "labels", "rows", "supply", "unlabelled")


def derive(seed: int, use: str, *counters: int) -> int:
    """A seed in [0, 2**63) for one use of a run's seed, independent of all its other uses.

    Args:
        seed: the experiment's seed, >= 0.
        use: one of `USES`.
        counters: which epoch, step, ... of that use.
    """
    words = np.random.SeedSequence([seed, USES.index(use), *counters]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def generator_of(seed: int, use: str, *counters: int) -> np.random.Generator:
    """NumPy's generator for one use of a run's seed."""
    return np.random.default_rng(derive(seed, use, *counters))


def batch_order(seed: int, epoch: int, train: np.ndarray) -> np.ndarray:
    """The order, (n,) int64, in which this epoch visits the training samples `train`."""
    return generator_of(seed, "order", epoch).permutation(train)

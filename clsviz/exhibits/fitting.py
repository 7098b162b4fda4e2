"""What most exhibits train with: runs of the lab's own engine on the CPU, rows for tuning and for testing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from clsviz.catalogue import Spec
    from clsviz.data import Dataset
    from clsviz.training import Experiment, Fan, Run


def scaled(count: float, scale: float, least: int = 1) -> int:
    """`count` (epochs, samples) at this scale, rounded, at least `least`."""
    return max(least, round(count * scale))


def samples(data: Spec | str | Dataset, scale: float, least: int = 100) -> Dataset:
    """The dataset; at a smaller scale with fewer samples in both parts, at least `least` in each."""
    from clsviz.data import load

    whole = load(data)
    if scale >= 1:
        return whole
    rng = np.random.default_rng(0)
    parts: dict[str, Any] = {}
    for name in ("train", "validation"):
        rows = getattr(whole, name)
        parts[name] = np.sort(rng.permutation(rows)[: scaled(len(rows), scale, least)])
    return replace(whole, **parts)


def experiment_of(settings: Mapping[str, Any] | Experiment, changes: Mapping[str, Any]) -> Experiment:
    """The experiment with these dotted paths changed, on the CPU in float32: there numbers repeat."""
    from clsviz.training import Experiment

    own = settings if isinstance(settings, Experiment) else Experiment(**settings)
    return own.replace({"device": "cpu", "precision": "float32", **changes})


def trained(
    settings: Mapping[str, Any] | Experiment,
    changes: Mapping[str, Any] | None = None,
    **given: Any,
) -> Run:
    """A finished run: `run.predict(X, step)`, `run.curve`, `run.dataset`, `run.timeline`.

    Args:
        settings: arguments of `Experiment`.
        changes: dotted paths changed: ``{"loss.lam": 0, "seed": 3}``.
        given: further arguments of `Run`: data, module, extras.

    Raises:
        Diverged: it did not come to its end.
    """
    from clsviz.training import Run

    return _finished(Run(experiment_of(settings, changes or {}), **given))


def trained_fan(
    settings: Mapping[str, Any] | Experiment,
    vary: Mapping[str, Sequence[float]],
    changes: Mapping[str, Any] | None = None,
    **given: Any,
) -> Fan:
    """A finished `Fan`: one network for each combination of the varied values; often many in one step.

    ``fan.predict(X, member=i)`` and ``fan.members[i].values`` tell them apart. Members that diverged
    stand at their last finite step.
    """
    from clsviz.training import Fan

    return _finished(Fan(experiment_of(settings, changes or {}), vary, **given))


def _finished(training: Any) -> Any:
    from clsviz.errors import Diverged

    training.start()
    training.wait()
    state, message = training.state, training.message
    training.stop()  # ends the thread; what was learnt stays readable
    if state != "finished":
        raise Diverged(f"{training.experiment.to_json()} ended as {state}: {message}")
    return training


def halves(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The validation part in two, drawn by the seed: rows to tune on, and rows only to test on."""
    rows = np.random.default_rng([seed, 1]).permutation(dataset.validation)
    return np.sort(rows[: len(rows) // 2]), np.sort(rows[len(rows) // 2 :])


def best_member(
    fan: Fan,
    rows: np.ndarray,
    members: Sequence[int] | None = None,
    score: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> int:
    """The member that scores highest on these rows of the data, with their clean labels.

    Args:
        members: those to choose from; None: all.
        score: (logits, labels) -> number; None: accuracy.
    """
    count = score or accuracy
    X, y = fan.dataset.X[rows], fan.dataset.y_clean[rows]
    found = {i: count(fan.predict(X, member=i), y) for i in members or range(len(fan.members))}
    return max(found, key=lambda i: found[i])


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows whose largest logit is the label's."""
    return float((logits.argmax(1) == labels).mean())


def fit(
    model: nn.Module,
    objective: Callable[[Tensor], Tensor],
    n: int,
    *,
    epochs: int,
    lr: float,
    seed: int,
    batch_size: int = 64,
    weight_decay: float = 0.0,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Trains a module with Adam on what no experiment describes.

    Args:
        objective: rows (b,) int64 of the training samples -> 0-d loss.
        n: training samples; their order in each epoch follows from the seed.
        after_epoch: called with the number of epochs done.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(n, generator=generator).split(batch_size):  # type: ignore[no-untyped-call]
            optimizer.zero_grad(set_to_none=True)
            objective(rows).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        model.eval()
        if after_epoch:
            after_epoch(epoch + 1)

"""Live views on your own training loop."""

from __future__ import annotations

from typing import Any

from clsviz.training import Watch
from clsviz.widgets.lab import Lab


class WatchedLoop(Watch):
    """A watched training loop that shows itself as a laboratory, as the last line of a cell."""

    _lab: Lab | None = None

    @property
    def lab(self) -> Lab:
        """The laboratory on this loop, without the controls that steer training."""
        if self._lab is None:
            self._lab = Lab.from_run(self)
        return self._lab

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.lab._repr_mimebundle_(**kwargs)


def watch(model: Any, X_val: Any, y_val: Any, **options: Any) -> WatchedLoop:
    """Live views on your own training loop: ``w = cv.watch(...)``, then ``w.step(loss)`` in the loop.

    As the last line of a cell, `w` shows all views; each view's ``from_run(w)`` shows one.

    Args:
        model: the ``torch.nn.Module`` that your loop trains, (N, ...) to (N, K) logits.
        X_val, y_val: samples and labels the views judge it by.
        options: ``loss``, ``X_train``, ``y_train``, ``class_names``, ``steps_per_epoch``, ``budget_bytes``;
            see `clsviz.training.Watch`.

    Raises:
        InputError, ShapeError: model, samples and labels do not fit together.
    """
    return WatchedLoop(model, X_val, y_val, **options)

"""The shortcut exhibit's networks are looked at when it says, and meet only what they are to meet."""

import numpy as np
import pytest

from clsviz.exhibits.shortcuts import AVAILABILITY, NETWORKS, PREDICTIVITY, followed, shortcut


def test_cues_predict_as_said_and_the_core_cue_is_the_best_answer():
    X, y, z = shortcut(0, AVAILABILITY[-1], 20_000)
    says = (z > 0).astype(int)
    np.testing.assert_allclose((says == y[:, None]).mean(0), PREDICTIVITY, atol=0.01)
    np.testing.assert_allclose(X[:, :2], z * [AVAILABILITY[-1], 1.0])
    conflict = says[:, 0] != says[:, 1]
    assert (says[conflict, 1] == y[conflict]).mean() > 0.5


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_sees_a_cue_alone_follows_it(name):
    _, hidden, kind = NETWORKS[name]
    X, _, z = shortcut(1, 1.0, 300)
    for cue, bias in ((0, 1.0), (1, 0.0)):
        says = (z[:, cue] > 0).astype(np.int64)
        clear = np.where(np.arange(X.shape[1]) == cue, X, 0.0)
        part = clear, says, z
        losses, biases, errors = followed(hidden, kind, [part] * 3, 0.03, (1, 60, 60), 0)
        assert len(losses) == len(biases) == len(errors) == 3, "one for each look, also for equal ones"
        assert biases[-1] == pytest.approx(bias, abs=0.05)
        assert errors[-1] < 0.05 and losses[-1] < losses[0]

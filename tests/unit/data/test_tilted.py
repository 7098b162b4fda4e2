"""The data set with controlled tilt: drawn as the contract says, on its own scale, the truth beside it."""

import numpy as np
import pytest

import clsviz as cv
from clsviz.data.scale import standardised
from clsviz.errors import InputError

USEFUL = {"sigma_tilt": 0.3, "rho": -0.8}


def test_its_samples_are_those_of_make_tilt_data_unscaled():
    data = cv.data.tilted(n=60, dim=7, seed=3, **USEFUL)
    X, y = cv.boundary.make_tilt_data(30, 7, seed=3, **USEFUL)
    np.testing.assert_allclose(data.X, X, rtol=1e-6)
    np.testing.assert_array_equal(data.y, y)
    assert data.feature_names[:3] == ("class axis", "tilt axis", "noise 1") and data.n_features == 7
    assert dict(data.tilt) == {
        "separation": 2.0, "sigma_signal": 0.5, "sigma_rest": 0.5, **USEFUL,
    }  # fmt: skip


@pytest.mark.parametrize("toy", [{}, USEFUL, {"sigma_tilt": 0.0}, {"separation": 0.0}])
def test_its_bayes_error_is_the_theorys_least(toy):
    angles = np.linspace(-np.pi / 2, np.pi / 2, 20_001)[1:-1]
    least = np.min(cv.boundary.tilt_theory(angles, **toy).error)
    assert cv.data.tilted(**toy).bayes_error == pytest.approx(least, abs=1e-7)


def test_a_lab_takes_its_parameters_and_keeps_the_tilt_axis_flat():
    lab = cv.Lab(cv.Spec("tilted", {"dim": 30, "sigma_tilt": 0.01}), "linear", autostart=False)
    data = lab.run.dataset
    assert data.n_features == 30 and 0.005 < data.X[:, 1].std() < 0.02 and data.tilt["sigma_tilt"] == 0.01
    lab.close()


def test_a_saved_run_on_it_keeps_the_truth(tmp_path):
    data = cv.data.tilted(n=40)
    run = cv.Run(cv.Experiment(model="linear", epochs=1), data=data).start()
    run.wait(30)
    run.save(tmp_path / "tilted")
    run.stop()
    again = cv.Run.load(tmp_path / "tilted")
    assert again.dataset.tilt == data.tilt
    again.stop()


def test_what_moves_the_samples_drops_the_truth_about_them():
    data = cv.data.tilted()
    assert standardised(data).tilt is None
    assert cv.data.with_shift(data, noise=0.1).tilt is None
    assert cv.data.with_shift(data).tilt == data.tilt
    assert cv.data.with_label_noise(data, kind="symmetric", rate=0.1).tilt == data.tilt


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n": 41}, "n must be even"),
        ({"dim": 1}, "dim"),
        ({"rho": 1.0}, "rho is a correlation"),
        ({"sigma_tilt": -0.1}, "sigma_tilt"),
    ],
)
def test_values_out_of_range_are_named(bad, message):
    with pytest.raises(InputError, match=message):
        cv.data.tilted(**bad)

"""The multiplicity view's numbers are those of the calibration functions, for fans and for own models."""

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import clsviz as cv
from clsviz import calibration
from clsviz.errors import InputError, ShapeError
from clsviz.widgets.multiplicity import growth

PROBS = np.array([[0.2, 0.6], [0.35, 0.5], [0.25, 0.9]])  # of class 1, the contract's


@pytest.fixture(scope="module")
def fan():
    fan = cv.Fan(cv.Experiment("iris", epochs=4), {"seed": range(6)})
    fan.start()
    assert fan.wait(60), fan.message
    yield fan
    fan.stop()


def said(fan, member, step=None, temperature=1.0):
    """Probabilities by a member, and the labels, of the validation samples."""
    rows = fan.dataset.validation
    logits = fan.predict(fan.dataset.X[rows], step, member)
    return calibration.apply_temperature(logits, temperature), fan.dataset.y[rows]


@pytest.mark.parametrize("temperature", [1.0, 0.3])
@pytest.mark.parametrize("target", [None, 2])
def test_the_numbers_are_those_of_the_calibration_functions(fan, temperature, target):
    view = cv.MultiplicityView.from_run(
        fan, temperature=temperature, target_class=target, epsilon=0.02, delta=0.05
    )
    probs = np.stack([said(fan, m, None, temperature)[0] for m in range(6)])
    labels = said(fan, 0)[1]
    losses = [calibration.nll(p, labels) for p in probs]
    best = int(np.argmin(losses))
    members = calibration.rashomon_set(losses, 0.02)
    read = probs[:, np.arange(len(labels)), labels] if target is None else probs[:, :, target]
    r = view.result
    assert r.losses == pytest.approx(losses, abs=1e-9)
    assert r.baseline == best
    np.testing.assert_array_equal(r.members, members)
    assert r.ratio == len(members) / 6
    np.testing.assert_allclose(r.probs, read[best], atol=1e-12)
    np.testing.assert_allclose(r.viable, calibration.viable_range(read[members]), atol=1e-12)
    assert r.moved == calibration.multiplicity(read[members], read[best], delta=0.05)
    assert r.answers == calibration.label_multiplicity(probs.argmax(2)[members], probs[best].argmax(1))
    np.testing.assert_allclose(r.capacity, calibration.rashomon_capacity(probs[members]), atol=1e-9)
    view.close()


def test_the_range_holds_the_best_network_and_widens_with_epsilon(fan):
    view = cv.MultiplicityView.from_run(fan)
    width = 0.0
    for epsilon in (0.0, 0.01, 0.1, 10.0):
        view.epsilon = epsilon
        r = view.result
        low, high = r.viable.T
        assert (low <= r.probs).all() and (r.probs <= high).all()
        assert ((high - low) >= width).all()
        width = high - low
        assert r.moved.ambiguity >= r.moved.discrepancy
    assert len(r.members) == 6
    view.epsilon = 0.0
    assert view.result.answers == calibration.Multiplicity(0.0, 0.0)  # the best against itself
    view.close()


def test_epoch_and_network_shown_are_the_states(fan):
    first = fan.timeline.steps[1]
    view = cv.MultiplicityView.from_run(fan, step=first, baseline="shown", member=3)
    r = view.result
    p, labels = said(fan, 3, first)
    assert (r.step, r.baseline) == (first, 3)
    np.testing.assert_allclose(r.probs, p[np.arange(len(labels)), labels], atol=1e-12)
    view.member = None
    assert view.result.baseline == 0  # a fan's first member stands for it
    view.close()


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.integers(1, 6),
    st.integers(1, 9),
    st.floats(0, 1),
)
def test_growth_is_that_of_ever_larger_sets(data, m, n, delta):
    probs = data.draw(hnp.arrays(float, (m, n), elements=st.floats(0, 1)))
    preds = data.draw(hnp.arrays(int, (m, n), elements=st.integers(0, 2)))
    losses = data.draw(hnp.arrays(float, m, elements=st.sampled_from([0.0, 0.1, 0.25, 1.0])))
    grown = growth(losses, probs, preds, probs[0], preds[0], delta)
    assert (np.diff(grown.epsilon) >= 0).all() and grown.epsilon[0] == 0
    for j in range(m):
        best = grown.order[: j + 1]
        moved = calibration.multiplicity(probs[best], probs[0], delta=delta)
        answers = calibration.label_multiplicity(preds[best], preds[0])
        assert (grown.ambiguity[j], grown.discrepancy[j]) == (moved.ambiguity, moved.discrepancy)
        assert (grown.label_ambiguity[j], grown.label_discrepancy[j]) == (
            answers.ambiguity,
            answers.discrepancy,
        )


def test_models_of_ones_own_are_compared_too():
    view = cv.MultiplicityView.from_predictions(
        [0, 1], PROBS, delta=0.2, epsilon=9.0, target_class=1, baseline="shown", member=0
    )
    r = view.result
    assert (r.moved.ambiguity, r.moved.discrepancy) == (0.5, 0.5)
    np.testing.assert_allclose(r.viable, [[0.2, 0.35], [0.5, 0.9]], atol=1e-6)
    np.testing.assert_allclose(r.capacity, [1.014358160, 1.107717054], atol=1e-6)
    assert r.losses == pytest.approx(
        [calibration.nll(np.stack([1 - p, p], 1), [0, 1]) for p in PROBS], abs=1e-6
    )
    view.close()


def test_two_classes_may_be_given_whole_or_by_the_second(fan):
    whole = np.stack([1 - PROBS, PROBS], 2)
    for preds, kind in ((whole, "probs"), (np.log(whole), "logits")):
        view = cv.MultiplicityView.from_predictions([0, 1], preds, kind=kind)
        np.testing.assert_allclose(
            view.result.viable, cv.MultiplicityView.from_predictions([0, 1], PROBS).result.viable, atol=1e-6
        )


def test_the_models_cross_the_wire_as_a_fan(recorded):
    view = cv.MultiplicityView.from_predictions([0, 1], PROBS)
    packets = view.session.record(None, ([0], [0, 1, 2]))
    by = {p.header["kind"]: p for p in packets}
    assert by["fan"].header["fan"]["own"] is True
    assert [m["values"] for m in by["fan"].header["fan"]["members"]] == [{"model": m} for m in (0, 1, 2)]
    assert by["fan_weights"].header["items"] == [[1, 0], [2, 0]]  # the first is the run
    sent = by["fan_weights"].buffers[0].reshape(2, 2, 2)
    np.testing.assert_allclose(np.exp(sent[..., 1]), PROBS[1:], atol=1e-6)
    view.close()


@pytest.mark.parametrize(
    ("y", "preds", "error", "says"),
    [
        ([0, 1], [0.5, 0.5], ShapeError, r"\(M, N, K\)"),
        ([0, 1], np.empty((0, 2)), ShapeError, r"\(M, N, K\)"),
        ([0, 3], PROBS, InputError, r"0\.\.1"),
        ([0, 1], [[[0.9, 0.3], [0.5, 0.5]]], InputError, "sum to 1"),
        ([0, 1, 1], PROBS, ShapeError, "y_true"),
    ],
)
def test_predictions_that_cannot_be_used_are_refused(y, preds, error, says):
    with pytest.raises(error, match=says):
        cv.MultiplicityView.from_predictions(y, preds)


def test_what_is_missing_or_out_of_range_is_said(trained, fan):
    alone = cv.MultiplicityView.from_run(trained)
    with pytest.raises(InputError, match=r"no networks to compare.*fan_out"):
        _ = alone.result
    assert len(alone.to_png()) > 0  # says the same
    alone.close()
    view = cv.MultiplicityView.from_run(fan, target_class=7)
    with pytest.raises(InputError, match=r"target_class: the classes are 0\.\.2, not 7"):
        _ = view.result
    for name, value in {"epsilon": -0.1, "delta": 1.5, "target_class": -1, "baseline": "worst"}.items():
        with pytest.raises(traitlets.TraitError):
            setattr(view, name, value)
    view.close()


def test_it_can_be_taken_along(fan, tmp_path):
    view = cv.MultiplicityView.from_run(fan, epsilon=0.1)
    title = view.to_plotly().layout.title.text
    assert title == view.summary() and "of 6 networks within 0.1 nats" in title
    assert view.to_png(tmp_path / "a.png") == (tmp_path / "a.png").read_bytes()
    assert "Sliders work without a kernel" in view.to_html()
    view.close()


def test_a_lab_reaches_it_whether_it_is_open_or_not():
    lab = cv.Lab("moons", epochs=2, pace=None, instant=False)
    lab.run.wait(30)
    fan = lab.fan_out("seed", [0.0, 1.0, 2.0], 1)  # as the browser has numbers
    fan.wait(60)
    assert fan.vary == {"seed": (0, 1, 2)}
    lab.views.multiplicity.epsilon = 0.3
    closed = lab.views.multiplicity.result
    lab.more = ["Multiplicity"]
    assert lab.more == ["multiplicity"]
    assert lab.views.multiplicity.result.ratio == closed.ratio
    assert len(closed.losses) == 3 and lab.multiplicity_epsilon == 0.3
    lab.views.multiplicity.baseline = "shown"
    assert lab.views.multiplicity.result.baseline is None  # the run itself
    state = lab.scene().state
    assert (state["more"], state["multiplicity.epsilon"]) == (["multiplicity"], 0.3)
    assert lab.views.multiplicity.to_png()
    lab.close()

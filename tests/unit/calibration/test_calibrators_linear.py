"""Vector, matrix and Dirichlet scaling, and the Newton steps behind them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from clsviz import calibration as cal
from clsviz.calibration import softmax_regression
from clsviz.calibration.newton import logistic, newton
from clsviz.errors import InputError, ShapeError

Z1 = [[2, 0, 0], [0, 1, 0], [0, 0, 3], [1, 0, 0], [0, 2, 0]]
L1 = [0, 1, 2, 1, 0]


def sample(n=200, k=4, seed=0):
    """Over-confident logits that mix up classes, and labels; not separable."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    logits = rng.normal(0, 1, (n, k)) + 2 * np.eye(k)[y]
    return 2 * logits @ (np.eye(k) + 0.2 * rng.normal(size=(k, k))), y


def torch_nll(logits, y, *, vector):
    """Least mean nll by torch's LBFGS in float64, from the identity."""
    z, labels, k = torch.tensor(logits), torch.tensor(y), logits.shape[1]
    w = (torch.ones(k) if vector else torch.eye(k)).double().requires_grad_()
    b = torch.zeros(k, dtype=torch.float64, requires_grad=True)

    def loss():
        return torch.nn.functional.cross_entropy((w * z if vector else z @ w.T) + b, labels)

    options = {"max_iter": 2000, "tolerance_grad": 1e-11, "tolerance_change": 1e-16}
    lbfgs = torch.optim.LBFGS([w, b], line_search_fn="strong_wolfe", **options)

    def closure():
        lbfgs.zero_grad()
        value = loss()
        value.backward()
        return value

    lbfgs.step(closure)
    return loss().item(), w.detach().numpy(), b.detach().numpy()


def test_objectives_of_the_contract():
    fit = cal.fit_matrix_scaling(Z1, L1, reg_off_diagonal=0.1, reg_bias=0.1)
    assert fit.objective == pytest.approx(0.451700924, abs=1e-7)
    off = (fit.weight[~np.eye(3, dtype=bool)] ** 2).mean()
    assert fit.objective == pytest.approx(fit.nll + 0.1 * off + 0.1 * (fit.bias**2).mean())
    probs = cal.apply_temperature(Z1)
    assert cal.fit_dirichlet(probs, L1).objective == pytest.approx(0.219041534, abs=1e-7)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 5))
def test_vector_scaling_is_what_torch_finds(seed, k):
    logits, y = sample(k=k, seed=seed)
    fit = cal.fit_vector_scaling(logits, y)
    nll, scale, bias = torch_nll(logits, y, vector=True)
    assert fit.nll == pytest.approx(nll, abs=1e-7)
    np.testing.assert_allclose(fit.scale, scale, atol=1e-3)
    np.testing.assert_allclose(fit.bias, bias - bias.mean(), atol=1e-3)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(2, 5))
def test_matrix_scaling_is_what_torch_finds_from_the_identity(seed, k):
    logits, y = sample(k=k, seed=seed)
    fit = cal.fit_matrix_scaling(logits, y)
    nll, weight, bias = torch_nll(logits, y, vector=False)
    assert fit.nll == fit.objective == pytest.approx(nll, abs=1e-7)
    np.testing.assert_allclose(fit.weight, weight, atol=1e-3)
    np.testing.assert_allclose(fit.bias, bias, atol=1e-3)


@pytest.mark.parametrize("use_log", [False, True])
def test_matrix_scaling_agrees_with_logistic_regression(use_log):
    logits, y = sample(k=3)
    inputs = cal.apply_temperature(logits) if use_log else logits
    x = np.log(np.maximum(inputs, 1e-12)) if use_log else inputs
    oracle = LogisticRegression(C=1e8, tol=1e-10, max_iter=5000).fit(x, y)
    nll = -oracle.predict_log_proba(x)[np.arange(len(y)), y].mean()
    fit = cal.fit_matrix_scaling(inputs, y, use_log=use_log)
    assert fit.nll == pytest.approx(nll, abs=1e-7)
    np.testing.assert_allclose(fit.apply(inputs), oracle.predict_proba(x), atol=1e-4)


@pytest.mark.parametrize(("off", "bias"), [(0.01, 0.01), (0.0, 0.3), (0.3, 0.0), (50.0, 50.0)])
def test_no_step_away_from_a_penalised_fit_is_better(off, bias):
    logits, y = sample(n=80, k=3)
    fit = cal.fit_matrix_scaling(logits, y, reg_off_diagonal=off, reg_bias=bias)

    def objective(theta):
        w, b = theta[:9].reshape(3, 3), theta[9:]
        penalty = off * (w[~np.eye(3, dtype=bool)] ** 2).mean() + bias * (b**2).mean()
        return cal.nll(logits @ w.T + b, y, kind="logits") + penalty

    theta = np.concatenate([fit.weight.ravel(), fit.bias])
    assert objective(theta) == pytest.approx(fit.objective, abs=1e-12)
    slope = [(objective(theta + h) - objective(theta - h)) / 2e-5 for h in 1e-5 * np.eye(len(theta))]
    np.testing.assert_allclose(slope, 0, atol=1e-8)


def test_many_classes_are_fitted_without_the_whole_hessian(monkeypatch):
    logits, y = sample(n=300, k=5)
    options = {"reg_off_diagonal": 0.01, "reg_bias": 0.02}
    newton_steps = cal.fit_matrix_scaling(logits, y, **options)
    monkeypatch.setattr(softmax_regression, "DENSE", 0)
    gradient_steps = cal.fit_matrix_scaling(logits, y, **options)
    assert gradient_steps.objective == pytest.approx(newton_steps.objective, abs=1e-7)
    vector = cal.fit_vector_scaling(logits, y)
    monkeypatch.undo()
    assert vector.nll == pytest.approx(cal.fit_vector_scaling(logits, y).nll, abs=1e-7)


def test_twenty_five_classes_are_fitted_as_closely_as_few():
    logits, y = sample(n=3000, k=25)  # 650 parameters
    fit = cal.fit_matrix_scaling(logits, y)
    residual = fit.apply(logits) - np.eye(25)[y]
    np.testing.assert_allclose(residual.T @ logits / len(y), 0, atol=1e-6)
    np.testing.assert_allclose(residual.mean(0), 0, atol=1e-6)


@pytest.mark.parametrize("fit", [cal.fit_vector_scaling, cal.fit_matrix_scaling])
def test_scaling_is_never_worse_than_the_best_temperature(fit):
    logits, y = sample()
    assert fit(logits, y).nll <= cal.fit_temperature(logits, y).nll_after


@pytest.mark.parametrize("fit", [cal.fit_vector_scaling, cal.fit_matrix_scaling])
def test_the_unit_of_the_logits_does_not_matter(fit):
    logits, y = sample()
    plain, huge = fit(logits, y), fit(logits * 1e4, y)
    assert huge.nll == pytest.approx(plain.nll, abs=1e-9)
    np.testing.assert_allclose(huge.apply(logits * 1e4), plain.apply(logits), atol=1e-6)


@pytest.mark.parametrize("fit", [cal.fit_vector_scaling, cal.fit_matrix_scaling])
def test_permuting_samples_and_classes_changes_nothing(fit):
    logits, y = sample()
    rng = np.random.default_rng(1)
    order, classes = rng.permutation(len(y)), rng.permutation(4)
    moved = fit(logits[order][:, classes], np.argsort(classes)[y][order])
    np.testing.assert_allclose(
        moved.apply(logits[:, classes]), fit(logits, y).apply(logits)[:, classes], atol=1e-6
    )


@pytest.mark.parametrize("fit", [cal.fit_vector_scaling, cal.fit_matrix_scaling])
@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (1e4 * np.eye(3), [0, 1, 2]),  # separable
        ([[1, 2, 3]], [0]),  # one sample
        ([[3, 1, 0], [0, 1, 2], [2, 2, 2]], [1, 1, 1]),  # one class
    ],
)
def test_where_everything_can_be_predicted_the_loss_goes_to_zero(fit, logits, labels):
    found = fit(logits, labels)
    assert 0 <= found.nll < 1e-9
    assert (found.apply(logits).argmax(1) == labels).all()


def test_constant_logits_leave_the_shares_of_the_classes():
    y = [0, 0, 0, 1, 1, 2]
    for fit in (cal.fit_vector_scaling, cal.fit_matrix_scaling):
        np.testing.assert_allclose(fit(np.ones((6, 3)), y).apply(np.ones((1, 3)))[0], [1 / 2, 1 / 3, 1 / 6])


def test_lists_tensors_float32_and_one_column_are_taken():
    logits, y = sample(k=2)
    single = logits.astype(np.float32)
    value = cal.fit_vector_scaling(single.astype(float), y)
    for same in (single, single.tolist(), torch.tensor(single, requires_grad=True)):
        assert cal.fit_vector_scaling(same, y.tolist()).nll == value.nll
    margin = logits[:, 1] - logits[:, 0]
    assert cal.fit_matrix_scaling(margin, y).apply(margin).shape == (len(y), 2)
    assert cal.fit_dirichlet(1 / (1 + np.exp(-margin)), y).apply([0.2]).sum() == pytest.approx(1)


def test_probabilities_of_zero_are_floored():
    fit = cal.fit_dirichlet([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]], [0, 1, 1, 0])
    assert np.isfinite(fit.objective) and np.isfinite(fit.apply([[1.0, 0.0]])).all()


def test_inputs_stay_as_they_were():
    logits, y = sample()
    before = logits.copy()
    cal.fit_vector_scaling(logits, y)
    cal.fit_matrix_scaling(logits, y, use_log=False)
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cal.fit_vector_scaling([[0.0, np.nan]], [0]), "logits holds NaN"),
        (lambda: cal.fit_vector_scaling([[0.0, 1.0]], [2]), "labels must be in 0..1"),
        (lambda: cal.fit_matrix_scaling([], []), "inputs is empty"),
        (lambda: cal.fit_matrix_scaling(Z1, L1, reg_bias=-1), "reg_bias must be >= 0"),
        (lambda: cal.fit_matrix_scaling(Z1, L1, reg_off_diagonal=np.inf), "reg_off_diagonal must be >= 0"),
        (lambda: cal.fit_dirichlet(Z1, L1), "probs must lie in"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_one_column_matrices_and_other_lengths_are_shape_errors():
    with pytest.raises(ShapeError, match="logits has one column"):
        cal.fit_vector_scaling([[1.0], [2.0]], [0, 0])
    with pytest.raises(ShapeError, match=r"labels must be \(5,\)"):
        cal.fit_matrix_scaling(Z1, L1[:3])


def test_newton_steps_that_overshoot_are_shortened():
    def objective(x):  # log cosh: far out a full step jumps beyond where it came from
        slope = np.tanh(x)
        return float(np.logaddexp(x, -x)[0]), slope, lambda: slope / (1 - slope**2)

    assert newton(objective, np.array([5.0]))[0] == pytest.approx(0, abs=1e-9)


def test_logistic_curve_has_no_gradient_left_where_it_ends():
    rng = np.random.default_rng(0)
    x, targets = 1e4 * rng.normal(2, 1, (60, 2)), rng.random(60)
    slopes, intercept, loss = logistic(x, targets)
    u = x @ slopes + intercept
    p = 1 / (1 + np.exp(-u))
    np.testing.assert_allclose((p - targets) @ x / 6e5, 0, atol=1e-9)
    assert (p - targets).mean() == pytest.approx(0, abs=1e-10)
    assert loss == pytest.approx((-targets * np.log(p) - (1 - targets) * np.log(1 - p)).mean())

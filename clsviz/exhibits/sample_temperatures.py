"""A temperature for each sample, learnt: TempNet, and the calibrator that learns which answers are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz import calibration as cal
from clsviz.calibration.ood import auroc
from clsviz.exhibits.fitting import accuracy, halves, samples, scaled, trained, trained_fan
from clsviz.exhibits.pictures import add_bars, add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.training import Run

EPOCHS, NOISE = 40, 0.2
RADII = (0.3, 0.45, 0.6, 0.75, 0.9)
SHARES = (0.8, 0.9, 1.0, 1.1)  # of the mean distance from uniform at the fitted temperature
ADAM = {"name": "adam", "params": {"lr": 3e-3}}
BINS = np.linspace(-1.25, 1.25, 26)  # of log2(temperature / median)
WAYS = {
    "plain": "network, T = 1",
    "scaled": "network, one T",
    "posthoc": "network, TempNet after training",
    "single": "joint network, one T",
    "joint": "joint network, its temperatures",
}


def _tempnet_verdict(numbers: Numbers) -> Verdict:
    gains = {
        (one, two): [numbers.exceeds(f"{two}_{what}", f"{one}_{what}") for what in ("nll", "ece")]
        for one, two in (("posthoc", "scaled"), ("joint", "single"), ("joint", "scaled"))
    }
    losses = {
        (one, two): [numbers.exceeds(f"{one}_{what}", f"{two}_{what}") for what in ("nll", "ece")]
        for one, two in gains
    }

    def told(pair: tuple[str, str]) -> str:
        words = [
            "better" if more else "worse" if less else "no different"
            for more, less in zip(gains[pair], losses[pair], strict=True)
        ]
        return words[0] if words[0] == words[1] else f"{words[0]} in NLL, {words[1]} in ECE"

    hot = {
        key: numbers.exceeds(f"{key}_hotter", 0.5)
        for key in ("posthoc_noisy", "posthoc_blend", "joint_noisy", "joint_blend")
    }
    cold = [key for key in hot if numbers.exceeds(f"{key}_colder", 0.5)]
    seen = (
        "Test NLL and ECE: "
        + "; ".join(
            f"{words} {numbers.text(f'{way}_nll')} and {numbers.text(f'{way}_ece')}"
            for way, words in WAYS.items()
        )
        + f". Temperatures learnt after training are {told(('posthoc', 'scaled'))} than one T; those learnt "
        f"jointly are {told(('joint', 'single'))} than one T on the same scores, and "
        f"{told(('joint', 'scaled'))} "
        f"than the usual network with one T. A mislabelled training sample is hotter than a clean one with "
        f"chance {numbers.text('joint_noisy_hotter', '.2f')} (joint) and "
        f"{numbers.text('posthoc_noisy_hotter', '.2f')} (after training), a blend of two digits hotter than "
        "a "
        f"digit with {numbers.text('joint_blend_hotter', '.2f')} and "
        f"{numbers.text('posthoc_blend_hotter', '.2f')}"
        + (
            ": doubtful samples run colder, as the loss asks of all the same distance from uniform."
            if len(cold) > 2
            else "."
        )
    )
    shown = [any(map(any, gains.values())), hot["joint_noisy"] or hot["posthoc_noisy"], hot["joint_blend"]]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _tempnet_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Test samples", "measure", "NLL (nats)  |  ECE"),
        ("Joint temperatures", "log2(temperature / median of the digits)", "share of the samples"),
        ("Hotter than a clean sample", "which", "chance"),
    )
    for series, (way, words) in enumerate(WAYS.items()):
        values = np.stack([numbers[f"{way}_nll"], numbers[f"{way}_ece"]], 1)
        add_bars(figure, ["NLL", "ECE"], values, words, series)
    middles = (BINS[1:] + BINS[:-1]) / 2
    for series, kind in enumerate(("digits", "blends", "mislabelled")):
        add_curve(figure, middles, numbers[f"{kind}_histogram"], kind, series + 4, panel=2)
    for series, way in enumerate(("posthoc", "joint")):
        values = np.stack([numbers[f"{way}_{kind}_hotter"] for kind in ("noisy", "blend")], 1)
        words = "learnt after training" if way == "posthoc" else "learnt jointly"
        add_bars(figure, ["mislabelled", "blend of two"], values, words, 2 * series + 2, panel=3)
    figure.add_hline(y=0.5, line=dict(dash="dot", width=1), row=1, col=3)
    figure.update_yaxes(range=[0, 1], col=3, row=1)
    return figure


@exhibit(
    id="tempnet",
    title="A temperature for each sample",
    paper="To Cool or not to Cool? Temperature Network Meets Large Foundation Models via DRO",
    entries=(
        "models.tempnet",
        "models.robust_temperature",
        "calibration.fit_tempnet",
        "calibration.tempnet_loss",
    ),
    claim="A small network that learns a personal temperature of each sample from a robust loss, with the "
    "classifier or after it, does better than one temperature for all.",
    expected="Test NLL and ECE are smaller than with one fitted temperature; mislabelled and ambiguous "
    "samples "
    "get higher temperatures than clean ones.",
    setting=f"Digits, {100 * NOISE:.0f} % of the training labels wrong, one hidden layer of 64, Adam at "
    "0.003, "
    f"{EPOCHS} epochs. Half of the validation part (clean labels) chooses, by NLL: the single temperature; "
    "of "
    f"TempNet after training its distance from uniform, as a share in {SHARES} of that at the single one; of "
    f"the joint network its radius in {RADII}. The other half is the test. Blends: means of two test digits "
    "of "
    "different classes.",
    headline={
        **{f"{way}_nll": f"test NLL, {words}" for way, words in WAYS.items()},
        **{f"{way}_ece": f"test ECE, {words}" for way, words in WAYS.items()},
        "joint_noisy_hotter": "chance that a mislabelled sample is hotter than a clean one, joint",
        "joint_blend_hotter": "chance that a blend is hotter than a digit, joint",
    },
    experiment={
        "data": "digits",
        "model": {"name": "tempnet", "params": {}},
        "loss": "robust_temperature",
        "optimizer": ADAM,
        "label_noise": NOISE,
        "epochs": EPOCHS,
    },
    verdict=_tempnet_verdict,
    picture=_tempnet_picture,
)
def tempnet(seed: int, scale: float) -> dict[str, Any]:
    data = samples("digits", scale)
    settings = {"optimizer": ADAM, "label_noise": NOISE, "seed": seed, "epochs": scaled(EPOCHS, scale)}
    run: Run = trained(settings, data=data)
    jointly = {**settings, "model": "tempnet", "loss": "robust_temperature"}
    fan = trained_fan(jointly, {"loss.radius": RADII}, data=data)
    noisy = run.dataset
    tune, test = halves(noisy, seed)
    X, y, y_tune = noisy.X, noisy.y_clean[test], noisy.y_clean[tune]
    # After training.
    z, z_tune = run.predict(X[test]), run.predict(X[tune])
    one = cal.fit_temperature(z_tune, y_tune).temperature
    usual = cal.fit_tempnet(z_tune, y_tune, steps=0).rho
    fits = [cal.fit_tempnet(z_tune, y_tune, rho=share * usual, seed=seed) for share in SHARES]
    fit = min(fits, key=lambda f: cal.nll(cal.apply_tempnet(f, z_tune), y_tune))
    # Jointly.
    best = min(
        range(len(RADII)), key=lambda i: cal.nll(fan.predict(X[tune], member=i), y_tune, kind="logits")
    )
    model = fan.model_at(member=best)
    (scores, tau), (scores_tune, _) = (_scores(model, X[rows]) for rows in (test, tune))
    single = cal.fit_temperature(scores_tune, y_tune, bounds=(0.005, 5.0)).temperature
    probs = {
        "plain": cal.apply_temperature(z, 1.0),
        "scaled": cal.apply_temperature(z, one),
        "posthoc": cal.apply_tempnet(fit, z),
        "single": cal.apply_temperature(scores, single),
        "joint": cal.apply_temperature(scores, tau),
    }
    numbers: dict[str, Any] = {"radius": RADII[best], "temperature": one}
    for way, p in probs.items():
        numbers |= {
            f"{way}_nll": cal.nll(p, y),
            f"{way}_ece": cal.ece(p, y),
            f"{way}_accuracy": accuracy(p, y),
        }
    # Who runs hot.
    rng = np.random.default_rng([seed, 6])
    a, b = rng.integers(len(test), size=(2, 4 * len(test)))
    mixed = (X[test][a] + X[test][b])[y[a] != y[b]] / 2
    wrong = noisy.y[noisy.train] != noisy.y_clean[noisy.train]
    for way, heat in (
        ("posthoc", lambda rows: fit.temperature(run.predict(rows))),
        ("joint", lambda rows: _scores(model, rows)[1]),
    ):
        own, digits, blends = heat(X[noisy.train]), heat(X[test]), heat(mixed)
        numbers |= {
            f"{way}_noisy_hotter": auroc(own[wrong], own[~wrong]),
            f"{way}_blend_hotter": auroc(blends, digits),
        }
    for kind in ("posthoc_noisy", "posthoc_blend", "joint_noisy", "joint_blend"):
        numbers[f"{kind}_colder"] = 1 - numbers[f"{kind}_hotter"]
    middle = np.median(digits)
    for kind, values in (("digits", digits), ("blends", blends), ("mislabelled", own[wrong])):
        counts = np.histogram(np.log2(values / middle), BINS)[0]
        numbers[f"{kind}_histogram"] = counts / len(values)
    return numbers


def _scores(model: Any, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (N, K) and temperatures (N,) of a joint network."""
    import torch

    with torch.no_grad():
        outputs = model.outputs(torch.from_numpy(X))
    tau = outputs["tau"].double().numpy()
    return outputs["logits"].double().numpy() * tau[:, None], tau


STEPS = (25, 100, 400)
TRAIN, CALIBRATE = 0.2, 0.4  # shares of the digits
COPIES = 6
TURN, BLUR = 20.0, 0.5  # of shifted samples: degrees, standard deviations of a pixel
CALIBRATORS = {
    "none": "none",
    "scaled": "temperature scaling",
    "ce": "CE, without copies",
    "ce_copies": "CE, with copies",
    "ca": "correctness-aware, without copies",
    "ca_copies": "correctness-aware, with copies",
}
SETS = {"id": "as trained", "shifted": "turned, noisy"}


def _correctness_verdict(numbers: Numbers) -> Verdict:
    lower = [numbers.exceeds(f"ce_copies_wrong_{part}", f"ca_copies_wrong_{part}") for part in SETS]
    apart = [numbers.exceeds(f"ca_copies_auroc_{part}", f"scaled_auroc_{part}") for part in SETS]
    calibrated = [numbers.exceeds(f"scaled_ece_{part}", f"ca_copies_ece_{part}") for part in SETS]
    worse = [numbers.exceeds(f"ca_copies_ece_{part}", f"scaled_ece_{part}") for part in SETS]
    copies = numbers.exceeds("ca_copies_auroc_id", "ca_auroc_id")

    def both(name: str, what: str) -> str:
        return " and ".join(numbers.text(f"{name}_{what}_{part}", ".3f") for part in SETS)

    def told(one: list[bool], other: list[bool]) -> str:
        words = ["better" if a else "worse" if b else "no different" for a, b in zip(one, other, strict=True)]
        return words[0] if words[0] == words[1] else f"{words[0]}, shifted {words[1]}"

    seen = (
        f"Mean confidence on wrong answers, as trained and shifted: {both('scaled', 'wrong')} with "
        "temperature "
        f"scaling, {both('ce_copies', 'wrong')} with the same network trained by cross-entropy, "
        f"{both('ca_copies', 'wrong')} correctness-aware{' (lower than CE)' if all(lower) else ''}; on right "
        f"answers {both('ce_copies', 'right')} by CE and {both('ca_copies', 'right')}. ECE "
        f"{both('scaled', 'ece')} "
        f"with temperature scaling and {both('ca_copies', 'ece')} ({told(calibrated, worse)}); AUROC of the "
        f"confidence {both('scaled', 'auroc')} and {both('ca_copies', 'auroc')}"
        f"{' (higher)' if all(apart) else ''}; without copies {both('ca', 'auroc')}"
        f"{': the copies are what helps' if copies else ''}."
    )
    shown = [all(lower), any(apart), any(calibrated)]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _correctness_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Confidence on wrong answers", "test samples", "mean confidence"),
        ("Calibration", "test samples", "ECE"),
        ("Right from wrong", "test samples", "AUROC of the confidence"),
    )
    for series, (name, words) in enumerate(CALIBRATORS.items()):
        for panel, what in enumerate(("wrong", "ece", "auroc"), 1):
            values = np.stack([numbers[f"{name}_{what}_{part}"] for part in SETS], 1)
            add_bars(figure, list(SETS.values()), values, words, series, panel=panel)
    figure.update_yaxes(range=[0.5, 1], col=3, row=1)
    return figure


@exhibit(
    id="correctness_aware_calibrator",
    title="A calibrator that knows right from wrong",
    paper="Optimizing Calibration by Gaining Aware of Prediction Correctness",
    entries=("calibration.fit_correctness_aware", "calibration.correctness_aware_loss"),
    claim="A calibrator trained to lower confidence on wrong answers and raise it on right ones, from how "
    "transformed copies of a sample fare, calibrates better than one trained by cross-entropy, also on "
    "shifted "
    "data.",
    expected="Mean confidence on wrong test answers is lower than with the same calibrator trained by "
    "cross-entropy; ECE is smaller and the AUROC of the confidence higher than with temperature scaling, as "
    "trained and shifted.",
    setting=f"Digits, {100 * TRAIN:.0f} % to train one hidden layer of 64 (Adam at 0.003, {EPOCHS} epochs), "
    f"{100 * CALIBRATE:.0f} % to calibrate, the rest to test; shifted: turned by {TURN:.0f} degrees either "
    "way, "
    f"noise of {BLUR} standard deviations. {COPIES} copies (turned by up to 10 degrees, shifted by up to a "
    "pixel, noisy). Both learnt calibrators are one small network to a temperature in [0.1, 10] for each "
    f"sample; each takes the number of steps in {STEPS} of its own smallest loss on a third of the "
    "calibration part. The correctness-aware loss is the balanced one.",
    headline={
        **{
            f"{name}_wrong_{part}": f"confidence on wrong answers, {CALIBRATORS[name]}, {words}"
            for name in ("scaled", "ce_copies", "ca_copies")
            for part, words in SETS.items()
        },
        **{
            f"{name}_{what}_{part}": f"{what.upper()}, {CALIBRATORS[name]}, {words}"
            for name in ("scaled", "ca_copies")
            for what in ("ece", "auroc")
            for part, words in SETS.items()
        },
    },
    experiment={"data": "digits", "optimizer": ADAM, "epochs": EPOCHS},
    verdict=_correctness_verdict,
    picture=_correctness_picture,
)
def correctness_aware_calibrator(seed: int, scale: float) -> dict[str, Any]:
    from scipy import ndimage

    from clsviz.data import from_arrays

    rng = np.random.default_rng([seed, 7])
    digits = samples("digits", scale, 300)
    rows = np.sort(np.concatenate([digits.train, digits.validation]))
    data = from_arrays(digits.X[rows], digits.y[rows], validation=1 - TRAIN, seed=seed)
    run = trained({"optimizer": ADAM, "seed": seed, "epochs": scaled(EPOCHS, scale, 5)}, data=data)
    held = rng.permutation(data.validation)
    cut = round(len(rows) * CALIBRATE)
    fitting, test = held[:cut], held[cut:]
    X, y, y_test = data.X[fitting], data.y[fitting], data.y[test]
    turned = [
        ndimage.rotate(image, side * TURN, reshape=False, order=1, mode="nearest").ravel()
        for image, side in zip(data.X[test].reshape(-1, 8, 8), rng.choice([-1, 1], len(test)), strict=True)
    ]
    shifted = np.array(turned) + BLUR * data.X.std() * rng.normal(size=(len(test), data.X.shape[1]))
    z, copies = _with_copies(run, X, seed)
    names = [name for name in CALIBRATORS if name not in ("none", "scaled")]
    choices = [scaled(steps, scale, 5) for steps in STEPS]
    nets = {name: _best_net(name, z, copies, y, choices, seed) for name in names}
    one = cal.fit_temperature(z, y).temperature
    numbers: dict[str, Any] = {}
    for part, moved in (("id", data.X[test]), ("shifted", shifted.astype(np.float32))):
        z_test, copies_test = _with_copies(run, moved, seed + 1)
        for name in CALIBRATORS:
            if name in nets:
                tau: Any = nets[name].temperature(z_test, copies_test if name.endswith("copies") else None)
            else:
                tau = 1.0 if name == "none" else one
            p = cal.apply_temperature(z_test, tau)
            wrong = p.argmax(1) != y_test
            numbers |= {
                f"{name}_wrong_{part}": p.max(1)[wrong].mean(),
                f"{name}_right_{part}": p.max(1)[~wrong].mean(),
                f"{name}_ece_{part}": cal.ece(p, y_test),
                f"{name}_auroc_{part}": cal.confidence_auroc(p, y_test),
            }
        numbers[f"accuracy_{part}"] = accuracy(z_test, y_test)
    return numbers


def _with_copies(run: Run, X: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K) of samples and (M, N, K) of their copies."""
    copies = cal.transformed_copies(X, image_shape=(8, 8), n_copies=COPIES, seed=seed)
    return run.predict(X), np.stack([run.predict(c.astype(np.float32)) for c in copies])


def _best_net(
    name: str, z: np.ndarray, copies: np.ndarray, y: np.ndarray, choices: list[int], seed: int
) -> cal.CorrectnessAware:
    """Fitted on two thirds, with the number of steps that suits the last third best by its own loss."""
    cut = 2 * len(y) // 3
    moved = copies if name.endswith("copies") else copies[:0]
    found = []
    for steps in choices:
        fit = _net(name, z[:cut], moved[:, :cut], y[:cut], steps, seed)
        p = cal.apply_correctness_aware(fit, z[cut:], moved[:, cut:] if len(moved) else None)
        own = (
            cal.nll(p, y[cut:])
            if name.startswith("ce")
            else cal.correctness_aware_loss(p, y[cut:], balanced=True)
        )
        found.append((own, steps))
    return _net(name, z, moved, y, min(found)[1], seed)


def _net(
    name: str, z: np.ndarray, copies: np.ndarray, y: np.ndarray, steps: int, seed: int
) -> cal.CorrectnessAware:
    objective = "cross_entropy" if name.startswith("ce") else "correctness"
    given = copies if len(copies) else None
    return cal.fit_correctness_aware(z, y, copies=given, objective=objective, steps=steps, seed=seed)

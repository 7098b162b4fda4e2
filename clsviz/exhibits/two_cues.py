"""Two heads that fit alike and are made to disagree elsewhere: which unlabelled samples that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled
from clsviz.exhibits.pictures import add_curve, add_level, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor

SAMPLES, UNLABELLED, TESTS = 300, 300, 1000
AVAILABILITY = (2.0, 1.0)  # of the two cues
AGREEMENTS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)  # how often the cues agree in unlabelled samples
STEPS, RATE = 300, 0.03
WEIGHTS = {"plain": 0.0, "divdis": 10.0, "dbat": 1.0}
WORDS = {
    "plain": "no diversity term",
    "divdis": "mutual information (DivDis)",
    "dbat": "disagreement (D-BAT)",
}
LOSS = 0.05  # what counts as falling off


def draw(rng: np.random.Generator, n: int, agreement: float) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 2) and the classes (n, 2) that the two cues say; they agree so often."""
    first = rng.integers(0, 2, n)
    says = np.stack([first, np.where(rng.random(n) < agreement, first, 1 - first)], 1)
    size = np.abs(1 + 0.3 * rng.standard_normal((n, 2)))
    return (2.0 * says - 1) * size * AVAILABILITY, says


def mutual_information(p: Tensor) -> Tensor:
    """Of two heads' answers, from their probabilities of class 1 (2, n)."""
    import torch

    both = torch.stack([1 - p, p], 1)  # heads, classes, samples
    joint = both[0] @ both[1].T / p.shape[1]
    apart = both[0].mean(1)[:, None] * both[1].mean(1)
    return (joint * (joint.clamp_min(1e-12) / apart.clamp_min(1e-12)).log()).sum()


def agreement_loss(p: Tensor) -> Tensor:
    """Small where two heads disagree, from their probabilities of class 1 (2, n)."""
    return -(p[0] * (1 - p[1]) + p[1] * (1 - p[0]) + 1e-7).log().mean()


def _verdict(numbers: Numbers) -> Verdict:
    best = {name: int(numbers[name].mean(0).argmax()) for name in ("divdis", "dbat")}
    helps = [numbers.exceeds(f"{name}_best", "plain_best") for name in best]
    falls = [numbers.exceeds(f"{name}_best", f"{name}_worst", by=LOSS) for name in best]
    parts = "; ".join(
        f"{WORDS[name]}: best where cues agree in {AGREEMENTS[at]:.0%} of the unlabelled samples, "
        f"{numbers.text(f'{name}_best')}, and {numbers.text(f'{name}_worst')} where it is worst"
        for name, at in best.items()
    )
    seen = (
        f"Share of both cues found by the better head for each: {parts}; {numbers.text('plain_best')} "
        f"without a diversity term. Both methods help at their best in {sum(helps)} of 2 cases and fall "
        f"off from it by more than {LOSS:g} in {sum(falls)} of 2; the best places are "
        f"{'different' if len(set(best.values())) > 1 else 'the same'}."
    )
    if all(helps) and all(falls) and len(set(best.values())) > 1:
        return Verdict("reproduces", seen)
    return Verdict("partly" if any(falls) and any(helps) else "not at this scale", seen)


def _picture(numbers: Numbers) -> Figure:
    axis = "share of unlabelled samples on which cues agree"
    figure = page(
        ("Is there a head for each cue?", axis, "accuracy of the better head, mean of cues"),
        ("Do both heads still fit?", axis, "training accuracy, worse head"),
    )
    for series, (name, words) in enumerate(WORDS.items()):
        add_curve(figure, AGREEMENTS, numbers[name], words, series, markers=True)
        add_curve(figure, AGREEMENTS, numbers[f"{name}_fit"], words, series, panel=2, markers=True)
    add_level(figure, 0.75, "one cue for both heads")
    return figure


@exhibit(
    id="diversify",
    title="Disagree, but where?",
    paper="Unraveling the Key Components of OOD Generalization via Diversification",
    entries=("boundary.divdis_mutual_information", "boundary.dbat_disagreement"),
    claim="Methods that fit several hypotheses and make them differ on unlabelled samples find the "
    "different cues only when those samples are right for the method: away from its own sweet spot they "
    "do much worse.",
    expected="With each method one head follows each cue at some agreement of the cues in the unlabelled "
    "samples, at a different one for the two methods, and less so away from it.",
    setting=f"Two cues that always agree in {SAMPLES} training samples, the first twice as large; two "
    f"linear heads, cross-entropy and a diversity term on {UNLABELLED} unlabelled samples (weight "
    f"{WEIGHTS['divdis']:g} for mutual information, {WEIGHTS['dbat']:g} for disagreement, not tuned), "
    f"Adam, {STEPS} steps. Each cue counts with the accuracy of the head that follows it better, on "
    f"{TESTS} samples with independent cues. The paper's second point, that architecture and pretraining "
    "matter, is not measured here.",
    headline={
        "divdis_best": "both cues found, DivDis, where it is best",
        "divdis_worst": "both cues found, DivDis, where it is worst",
        "divdis_at": "agreement of the cues where DivDis is best",
        "dbat_best": "both cues found, D-BAT, where it is best",
        "dbat_worst": "both cues found, D-BAT, where it is worst",
        "dbat_at": "agreement of the cues where D-BAT is best",
        "plain_best": "both cues found, no diversity term, at best",
    },
    verdict=_verdict,
    picture=_picture,
)
def diversify(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for name in WEIGHTS:
        found = [_found(name, seed, agreement, scaled(STEPS, scale, 5)) for agreement in AGREEMENTS]
        numbers[name], numbers[f"{name}_fit"] = (list(column) for column in zip(*found, strict=True))
        numbers[f"{name}_best"], numbers[f"{name}_worst"] = max(numbers[name]), min(numbers[name])
        numbers[f"{name}_at"] = AGREEMENTS[int(np.argmax(numbers[name]))]
    return numbers


def _found(name: str, seed: int, agreement: float, steps: int) -> tuple[float, float]:
    """How well the better head follows each cue (mean of cues), and the worse head's training accuracy."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    rng = np.random.default_rng([seed, 38])
    X, says = draw(rng, SAMPLES, 1.0)
    tests, cues = draw(rng, TESTS, 0.5)
    U, _ = draw(rng, UNLABELLED, agreement)
    w = torch.from_numpy(0.3 * rng.standard_normal((2, 2))).requires_grad_()
    inputs, far = torch.from_numpy(X), torch.from_numpy(U)
    target = torch.from_numpy(says[:, 0]).double().expand(2, -1)
    optimizer = torch.optim.Adam([w], lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = binary_cross_entropy_with_logits(w @ inputs.T, target)
        if name != "plain":
            p = (w @ far.T).sigmoid()
            loss = loss + WEIGHTS[name] * (mutual_information(p) if name == "divdis" else agreement_loss(p))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    heads = w.detach().numpy()
    guess = heads @ tests.T > 0
    followed = (guess[:, :, None] == cues).mean(1)  # heads, cues
    fits = ((heads @ X.T > 0) == says[:, 0]).mean(1)
    return float(followed.max(0).mean()), float(fits.min())

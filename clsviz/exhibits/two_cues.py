"""Two heads that fit alike and are made to disagree elsewhere: which unlabelled samples that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.fitting import scaled, trained
from clsviz.exhibits.pictures import add_curve, add_level, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import Tensor, nn

    from clsviz.data import Dataset

SAMPLES, TESTS = 300, 1000  # as many without labels as with
AVAILABILITY = 2.0  # of the first cue; the second has 1
AGREEMENTS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)  # how often the cues agree in unlabelled samples
EPOCHS, BATCH, RATE = 60, 60, 0.03
WEIGHTS = {"plain": 0.0, "divdis": 10.0, "dbat": 1.0}
WORDS = {
    "plain": "no diversity term",
    "divdis": "mutual information (DivDis)",
    "dbat": "disagreement (D-BAT)",
}
LOSS = 0.05  # what counts as falling off
FEW = 10  # labels from elsewhere that choose a head
SETTINGS = {
    "model": {"name": "diverse_heads", "params": {"hidden": ()}},
    "optimizer": {"name": "adam", "params": {"lr": RATE}},
    "batch_size": BATCH,
    "epochs": EPOCHS,
}


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
        f"{'different' if len(set(best.values())) > 1 else 'the same'}. The head that {FEW} labels from "
        f"elsewhere choose is there right in {numbers.text('divdis_chosen_at')} (DivDis, at its best) and "
        f"{numbers.text('dbat_chosen_at')} (D-BAT)."
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
    add_level(figure, 0.75, "one cue for both heads", at="bottom left")
    return figure


@exhibit(
    id="diversify",
    title="Disagree, but where?",
    paper="Unraveling the Key Components of OOD Generalization via Diversification",
    entries=(
        "boundary.divdis_mutual_information",
        "boundary.dbat_disagreement",
        "models.diverse_heads",
        "models.divdis",
        "models.dbat",
        "models.disambiguate",
    ),
    claim="Methods that fit several hypotheses and make them differ on unlabelled samples find the "
    "different cues only when those samples are right for the method: away from its own sweet spot they "
    "do much worse.",
    expected="With each method one head follows each cue at some agreement of the cues in the unlabelled "
    "samples, at a different one for the two methods, and less so away from it.",
    setting=f"Two cues that always agree in {SAMPLES} training samples, the first {AVAILABILITY:g} times as "
    "large; two linear heads, cross-entropy and a diversity term on as many unlabelled samples (weight "
    f"{WEIGHTS['divdis']:g} for mutual information, {WEIGHTS['dbat']:g} for disagreement, not tuned), Adam "
    f"at {RATE:g}, {EPOCHS} epochs of batches of {BATCH}. Each cue counts with the accuracy of the head that "
    f"follows it better, on {TESTS - FEW} samples with independent cues; {FEW} more with labels (what the "
    "second cue says) choose a head. Both heads are trained at once, also with D-BAT. The paper's second "
    "point, that architecture and pretraining matter, is not measured here.",
    headline={
        "divdis_best": "both cues found, DivDis, where it is best",
        "divdis_worst": "both cues found, DivDis, where it is worst",
        "divdis_at": "agreement of the cues where DivDis is best",
        "dbat_best": "both cues found, D-BAT, where it is best",
        "dbat_worst": "both cues found, D-BAT, where it is worst",
        "dbat_at": "agreement of the cues where D-BAT is best",
        "plain_best": "both cues found, no diversity term, at best",
        "divdis_chosen_at": f"accuracy elsewhere of the head that {FEW} labels choose, DivDis at its best",
        "dbat_chosen_at": f"accuracy elsewhere of the head that {FEW} labels choose, D-BAT at its best",
    },
    experiment={**SETTINGS, "data": "shortcut", "loss": "divdis"},
    verdict=_verdict,
    picture=_picture,
)
def diversify(seed: int, scale: float) -> dict[str, Any]:
    from clsviz.data import shortcut

    tests = shortcut(n=TESTS, agreement=0.5, availability=AVAILABILITY, seed=2 * seed + 1)
    numbers: dict[str, Any] = {}
    for name, weight in WEIGHTS.items():
        found: list[tuple[float, float, float]] = []
        for agreement in AGREEMENTS:
            # Which unlabelled samples there are does not touch the others: without a weight one run will do.
            if weight or not found:
                data = shortcut(n=SAMPLES, agreement=agreement, availability=AVAILABILITY, seed=2 * seed)
                changes = {"seed": seed, "epochs": scaled(EPOCHS, scale, 2), "loss.weight": weight}
                loss = name if weight else "divdis"
                run = trained({**SETTINGS, "data": "own", "loss": loss}, changes, data=data)
                found.append(judged(run.model_at(), data, tests))
            else:
                found.append(found[0])
        numbers[name], numbers[f"{name}_fit"], numbers[f"{name}_chosen"] = (
            list(c) for c in zip(*found, strict=True)
        )
    for name in WORDS:
        numbers[f"{name}_best"], numbers[f"{name}_worst"] = max(numbers[name]), min(numbers[name])
        numbers[f"{name}_at"] = AGREEMENTS[int(np.argmax(numbers[name]))]
        numbers[f"{name}_chosen_at"] = numbers[f"{name}_chosen"][int(np.argmax(numbers[name]))]
    return numbers


def judged(model: nn.Module, data: Dataset, tests: Dataset) -> tuple[float, float, float]:
    """What two heads have come to.

    Returns:
        how well the better head for each cue follows it, mean of cues, on test samples from elsewhere; the
        worse head's training accuracy; the accuracy elsewhere of the head that few labels choose.
    """
    import torch

    from clsviz.models import disambiguate

    def heads(X: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            answers: Tensor = model.outputs(torch.from_numpy(X))["head_logits"]  # type: ignore[operator]
        return answers.numpy()

    rows, few = tests.validation[FEW:], tests.validation[:FEW]
    guess = heads(tests.X[rows]).argmax(2)
    says = tests.X[rows, :2] > 0
    followed = (guess[:, :, None] == says[:, None]).mean(0)  # heads, cues
    fits = disambiguate(heads(data.X[data.train]), data.y[data.train]).accuracies
    chosen = disambiguate(heads(tests.X[few]), tests.y[few]).head
    accuracy = (guess[:, chosen - 1] == tests.y[rows]).mean()
    return float(followed.max(0).mean()), float(fits.min()), float(accuracy)

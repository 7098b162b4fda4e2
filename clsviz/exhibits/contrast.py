"""Contrastive learning without labels: what its temperature does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.embedding import embedded, linear_probe, pair_cosines, pair_gradients
from clsviz.exhibits.fitting import halves, scaled, trained_fan
from clsviz.exhibits.pictures import add_curve, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TAUS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
SHARE_TAUS = tuple(10.0 ** np.arange(-4, 2.01, 0.5))
EPOCHS = 20
NEGATIVES, ANCHORS = 127, 20
# Signed embeddings: with relu all would lie in one corner of the sphere.
NETWORK = {"name": "mlp", "params": {"hidden": (128, 32), "activation": "tanh"}}
SETTINGS: dict[str, Any] = {
    "data": "digits",
    "model": NETWORK,
    "loss": "infonce",
    "optimizer": {"name": "adam", "params": {"lr": 1e-3}},
    "batch_size": 128,
    "epochs": EPOCHS,
}


def _temperature_verdict(numbers: Numbers) -> Verdict:
    shares = (
        numbers["formula_error"].max() < 1e-4
        and numbers["hardest_at_0.0001"].min() > 0.9
        and numbers["counted_at_100"].min() > 0.9
    )
    trade = numbers.exceeds("uniformity_at_0.1", "uniformity_at_2") and numbers.exceeds(
        "tolerance_at_2", "tolerance_at_0.1"
    )
    turned = numbers.exceeds("uniformity_at_0.1", "uniformity_at_0.02") and numbers.exceeds(
        "tolerance_at_0.02", "tolerance_at_0.1"
    )
    peak = all(numbers.exceeds("probe_chosen", end) for end in ("probe_at_0.02", "probe_at_2"))
    seen = (
        f"The gradient shares agree with the softmax to {numbers['formula_error'].max():.0e}; the hardest of "
        f"{NEGATIVES} negatives has {100 * numbers.mean('hardest_at_0.0001'):.0f} % at tau 0.0001, and "
        f"{100 * numbers.mean('counted_at_100'):.0f} % of them count at tau 100. From tau 0.1 to 2 "
        f"uniformity goes from {numbers.text('uniformity_at_0.1', '.2f')} to "
        f"{numbers.text('uniformity_at_2', '.2f')}, tolerance from "
        f"{numbers.text('tolerance_at_0.1', '.2f')} to {numbers.text('tolerance_at_2', '.2f')}; "
        + (
            f"below 0.1 both turn round ({numbers.mean('uniformity_at_0.02'):.2f} and "
            f"{numbers.mean('tolerance_at_0.02'):.2f} at 0.02: pairs already told apart push no more). "
            if turned
            else "below 0.1 they do not turn round. "
        )
        + f"The probe reaches {numbers.text('probe_chosen')} at the tau chosen on other samples "
        f"(median {np.median(numbers['chosen_tau']):g}), {numbers.text('probe_at_0.02')} at 0.02 and "
        f"{numbers.text('probe_at_2')} at 2."
    )
    shown = [shares, trade and not turned, peak]
    some = [shares, trade, peak]
    return Verdict("reproduces" if all(shown) else "partly" if any(some) else "not at this scale", seen)


def _temperature_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Shares of the negatives", "temperature", "share"),
        ("Uniformity against tolerance", "temperature", "share of the curve's own range"),
        ("Linear probe on the embeddings", "temperature", "test accuracy"),
    )
    add_curve(figure, SHARE_TAUS, numbers["hardest_share"], "gradient of the hardest", 0, markers=True)
    add_curve(figure, SHARE_TAUS, numbers["counted_share"], "negatives that count", 1, markers=True)
    for series, key in ((2, "uniformity"), (3, "tolerance")):
        # Both within 0 and 1, or they would have no scale in common to cross on.
        low, high = numbers[key].mean(0).min(), numbers[key].mean(0).max()
        values = (numbers[key] - low) / max(high - low, 1e-12)
        add_curve(figure, TAUS, values, key, series, panel=2, markers=True)
    add_curve(figure, TAUS, numbers["probe"], "probe", 4, panel=3, markers=True)
    figure.update_xaxes(type="log", dtick=1, exponentformat="power")
    return figure


@exhibit(
    id="info_nce",
    title="The temperature of contrast",
    paper="Understanding the Behaviour of Contrastive Loss",
    entries=("losses.infonce", "losses.supcon"),
    claim="The contrastive loss is aware of hardness: a negative's share of the gradient is a softmax of "
    "its similarity by temperature. Small temperatures make the embeddings uniform, large ones tolerant to "
    "samples that are alike; the best features lie between.",
    expected="As tau goes to 0 only the hardest negative counts, for large tau all alike. With rising tau "
    "uniformity falls and tolerance rises, so the curves cross; the accuracy of a linear probe has its "
    "peak between the ends.",
    setting="Digits without labels, a tanh network of 128 and 32, Adam at 0.001, batches of 128, "
    f"{EPOCHS} epochs; a sample's key is itself with Gaussian noise (the supply's default 0.5). One network "
    "for each tau, nothing else changed. On half of the validation part: uniformity "
    "-log mean exp(-2 |u - v|^2), tolerance (mean cosine within a digit), and the accuracy of softmax "
    "regression on frozen embeddings; the other half chooses the tau. Shares: of the negatives of the "
    "first 128 validation samples, embedded by the network of tau 0.2, as seen by the first 20; those that "
    "count are exp(entropy of the shares) / number.",
    headline={
        "formula_error": "largest difference of gradient share and softmax",
        "hardest_at_0.0001": "share of the hardest negative, tau 0.0001",
        "counted_at_100": "share of negatives that count, tau 100",
        "uniformity_at_0.1": "uniformity, tau 0.1",
        "uniformity_at_2": "uniformity, tau 2",
        "tolerance_at_0.1": "tolerance, tau 0.1",
        "tolerance_at_2": "tolerance, tau 2",
        "probe_at_0.02": "probe accuracy, tau 0.02",
        "probe_chosen": "probe accuracy, tau chosen on other samples",
        "probe_at_2": "probe accuracy, tau 2",
        "chosen_tau": "tau chosen",
    },
    experiment={**SETTINGS, "loss": {"name": "infonce", "params": {"tau": 0.2}}, "epochs": 60},
    verdict=_temperature_verdict,
    picture=_temperature_picture,
)
def info_nce(seed: int, scale: float) -> dict[str, Any]:
    changes = {"data.seed": seed, "seed": seed, "epochs": scaled(EPOCHS, scale)}
    fan = trained_fan(SETTINGS, {"loss.tau": TAUS}, changes)
    data = fan.dataset
    tune, test = halves(data, seed)
    curves: dict[str, list[float]] = {"uniformity": [], "tolerance": [], "probe": []}
    chosen = []
    for i in range(len(TAUS)):
        u = embedded(fan.model_at(member=i), data.X)
        same, other = pair_cosines(u[test], data.y[test])
        # |u - v|^2 is 2 - 2 cos.
        curves["uniformity"].append(-np.log(np.exp(4 * np.concatenate([same, other]) - 4).mean()))
        curves["tolerance"].append(same.mean())
        probe = linear_probe(u[data.train], data.y[data.train])
        curves["probe"].append(probe(u[test], data.y[test]))
        chosen.append(probe(u[tune], data.y[tune]))
    best = int(np.argmax(chosen))
    rows = data.validation[: NEGATIVES + 1]
    anchors = scaled(ANCHORS, min(scale, 1.0), 3)
    shares = _shares(embedded(fan.model_at(member=TAUS.index(0.2)), data.X[rows]), anchors)
    at = {
        f"{key}_at_{tau:g}": curves[key][TAUS.index(tau)]
        for key in ("uniformity", "tolerance")
        for tau in (0.02, 0.1, 2.0)
    }
    return {
        **curves,
        **shares,
        **at,
        "hardest_at_0.0001": shares["hardest_share"][0],
        "counted_at_100": shares["counted_share"][-1],
        "probe_at_0.02": curves["probe"][0],
        "probe_chosen": curves["probe"][best],
        "probe_at_2": curves["probe"][-1],
        "chosen_tau": TAUS[best],
    }


def _shares(u: np.ndarray, anchors: int) -> dict[str, Any]:
    """How an embedding's term shares its gradient among the others as negatives; mean of the first ones."""
    import torch

    hardest, counted, error = [], [], 0.0
    cosines = [torch.from_numpy(np.delete(u, i, 0) @ u[i]).clamp(-0.999, 0.999) for i in range(anchors)]
    for tau in SHARE_TAUS:
        shares = [negative_shares(s, tau) for s in cosines]
        formulas = [(s / tau).softmax(0) for s in cosines]
        error = max(error, *(float((a - b).abs().max()) for a, b in zip(shares, formulas, strict=True)))
        hardest.append(float(np.mean([share.max() for share in shares])))
        spread = [torch.special.entr(share.clamp(min=0)).sum().exp() / len(share) for share in shares]
        counted.append(float(np.mean(spread)))
    return {"hardest_share": hardest, "counted_share": counted, "formula_error": error}


def negative_shares(s: Any, tau: float) -> Any:
    """(M,) share of each negative in the gradient of one anchor's InfoNCE term, by autograd.

    Args:
        s: (M,) cosines of anchor and negatives; the anchor's own key is the anchor itself turned to
            a cosine of 0.
    """
    import torch

    from clsviz.losses.contrastive import infonce

    def term(x: Any) -> Any:
        anchor, keys = x[:1], x[1:]
        return infonce(anchor.expand(len(keys), -1), None, keys, tau=tau)[0]

    cosines = torch.cat([s.new_zeros(1), s])
    gradients = pair_gradients(term, cosines)[1:]
    return gradients / gradients.sum()

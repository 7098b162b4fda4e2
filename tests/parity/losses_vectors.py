"""Numbers of clsviz.losses that the browser's loss code must reproduce."""

from __future__ import annotations

from typing import Any

import torch

from clsviz import losses

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("cross_entropy", {"tau": t}) for t in (0.1, 0.5, 1.0, 2.0)),
    ("cross_entropy", {"tau": 2.0, "label_smoothing": 0.1}),
    ("brier", {}),
    ("brier", {"tau": 0.5}),
    ("mae", {}),
    *(("gce", {"q": q}) for q in (0.0, 0.3, 0.7, 1.0)),
    ("gce", {"q": 0.7, "k": 0.3}),
    *(("comp_sum", {"tau": t}) for t in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)),
    ("mse", {}),
    ("mse", {"scale": 5.0, "pos_weight": 3.0}),
    *(("hinge_cs", {"margin": m}) for m in (0.0, 1.0, 2.5)),
    ("hinge_ww", {}),
    ("hinge_ww", {"margin": 2.0, "power": 2, "average": True}),
    *(("ldr_kl", {"lam": lam}) for lam in (0.01, 0.2, 1.0, 5.0, 20.0)),
    ("ldr_kl", {"lam": 0.2, "margin": 1.0}),
    *(("focal", {"gamma": g}) for g in (0.0, 0.5, 2.0, 5.0)),
    *(("poly1", {"eps": e}) for e in (-1.0, 0.0, 1.0, 5.0)),
    ("aldr_kl", {}),
    ("aldr_kl", {"lam0": 0.5, "alpha": 4.0, "margin": 1.0, "iters": 50}),
    *(("dro_temperature", {"rho": r}) for r in (0.0, 0.2, 0.5, 2.0)),
    ("focal_sd", {}),
    ("focal_sd", {"gamma_low": 2.0, "gamma_high": 0.5, "threshold": 0.5}),
    ("nce", {}),
    ("z_loss", {}),
    ("z_loss", {"a": 4.0, "b": 1.0}),
    *(("log_spherical", {"eps": e}) for e in (1e-3, 0.5)),
    ("log_taylor", {}),
    *(("dco", {"n": n}) for n in (1.0, 8.0, 1000.0)),
    *(("correctness_aware", {"tau": t}) for t in (0.5, 1.0)),
    *(("logit_norm", {"tau": t}) for t in (0.04, 0.5)),
    *(("dsc", {"alpha": a}) for a in (0.0, 1.0, 2.5)),
    ("self_paced", {}),
    ("self_paced", {"lam": 2.0, "mode": "linear"}),
    ("symmetric_ce", {}),
    ("symmetric_ce", {"alpha": 0.5, "beta": 2.0, "A": -6.0}),
)


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (float64) and targets: ordinary ones, ties, a sure hit, a sure miss."""
    generator = torch.Generator().manual_seed(11)
    logits = 2 * torch.randn(12, 4, generator=generator, dtype=torch.float64)
    logits = (logits * 1e6).round() / 1e6
    targets = torch.randint(0, 4, (12,), generator=generator)
    special = [[0.0, 0, 0, 0], [3, 3, 0, 0], [300, 0, 0, 0], [0, 300, 0, 0], [40, 0, 1, 2]]
    return (
        torch.cat([logits, torch.tensor(special, dtype=torch.float64)]),
        torch.cat([targets, torch.zeros(5, dtype=torch.int64)]),
    )


def vectors() -> dict[str, Any]:
    """Logits, labels, p_y; terms, mean and gradient of the sum of each loss at several parameters."""
    logits, targets = rows()
    cases = []
    for name, params in CASES:
        leaf = logits.clone().requires_grad_()
        terms = losses.create(name, **params)(leaf, targets, reduction="none")
        (gradient,) = torch.autograd.grad(terms.sum(), leaf)
        cases.append(
            {
                "loss": name,
                "params": params,
                "terms": terms.tolist(),
                "mean": terms.mean().item(),
                "gradient": gradient.tolist(),
            }
        )
    return {
        "logits": logits.tolist(),
        "labels": targets.tolist(),
        "p_y": logits.softmax(1).gather(1, targets[:, None])[:, 0].tolist(),
        "cases": cases,
    }

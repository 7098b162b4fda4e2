"""A notebook cell that shows an entry at work: what the side panel inserts."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from clsviz.catalogue.spec import REGISTRY, Method

# What a call may need, and the lines that make it; a line may use what other lines make.
MAKE = {
    "data": "data = cv.data.moons()",
    "run": 'run = cv.Run("moons").start()\nrun.wait()',
    "logits": "logits, labels = run.predict(run.dataset.X), run.dataset.y",
    "probs": "probs = cv.calibration.apply_temperature(logits)",
    "line": "line = cv.boundary.logistic_l2(data.X, data.y, lam=0.01)",
    "basis": "basis = cv.boundary.tilting_basis(line.w, data.X, data.y)",
    "regions": "grid = cv.boundary.decision_grid(run.model_at(), xlim=(-2, 3), ylim=(-2, 2), resolution=50)",
    "model": "model = run.model_at().requires_grad_()",
    "network": "network = cv.prototypes.PrototypeAutoencoder.build(2, 2, n_prototypes=4, latent_dim=2)",
    "torch": "import torch",
    "np": "import numpy as np",
    "features": "features, classes = torch.tensor(data.X), torch.tensor(data.y)",
    "latent": "prototypes, latent = network.prototypes.detach(), network.encoder(features).detach()",
    "on": "on = cv.boundary.activation_pattern(run.model_at(), run.dataset.X)",
    "directions": "along, across = cv.landscape.random_directions(model)",
}
NEEDS = {
    "logits": ("run",),
    "probs": ("logits",),
    "line": ("data",),
    "basis": ("line",),
    "regions": ("run",),
    "features": ("torch", "data"),
    "latent": ("network", "features"),
    "model": ("run",),
    "on": ("run",),
    "directions": ("model",),
}

# Arguments by their name, where no entry below says otherwise: (expression, what it needs).
ARGUMENTS: dict[str, tuple[str, str]] = {
    "x": ("logits", "logits"),
    "logits": ("logits", "logits"),
    "labels": ("labels", "logits"),
    "dataset": ("data", "data"),
    "X": ("data.X", "data"),
    "y": ("data.y", "data"),
    "w": ("line.w", "line"),
    "b": ("line.b", "line"),
    "z": ("basis.z", "basis"),
    "n": ("basis.n", "basis"),
    "midpoint": ("data.X.mean(axis=0)", "data"),
    "model": ("run.model_at()", "run"),
    "features": ("features", "features"),
}
FEATURES = {"features": ("features", "features"), "labels": ("classes", "features")}
SCORES = {"scores": ("probs[:, 1]", "probs")}
BUMPS = {
    "prototypes": ("[[0, 0.5], [1, 0]]", ""),
    "coef": ("[[1, 0], [0, 1]]", ""),
    "gamma": ("1", ""),
}
PATTERNS = {"activations": ("on", "on"), "labels": ("run.dataset.y", "run")}
SPLIT = {
    "X_train": ("data.X[data.train]", "data"),
    "y_train": ("data.y[data.train]", "data"),
    "X": ("data.X[data.validation]", "data"),
}
GAUSSIANS = {"mu0": ("[-1, 0]", ""), "mu1": ("[1, 0]", ""), "cov": ("[[1, 0.3], [0.3, 1]]", "")}
OWN: dict[str, dict[str, tuple[str, str]]] = {
    "data.undersample": {"minority": ("1", "")},
    "data.ood_turned": {"dataset": ("cv.data.digits()", "")},
    "data.roc_hull": {"fpr": ("[0, 0.2, 0.5, 1]", ""), "tpr": ("[0, 0.6, 0.7, 1]", "")},
    "calibration.crps_ensemble": {
        "members": ("[[0.1, 0.4, 0.9], [2.0, 2.5, 2.2]]", ""),
        "observation": ("[0.5, 2.1]", ""),
    },
    "calibration.ood_metrics": {
        "scores_id": ("cv.calibration.msp_score(logits)", "logits"),
        "scores_ood": ("cv.calibration.msp_score(logits / 3)", "logits"),
    },
    "calibration.pt_ood_report": {
        "scores_id": ("cv.calibration.msp_score(logits)", "logits"),
        "scores_ood": ("cv.calibration.msp_score(logits / 3)", "logits"),
        "familiar": ("labels == 0", "logits"),
    },
    "calibration.mahalanobis_score": {
        "train_features": ("data.X[data.train]", "data"),
        "train_labels": ("data.y[data.train]", "data"),
        "features": ("data.X[data.validation]", "data"),
    },
    "calibration.knn_ood_score": {
        "train_features": ("data.X[data.train]", "data"),
        "features": ("data.X[data.validation]", "data"),
    },
    "calibration.benchmark_measures": {
        "val_logits": ("logits[::2]", "logits"),
        "val_labels": ("labels[::2]", "logits"),
        "logits": ("logits[1::2]", "logits"),
        "labels": ("labels[1::2]", "logits"),
    },
    "calibration.tempnet_loss": {"tau": ("0.5", "")},
    "calibration.early_exit": {
        "exit_probs": ("[cv.calibration.apply_temperature(logits, t) for t in (2, 1)]", "logits"),
        "thresholds": ("0.9", ""),
    },
    "calibration.gated_exit": {
        "exit_probs": ("[cv.calibration.apply_temperature(logits, t) for t in (2, 1)]", "logits"),
        "exit_weights": ("[[0.5, 0.5]] * len(labels)", "logits"),
    },
    "calibration.fit_matrix_scaling": {"inputs": ("logits", "logits")},
    "calibration.fit_dirichlet": {"probs": ("probs", "probs")},
    "calibration.fit_platt": {"scores": ("logits[:, 1] - logits[:, 0]", "logits")},
    "calibration.fit_isotonic": SCORES,
    "calibration.fit_histogram_binning": SCORES,
    "calibration.fit_beta": {"probs": ("probs[:, 1]", "probs")},
    "calibration.fit_spline": SCORES,
    "calibration.fit_bbq": SCORES,
    "calibration.calibrate_one_vs_rest": {
        "scores": ("probs", "probs"),
        "fit": ("cv.calibration.fit_isotonic", ""),
    },
    "calibration.ensemble_temperature": {"member_logits": ("[logits, logits / 2]", "logits")},
    "calibration.interpolate_probs": {
        "p": ("probs", "probs"),
        "q": ("cv.calibration.apply_temperature(logits, 2)", "logits"),
        "lam": ("0.5", ""),
    },
    "calibration.knn_softmax": {
        "train_features": ("data.X[data.train]", "data"),
        "train_labels": ("data.y[data.train]", "data"),
        "features": ("data.X[data.validation]", "data"),
        "n_classes": ("2", ""),
    },
    "calibration.fake_quantize": {"w": ("[-1, 0.26, 0.5, 0.9]", "")},
    "calibration.quantization_temperature_grid": {
        "features": ("data.X", "data"),
        "weight": ("[[-1, 0.5], [1, -0.5]]", ""),
        "bias": ("0", ""),
        "labels": ("data.y", "data"),
    },
    "calibration.cross_fit": {"name": ('"platt"', "")},
    "calibration.loki_predict": {"distance": ("[[0, 1], [1, 0]]", "")},
    "calibration.viable_range": {"model_probs": ("[[0.2, 0.6], [0.35, 0.5], [0.25, 0.9]]", "")},
    "calibration.multiplicity": {
        "model_probs": ("[[0.2, 0.6], [0.35, 0.5], [0.25, 0.9]]", ""),
        "baseline": ("[0.2, 0.6]", ""),
    },
    "calibration.label_multiplicity": {
        "model_preds": ("[[0, 1, 1], [0, 0, 1]]", ""),
        "baseline_pred": ("[0, 1, 1]", ""),
    },
    "calibration.rashomon_set": {"losses": ("[0.31, 0.3, 0.42]", ""), "epsilon": ("0.02", "")},
    "calibration.rashomon_ratio": {"losses": ("[0.31, 0.3, 0.42]", ""), "epsilon": ("0.02", "")},
    "calibration.rashomon_capacity": {"model_probs": ("[[0.2, 0.6], [0.35, 0.5], [0.25, 0.9]]", "")},
    "calibration.reweight_priors": {
        "source_prior": ("[0.5, 0.5]", ""),
        "target_prior": ("[0.8, 0.2]", ""),
    },
    "calibration.label_shift_em": {"source_prior": ("[0.5, 0.5]", "")},
    "calibration.label_shift_bbse": {
        "source_preds": ("logits.argmax(1)", "logits"),
        "source_labels": ("labels", "logits"),
        "target_preds": ("logits[labels == 0].argmax(1)", "logits"),
        "n_classes": ("2", ""),
    },
    "calibration.shift_report": {
        "logits_list": ("[logits, logits / 2]", "logits"),
        "labels_list": ("[labels, labels]", "logits"),
    },
    "boundary.plane_from_points": {
        "a": ("data.X[0]", "data"),
        "b": ("data.X[1]", "data"),
        "c": ("data.X[2]", "data"),
    },
    "boundary.attack_plane": {"x": ("data.X[0]", "data")},
    "boundary.decision_grid": {"xlim": ("(-2, 3)", ""), "ylim": ("(-2, 2)", "")},
    "boundary.extract_model": {
        "victim": ("run", "run"),
        "X": ("run.dataset.X", "run"),
        "n_classes": ("2", ""),
        "queries": ("400", ""),
    },
    "boundary.negative_flips": {
        "old": ("run.predict(run.dataset.X, step=8)", "run"),
        "new": ("logits", "logits"),
    },
    "boundary.region_fractions": {"labels": ("grid.labels", "regions"), "n_classes": ("2", "")},
    "boundary.region_fragments": {"labels": ("grid.labels", "regions"), "n_classes": ("2", "")},
    "boundary.region_agreement": {"a": ("grid.labels", "regions"), "b": ("grid.labels.T", "regions")},
    "boundary.tilted_classifier": {"theta": ("0.5", "")},
    "boundary.logistic_l2": {"lam": ("0.01", "")},
    "boundary.tilt_path": {"lambdas": ("[1, 0.1, 0.01]", "")},
    "boundary.make_tilt_data": {"n_per_class": ("100", ""), "dim": ("2", "")},
    "boundary.tilt_theory": {"theta": ("0.5", "")},
    "boundary.adversarial_type": {"angle": ("0.8", ""), "error": ("0.02", ""), "optimal_error": ("0.01", "")},
    "boundary.fgsm": {"epsilon": ("0.2", "")},
    "boundary.pgd": {"epsilon": ("0.2", "")},
    "boundary.boundary_distance_along": {"directions": ("-data.X", "data")},
    "boundary.distance_to_other_call": {"pool": ("data.X", "data")},
    "boundary.robust_accuracy_curve": {
        "distances": ("[0.2, 0.7, 1.4]", ""),
        "correct": ("[True, True, False]", ""),
        "epsilons": ("[0, 0.5, 1]", ""),
    },
    "boundary.multiclass_linear_margin": {"W": ("[[-1, 0.5], [1, -0.5]]", ""), "b": ("[0, 0]", "")},
    "boundary.certified_radius_prototypes": {
        "prototypes": ("[[0, 0.5], [1, 0]]", ""),
        "prototype_labels": ("[0, 1]", ""),
    },
    "boundary.rbf_scores": BUMPS,
    "boundary.certified_radius_rbf": BUMPS,
    "boundary.certified_radius_lipschitz": {"lipschitz": ("5", "")},
    "boundary.certified_radius_smoothing": {"count": ("990", ""), "n": ("1000", ""), "sigma": ("0.25", "")},
    "boundary.linear_interpreter": {"x": ("data.X[0]", "data")},
    "boundary.count_linear_regions": {
        "patterns": ("cv.boundary.activation_pattern(run.model_at(), run.dataset.X)", "run")
    },
    "boundary.mine_nap": PATTERNS,
    "boundary.nap_report": {"naps": ("cv.boundary.mine_nap(on, run.dataset.y)", "on"), **PATTERNS},
    "boundary.halfspace_disagreement": {"u": ("[1, 0]", ""), "v": ("[1, 1]", "")},
    "boundary.singular_kernel_scores": {**SPLIT, "alpha": ("2", ""), "n_classes": ("2", "")},
    "boundary.nearest_neighbour_predict": SPLIT,
    "boundary.majority_predict": {"y_train": ("data.y", "data"), "n": ("3", ""), "n_classes": ("2", "")},
    "boundary.ntk_sphere": {"X1": ("data.X[:5]", "data"), "X2": ("data.X[:5]", "data"), "depth": ("3", "")},
    "boundary.kernel_interpolate": {
        "K_train": ("[[1, 0.2], [0.2, 1]]", ""),
        "y_train": ("[0, 1]", ""),
        "K_test": ("[[0.6, 0.4]]", ""),
        "n_classes": ("2", ""),
    },
    "boundary.infinite_depth_regime": {"phi": ("np.sin", "np"), "dphi": ("np.cos", "np")},
    "boundary.gaussian_linear_error": {"w": ("[1, 0]", ""), "b": ("0", ""), **GAUSSIANS},
    "boundary.curve_crossing": {
        "ns": ("[10, 100]", ""),
        "first": ("[0.3, 0.1]", ""),
        "second": ("[0.2, 0.2]", ""),
    },
    "boundary.bayes_error_gaussian": GAUSSIANS,
    "boundary.bayes_error_posterior": {"posteriors": ("probs", "probs")},
    "boundary.cover_hart_bounds": {"error_1nn": ("0.2", ""), "n_classes": ("2", "")},
    "boundary.bhattacharyya_bounds": {
        "mu0": ("[0]", ""),
        "mu1": ("[2]", ""),
        "cov0": ("[[1]]", ""),
        "cov1": ("[[2]]", ""),
    },
    "boundary.unlearnable_gaussian": {"separation": ("2", ""), "sigma": ("0.5", ""), "epsilon": ("0.4", "")},
    "boundary.gmm_error": {"w": ("[1, 0.2]", ""), "mu": ("[1, 0]", "")},
    "boundary.self_training_direction": {"U": ("data.X + 0.5", "data")},
    "boundary.rss_loss": {"U": ("data.X + 0.5", "data")},
    "boundary.make_shortcut_data": {"n": ("200", "")},
    "boundary.shortcut_bias": {
        "pred_conflict": ("[0, 0, 1, 1]", ""),
        "shortcut_says": ("[0, 0, 0, 0]", ""),
        "optimal_pred": ("[1, 1, 1, 0]", ""),
    },
    "boundary.divdis_mutual_information": {"p1": ("probs", "probs"), "p2": ("1 - probs", "probs")},
    "boundary.dbat_disagreement": {"p1": ("probs[:, 1]", "probs"), "p2": ("probs[:, 0]", "probs")},
    "boundary.attribution_agreement": {"a": ("[3, 2, 1, 0]", ""), "b": ("[3, 1, 2, 0]", ""), "k": ("2", "")},
    "boundary.insertion_deletion": {
        "predict_proba": ("lambda x: cv.calibration.apply_temperature(run.predict(x))", "run"),
        "x": ("data.X[0]", "data"),
        "attribution": ("[2, 1]", ""),
        "target": ("0", ""),
    },
    "boundary.integrated_gradients": {"x": ("data.X[0]", "data"), "target": ("0", "")},
    "boundary.occlusion": {"x": ("data.X[0]", "data"), "target": ("0", "")},
    "boundary.smooth_grad": {"x": ("data.X[0]", "data"), "target": ("0", "")},
    "boundary.attribution_robustness": {
        "x": ("data.X[0]", "data"),
        "target": ("0", ""),
        "k": ("1", ""),
    },
    "boundary.embedding_probe": {"embedding": ("run.predict(data.X)", "run"), "X": ("data.X", "data")},
    "boundary.strongest_patch": {"attribution": ("[[9, 0, 0], [0, 3, 4], [0, 5, 6]]", "")},
    "boundary.surrogate_rules": {"k": ("2", "")},
    "boundary.smote": {"X_minority": ("data.X[data.y == 1]", "data"), "n_new": ("10", "")},
    "boundary.borderline_mask": {"minority": ("1", "")},
    "boundary.adasyn_counts": {"minority": ("1", ""), "n_new": ("50", "")},
    "boundary.effective_number_weights": {"counts": ("[100, 10, 1]", "")},
    "boundary.logit_adjustment": {"prior": ("[0.7, 0.3]", "")},
    "boundary.representation_calibration": {
        "features": ("data.X", "data"),
        "labels": ("data.y", "data"),
    },
    "boundary.probabilistic_error": {
        "mean": ("data.X - 0.1", "data"),
        "log_variance": ("0 * data.X", "data"),
    },
    "models.disambiguate": {"head_logits": ("logits[:, None] * [[1], [-1]]", "logits")},
    "prototypes.class_medoids": FEATURES,
    "prototypes.herding": {"m": ("5", "")},
    "prototypes.kcenter_greedy": {"k": ("5", "")},
    "prototypes.nearest_mean": {**FEATURES, "queries": ("features[:5]", "features")},
    "prototypes.two_means": FEATURES,
    "prototypes.build_gallery": {
        "prototypes": ("prototypes", "latent"),
        "train_features": ("latent", "latent"),
        "train_labels": ("classes", "features"),
    },
    "prototypes.protopnet_similarity": {
        "z_map": ("torch.rand(8, 3, 4, 4)", "torch"),
        "prototypes": ("torch.rand(5, 3)", "torch"),
    },
    "prototypes.project_prototypes": {
        "prototypes": ("prototypes", "latent"),
        "prototype_class": ("torch.tensor([0, 0, 1, 1])", "torch"),
        "features": ("latent", "latent"),
        "labels": ("classes", "features"),
    },
    "landscape.trajectory_plane": {"checkpoints": ("[s.theta for s in run.timeline]", "run")},
    "landscape.random_directions": {"model": ("model", "model")},
    "landscape.loss_surface": {
        "model": ("model", "model"),
        "data": ("(run.dataset.X, run.dataset.y)", "run"),
        "direction_x": ("along", "directions"),
        "direction_y": ("across", "directions"),
        "xs": ("np.linspace(-1, 1, 21)", "np"),
        "ys": ("np.linspace(-1, 1, 21)", "np"),
    },
    "landscape.interpolate": {
        "model_a": ("run.model_at(0).requires_grad_()", "run"),
        "model_b": ("model", "model"),
        "data": ("(run.dataset.X, run.dataset.y)", "run"),
    },
}
LAB_KINDS = ("model", "loss", "optimizer", "method")


def cell_of(entry: Method, function: Callable[..., Any]) -> str:
    """Source of a cell that runs by itself: a lab made of the entry, or a call with its signature.

    An entry whose arguments are not known here gets its documentation instead.
    """
    name = json.dumps(entry.name)
    if entry.kind == "data":
        return f"import clsviz as cv\ncv.Lab({name})"
    if entry.kind == "supply":
        return f"import clsviz as cv\ncv.Experiment(supplies={{{name}: {entry.defaults()}}})"
    if entry.kind in LAB_KINDS:
        return _lab(entry)
    known = ARGUMENTS | OWN.get(entry.id, {})
    words, needs = [], []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        required = parameter.default is parameter.empty
        if parameter.name in known and (required or parameter.name in OWN.get(entry.id, {})):
            expression, need = known[parameter.name]
            keyword = parameter.kind is parameter.KEYWORD_ONLY
            words.append(f"{parameter.name}={expression}" if keyword else expression)
            needs += [need] if need else []
        elif required:
            return f"import clsviz as cv\nhelp(cv.{entry.id})"
        elif parameter.name == "kind" and "logits" in needs:
            words.append('kind="logits"')
        elif parameter.default is not None and _plain(parameter.default):
            words.append(f"{parameter.name}={_literal(parameter.default)}")
    return "\n".join(["import clsviz as cv", *_made(needs), f"cv.{entry.id}({', '.join(words)})"])


def _lab(entry: Method) -> str:
    """A lab made of an entry, with the data, model, method, loss and teacher that it needs."""
    data = _data_for(entry)
    words, lines = [f'"{data}"', f'{entry.kind}="{entry.name}"'], ["import clsviz as cv"]
    models = [m for m in REGISTRY.values() if not set(m.facts.get("gives", ())).isdisjoint(entry.needs)]
    words += [f'model="{m.name}"' for m in models if m.kind == "model"]
    supplies = [s for s in REGISTRY.values() if s.kind == "supply" and s.name in entry.needs]
    words += [f'method="{s.facts["method_only"]}"' for s in supplies if s.facts["method_only"]]
    for trained in entry.facts.get("trains", ()):
        loss = next(m for m in REGISTRY.values() if m.kind == "loss" and trained in m.needs)
        words.append(f'loss="{loss.name}"')
    if any(need.startswith("teacher_") for need in entry.needs):
        lines += [f'teacher = cv.Run("{data}").start()', "teacher.wait()"]
        words.append("teacher=teacher")
    return "\n".join([*lines, f"cv.Lab({', '.join(words)})"])


def _data_for(entry: Method) -> str:
    """A dataset that has the targets which the entry asks for, or that it names itself."""
    if "data" in entry.facts:
        return str(entry.facts["data"])
    if entry.facts.get("row_kind") == "ordinal":
        return "ordinal"
    targets = entry.facts.get("targets")
    sets = [m.name for m in REGISTRY.values() if m.kind == "data" and targets in m.facts.get("gives", ())]
    return sets[0] if sets else "digits"


def view_cell(view: str) -> str:
    """Source of a cell that shows a view of a run that trains."""
    return f'import clsviz as cv\ncv.{view}.from_run(cv.Run("digits").start())'


def _made(needs: list[str]) -> list[str]:
    """The lines that make what is needed, each once, imports first."""
    order: list[str] = []

    def add(need: str) -> None:
        for before in NEEDS.get(need, ()):
            add(before)
        if need not in order:
            order.append(need)

    for need in needs:
        add(need)
    lines = [MAKE[need] for need in order]
    return sorted(lines, key=lambda line: not line.startswith("import "))


def _plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | tuple) and not isinstance(value, Mapping)


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)

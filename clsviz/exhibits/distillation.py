"""Students of a larger network: a head for the teacher's logits, and features along its class means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.catalogue import Spec
from clsviz.exhibits.fitting import accuracy, best_member, fit, halves, samples, scaled, trained, trained_fan
from clsviz.exhibits.pictures import add_bars, add_curve, add_level, page
from clsviz.exhibits.registry import Numbers, Verdict, exhibit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from torch import nn

    from clsviz.data import Dataset
    from clsviz.training import Fan, Run

CLASSES, CLUSTERS, DIMENSIONS, SAMPLES, SPREAD = 40, 2, 12, 3000, 0.55  # of the hard task
EPOCHS = 25
COMMON = {"batch_size": 256, "epochs": EPOCHS}
TEACHER = {**COMMON, "model": {"name": "mlp", "params": {"hidden": (256,)}}}
STUDENT: dict[str, Any] = {"name": "mlp", "params": {"hidden": (32,)}}
RATES = (0.05, 0.2)
TASKS = {"easy": "digits, 10 classes", "hard": f"{CLASSES} classes"}


def task_of(name: str, seed: int, scale: float) -> Dataset:
    """Digits, or many classes that each lie in several clusters."""
    if name == "easy":
        return samples(Spec("digits", {"seed": seed}), scale)
    from clsviz.data import from_arrays

    rng = np.random.default_rng([seed, 5])
    n = scaled(SAMPLES, scale, 10 * CLASSES)
    cluster = rng.permutation(np.arange(n) % (CLASSES * CLUSTERS))
    centres = rng.normal(size=(CLASSES * CLUSTERS, DIMENSIONS))
    X = centres[cluster] + SPREAD * rng.normal(size=(n, DIMENSIONS))
    return from_arrays(X, cluster % CLASSES, validation=0.6, seed=seed)


def _teacher(data: Dataset, seed: int, scale: float) -> Run:
    return trained({**TEACHER, "epochs": scaled(EPOCHS, scale, 2), "seed": seed + 100}, data=data)


# Dual-head distillation

POINTS = 16  # of a stored curve
ALPHAS = (0.1, 0.3, 1.0)  # weights of the logit-level loss
STUDENTS = {
    "ce": "cross-entropy alone",
    "logits": "logit-level loss alone",
    "shared": "both, one shared head",
    "dual": "both, two heads",
}
# What each student trains with; cross-entropy chooses weight decay where the others choose alpha.
LOSSES = {
    "ce": Spec("cross_entropy"),
    "logits": Spec("dual_head_kd", {"gamma": 0.0}),
    "shared": Spec("dual_head_kd"),
    "dual": Spec("dual_head_kd"),
}
PLACES = ("head", "backbone")


def _one_head(data: Dataset, seed: int) -> nn.Module:
    """A student whose logits are also its auxiliary logits: one head serves both losses."""
    import torch

    from clsviz.models.mlp import MLP

    class OneHead(MLP):
        def outputs(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            found = super().outputs(x)
            return {**found, "aux_logits": found["logits"]}

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return OneHead(data.n_features, data.n_classes, **STUDENT["params"])


def _dual_verdict(numbers: Numbers) -> Verdict:
    conflict = [TASKS[t] for t in TASKS if bool((numbers[f"head_{t}"].mean(1) < 0).all())]
    means = Numbers([{k: float(np.mean(v)) for k, v in row.items()} for row in numbers])
    milder = [TASKS[t] for t in TASKS if means.exceeds(f"backbone_{t}", f"head_{t}")]
    worse = [
        TASKS[t]
        for t in TASKS
        if any(numbers.exceeds(f"{alone}_{t}", f"shared_{t}") for alone in ("ce", "logits"))
    ]
    better = [TASKS[t] for t in TASKS if numbers.exceeds(f"dual_{t}", f"shared_{t}")]
    gains = [TASKS[t] for t in TASKS if numbers.exceeds(f"dual_{t}", f"ce_{t}")]
    cosines = "; ".join(
        f"{TASKS[t]}: {numbers.text(f'head_{t}', '.2f')} at the head and "
        f"{numbers.text(f'backbone_{t}', '.2f')} at the backbone"
        for t in TASKS
    )
    seen = (
        f"Cosine of the two gradients, mean through training, {cosines}. The head's is negative on "
        f"{_listed(conflict)}, the backbone's is larger than the head's on {_listed(milder)}. "
        f"Both losses on one head are worse than one "
        f"of them alone on {_listed(worse)}; two heads beat one on {_listed(better)} and cross-entropy on "
        f"{_listed(gains)} ({TASKS['hard']}: {numbers.text('dual_hard')} with two heads, "
        f"{numbers.text('shared_hard')} with one, {numbers.text('ce_hard')} cross-entropy, "
        f"{numbers.text('logits_hard')} logit-level loss alone)."
    )
    shown = [bool(set(conflict) & set(milder)), bool(worse), bool(better)]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _listed(words: list[str]) -> str:
    return " and ".join(words) or "neither task"


def _dual_picture(numbers: Numbers) -> Figure:
    figure = page(
        *(
            (f"Shared head, {words}", "training (epochs)", "cosine of the two gradients")
            for words in TASKS.values()
        ),
        ("Students", "task", "test accuracy"),
    )
    time = np.linspace(0, EPOCHS, POINTS)
    for panel, task in enumerate(TASKS, 1):
        for series, place in enumerate(PLACES, 4):
            add_curve(figure, time, numbers[f"{place}_{task}"], place, series, panel=panel)
        add_level(figure, 0, "conflict below", panel=panel)
        figure.update_yaxes(range=[-1, 1], col=panel)
    for series, (name, words) in enumerate(STUDENTS.items()):
        values = np.stack([numbers[f"{name}_{task}"] for task in TASKS], axis=1)
        add_bars(figure, list(TASKS.values()), values, words, series, panel=3)
    return figure


@exhibit(
    id="dual_head_kd",
    title="Dual-head distillation",
    paper="Dual-Head Knowledge Distillation: Enhancing Logits Utilization with an Auxiliary Head",
    entries=("losses.dual_head_kd",),
    claim="Following the teacher's logits beside the usual loss makes a student worse, because the two "
    "gradients contradict each other at the linear head, though not in the backbone; a second head for the "
    "logits keeps the good and drops the harm.",
    expected="The cosine between the gradients of cross-entropy and logit-level loss is negative at a shared "
    "head and larger at the backbone; both losses on one head are worse than one alone; two heads are better "
    "than one.",
    setting=f"Digits, and a harder task of {CLASSES} classes in {CLUSTERS} clusters each ({DIMENSIONS} "
    f"features, {SAMPLES} samples, 40 % for training). Teacher: a hidden layer of 256; student: of 32; "
    f"SGD, batches of 256, {EPOCHS} epochs. Each student chooses among two learning rates and three weights "
    "of the logit-level loss (cross-entropy: of weight decay) on half of the validation part; the other half "
    "is the test. Cosines: over the whole training part, at the shared-head student that was chosen, T = 2. "
    "They are -1 wherever the sum of the losses is at a minimum, whatever the losses: read them early.",
    headline={
        **{f"dual_{t}": f"test accuracy, two heads ({words})" for t, words in TASKS.items()},
        **{f"shared_{t}": f"test accuracy, one shared head ({words})" for t, words in TASKS.items()},
        **{f"ce_{t}": f"test accuracy, cross-entropy ({words})" for t, words in TASKS.items()},
        **{f"teacher_{t}": f"test accuracy, teacher ({words})" for t, words in TASKS.items()},
        **{f"head_{t}": f"cosine at the head, mean over training ({words})" for t, words in TASKS.items()},
    },
    experiment={
        **COMMON,
        "data": lambda: task_of("hard", 0, 1.0),
        "model": STUDENT,
        "loss": "dual_head_kd",
        "teacher": lambda: _teacher(task_of("hard", 0, 1.0), 0, 1.0),
    },
    verdict=_dual_verdict,
    picture=_dual_picture,
)
def dual_head_kd(seed: int, scale: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for task in TASKS:
        data = task_of(task, seed, scale)
        tune, test = halves(data, seed)
        teacher = _teacher(data, seed, scale)
        numbers[f"teacher_{task}"] = accuracy(teacher.predict(data.X[test]), data.y[test])
        for name, loss in LOSSES.items():
            own = {"optimizer.weight_decay": (0.0, 1e-4, 1e-3)} if name == "ce" else {"loss.alpha": ALPHAS}
            given: dict[str, Any] = {"data": data, "teacher": teacher}
            settings: dict[str, Any] = {
                **COMMON,
                "epochs": scaled(EPOCHS, scale, 2),
                "loss": loss,
                "seed": seed,
            }
            if name in ("logits", "shared"):
                given["module"] = _one_head(data, seed)
            else:
                settings["model"] = STUDENT
            fan = trained_fan(settings, {**own, "optimizer.lr": RATES}, **given)
            best = best_member(fan, tune)
            numbers[f"{name}_{task}"] = accuracy(fan.predict(data.X[test], member=best), data.y[test])
            if name == "shared":
                cosines = _cosines(fan, best, teacher.predict(data.X[data.train]))
                numbers |= {f"{place}_{task}": curve for place, curve in cosines.items()}
    return numbers


def _cosines(fan: Fan, member: int, teacher_logits: np.ndarray) -> dict[str, list[float]]:
    """Cosine between the gradients of both losses at head and backbone, through training."""
    import torch

    from clsviz.losses import create

    data, timeline = fan.dataset, fan.timelines[member]
    x, y = torch.from_numpy(data.X[data.train]), torch.from_numpy(data.y[data.train])
    t = torch.from_numpy(teacher_logits).float()
    ce, logit_level = create("cross_entropy"), create("dual_head_kd", gamma=0.0)
    curves: dict[str, list[float]] = {place: [] for place in PLACES}
    for at in np.linspace(0, timeline.latest.step, POINTS):
        model = fan.model_at(timeline.at(round(at)).step, member=member).requires_grad_()
        names = dict(model.named_parameters())
        parts = {
            "head": [w for name, w in names.items() if name.startswith("head.")],
            "backbone": [w for name, w in names.items() if not name.startswith("head.")],
        }
        z = model(x)
        for place, weights in parts.items():
            one, other = (
                torch.cat([g.flatten() for g in torch.autograd.grad(value, weights, retain_graph=True)])
                for value in (ce(z, y), logit_level(z, y, aux_logits=z, teacher_logits=t))
            )
            cosine = torch.nn.functional.cosine_similarity(one, other, dim=0)
            curves[place].append(float(cosine))
    return curves


# Norm and direction

WIDTH = 64  # of the embeddings of teacher and student, which are compared
WIDE = {**TEACHER, "model": {"name": "mlp", "params": {"hidden": (256, WIDTH)}}}
NARROW: dict[str, Any] = {"name": "mlp", "params": {"hidden": (16, WIDTH)}}
ND_EPOCHS, ND_BATCH = 30, 128
ADAM_RATES = (3e-3, 1e-2)
# What each student chooses besides the learning rate, among three values.
ND_STUDENTS: dict[str, tuple[str, tuple[float, ...]]] = {
    "ce": ("cross-entropy", (0.0, 0.01, 0.1)),  # weight decay
    "kd": ("KD", (0.5, 0.9, 1.0)),  # weight of the teacher
    "nd": ("KD + ND", (0.1, 0.5, 2.0)),  # weight of ND
}
T, ALPHA = 4.0, 0.9  # of KD under ND, the defaults
ND_POINTS = 11  # of a stored curve


def _nd_verdict(numbers: Numbers) -> Verdict:
    aligned = numbers.exceeds("cosine_nd", "cosine_kd")
    longer = numbers.exceeds("norm_nd", "norm_kd")
    better = numbers.exceeds("test_nd", "test_kd")
    over_ce = numbers.exceeds("test_nd", "test_ce")
    worse = numbers.exceeds("test_kd", "test_nd")
    seen = (
        f"The cosine to the teacher's class mean ends at {numbers.text('cosine_nd')} with ND and "
        f"{numbers.text('cosine_kd')} without, the norm (over the teacher's) at {numbers.text('norm_nd')} "
        f"and {numbers.text('norm_kd')}; test accuracy is {numbers.text('test_nd')} with KD + ND, "
        f"{numbers.text('test_kd')} with KD and {numbers.text('test_ce')} with cross-entropy (teacher "
        f"{numbers.text('test_teacher')}): ND is {'better' if better else 'worse' if worse else 'no better'} "
        f"than KD{'' if better or worse else ' beyond chance'}, and {'above' if over_ce else 'not above'} "
        "cross-entropy."
    )
    shown = [aligned, longer, better]
    return Verdict("reproduces" if all(shown) else "partly" if any(shown) else "not at this scale", seen)


def _nd_picture(numbers: Numbers) -> Figure:
    figure = page(
        ("Direction", "training (epochs)", "cosine to the teacher's class mean"),
        ("Norm", "training (epochs)", "norm over the teacher's"),
        ("Students", "data: " + TASKS["hard"], "test accuracy"),
    )
    time = np.linspace(0, ND_EPOCHS, ND_POINTS)
    for series, (name, (words, _)) in enumerate(ND_STUDENTS.items()):
        for panel, what in enumerate(("cosine", "norm"), 1):
            add_curve(figure, time, numbers[f"{what}_{name}_curve"], words, series, panel=panel)
        add_bars(figure, [words], numbers[f"test_{name}"][:, None], words, series, panel=3)
    add_level(figure, 1, "teacher", panel=2)
    add_level(figure, numbers.mean("test_teacher"), "teacher", panel=3)
    lowest = min(numbers.mean(f"test_{name}") for name in ND_STUDENTS)
    figure.update_yaxes(range=[max(0.0, lowest - 0.1), 1], col=3)
    figure.update_xaxes(showticklabels=False, col=3)
    return figure


@exhibit(
    id="nd_kd",
    title="Norm and direction of a teacher's features",
    paper="Improving Knowledge Distillation via Regularizing Feature Norm and Direction",
    entries=("losses.nd_loss",),
    claim="Drawing a student's features towards the teacher's class means, and making them long, helps more "
    "than aligning logits alone: KD with the ND loss gives better students than KD.",
    expected="With ND the cosine to the class mean and the norm are larger through training, and the "
    "student's test accuracy is above that of KD.",
    setting=f"{CLASSES} classes in {CLUSTERS} clusters each ({DIMENSIONS} features, {SAMPLES} samples, 40 % "
    f"for training). Teacher: hidden layers of 256 and {WIDTH}, SGD; student: of 16 and {WIDTH}, Adam, "
    f"batches of {ND_BATCH}, {ND_EPOCHS} epochs. Each student chooses among two learning rates and three "
    "values of one more (cross-entropy: weight decay; KD: weight of the teacher; KD + ND: weight of ND) on "
    f"half of the validation part; the other half is the test. T = {T:g}, weight of KD under ND {ALPHA}. The "
    "lab trains with ND alone, its head as a linear probe.",
    headline={
        "test_nd": "test accuracy, KD + ND",
        "test_kd": "test accuracy, KD",
        "test_ce": "test accuracy, cross-entropy",
        "test_teacher": "test accuracy, teacher",
        "cosine_nd": "cosine to the class mean at the end, KD + ND",
        "cosine_kd": "cosine to the class mean at the end, KD",
        "norm_nd": "norm over the teacher's at the end, KD + ND",
        "norm_kd": "norm over the teacher's at the end, KD",
    },
    experiment={
        **COMMON,
        "data": lambda: task_of("hard", 0, 1.0),
        "model": NARROW,
        "loss": "nd_loss",
        "teacher": lambda: _wide(task_of("hard", 0, 1.0), 0, 1.0),
    },
    verdict=_nd_verdict,
    picture=_nd_picture,
)
def nd_kd(seed: int, scale: float) -> dict[str, Any]:
    data = task_of("hard", seed, scale)
    tune, test = halves(data, seed)
    teacher = _wide(data, seed, scale)
    numbers: dict[str, Any] = {"test_teacher": accuracy(teacher.predict(data.X[test]), data.y[test])}
    for name, (_, values) in ND_STUDENTS.items():
        found = [
            _student(name, value, lr, data, teacher, seed, scale, tune, test)
            for value in values
            for lr in ADAM_RATES
        ]
        best = max(found, key=lambda one: one["tune"])
        numbers |= {f"{key}_{name}": value for key, value in best.items() if not key.endswith("curve")}
        numbers |= {f"{key}_{name}_curve": best[f"{key}_curve"] for key in ("cosine", "norm")}
    return {key: value for key, value in numbers.items() if not key.startswith("tune")}


def _wide(data: Dataset, seed: int, scale: float) -> Run:
    return trained({**WIDE, "epochs": scaled(EPOCHS, scale, 2), "seed": seed + 100}, data=data)


def _student(
    name: str,
    value: float,
    lr: float,
    data: Dataset,
    teacher: Run,
    seed: int,
    scale: float,
    tune: np.ndarray,
    test: np.ndarray,
) -> dict[str, Any]:
    """Accuracies of a student, and its features against the teacher's class means through training."""
    import torch

    from clsviz.losses import create
    from clsviz.models.mlp import MLP

    X, y = (torch.from_numpy(v) for v in (data.X, data.y))
    x, labels = X[data.train], y[data.train]
    with torch.no_grad():
        taught = teacher.model_at().outputs(x)  # type: ignore[operator]
    u, t = taught["embeddings"], taught["logits"]
    means = torch.stack([u[labels == k].mean(0) for k in range(data.n_classes)])
    unit = torch.nn.functional.normalize(means, dim=1)[labels]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = MLP(data.n_features, data.n_classes, **NARROW["params"])
    ce, nd = create("cross_entropy"), create("nd_loss", weight=value if name == "nd" else 0.0)
    kd = create("kd", T=T, alpha=value if name == "kd" else ALPHA)

    def objective(rows: torch.Tensor) -> torch.Tensor:
        out = model.outputs(x[rows])
        if name == "ce":
            return ce(out["logits"], labels[rows])
        value = kd(out["logits"], labels[rows], teacher_logits=t[rows])
        if name == "nd":
            value = value + nd(out["embeddings"], labels[rows], teacher_embeddings=u[rows], class_means=means)
        return value

    epochs = scaled(ND_EPOCHS, scale, ND_POINTS - 1)
    cosines, norms = [], []

    def look(epoch: int) -> None:
        if epoch * (ND_POINTS - 1) % epochs == 0:
            with torch.no_grad():
                e = model.outputs(x)["embeddings"]
            cosines.append(float(torch.nn.functional.cosine_similarity(e, unit).mean()))
            norms.append(float(e.norm(dim=1).mean() / u.norm(dim=1).mean()))

    look(0)
    decay = value if name == "ce" else 0.0
    fit(
        model,
        objective,
        len(x),
        epochs=epochs,
        lr=lr,
        seed=seed,
        batch_size=ND_BATCH,
        weight_decay=decay,
        after_epoch=look,
    )
    with torch.no_grad():
        z = model(X).numpy()
    return {
        "tune": accuracy(z[tune], data.y[tune]),
        "test": accuracy(z[test], data.y[test]),
        "cosine": cosines[-1],
        "norm": norms[-1],
        "cosine_curve": cosines,
        "norm_curve": norms,
    }

"""Copying a classifier that only answers questions: no data, no weights, a count of the questions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clsviz.catalogue import Range, method
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, ShapeError
from clsviz.models import as_predictor, create, present_model
from clsviz.training.seeding import derive
from clsviz.training.spread import Progress

CABAGE = "CaBaGe: Data-Free Model Extraction using ClAss BAlanced Generator Ensemble, arXiv:2409.10643"
NOISE, WIDTH = 8, 64  # of a generator: what it draws from, its hidden layer
START = 6.0  # its first weights of the last layer count so many times: its samples fill the box at once
EVEN, SPREAD = 1 / 3, 10.0  # mean distance of two uniform numbers in [0, 1]; what falling short of it costs
GENERATOR_STEPS, GENERATOR_RATE = 5, 2e-3  # in a round, of each generator
CLONE_STEPS, CLONE_RATE = 30, 3e-3  # in a round
POOL = 8  # candidates of the filter for each sample that is asked


class Victim:
    """A classifier behind a counter: it says classes (or probabilities), and nothing else of itself.

    Args:
        model: a run (as it is now), a torch module, a fitted scikit-learn classifier, or a function from
            samples (N, D) to logits (N, K).
        n_classes: K >= 2.
        answers: "labels" or "probs".

    Attributes:
        queries: samples it has answered so far.

    Raises:
        InputError: an unknown kind of answers, or no classifier.
    """

    def __init__(self, model: Any, n_classes: int, *, answers: str = "labels") -> None:
        if answers not in ("labels", "probs"):
            raise InputError(f'answers must be "labels" or "probs", got {answers!r}')
        if n_classes < 2:
            raise InputError(f"n_classes must be at least 2, got {n_classes!r}")
        self._predict = as_predictor(present_model(model), n_classes)
        self._answers = answers
        self.n_classes = n_classes
        self.queries = 0

    def calls(self, X: np.ndarray) -> np.ndarray:
        """Classes (N,) of samples (N, D), not counted: for measuring, not for an attack."""
        return self._predict(X).argmax(1)

    def ask(self, X: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) float32 of samples (N, D): one-hot where it says labels. Counts N queries."""
        logits = torch.from_numpy(self._predict(X))
        self.queries += len(X)
        if self._answers == "probs":
            return logits.softmax(1).float().numpy()
        return functional.one_hot(logits.argmax(1), self.n_classes).float().numpy()


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """What came of copying a victim with Q queries, looked at C times."""

    queries: np.ndarray  # (C,) int64, asked so far
    agreement: np.ndarray  # (C,) share of the reference samples that clone and victim call alike
    balance: np.ndarray  # (C,) entropy of the victim's answers so far over log K; 1: all classes alike
    asked: np.ndarray  # (Q, D) float32, in the order asked
    answers: np.ndarray  # (Q, K) float32, probabilities, or one-hot labels
    clones: tuple[nn.Module, ...]  # C, on the CPU, in eval mode
    stopped: bool  # before all queries were spent

    @property
    def clone(self) -> nn.Module:
        """The last one."""
        return self.clones[-1]

    def clone_at(self, queries: int) -> nn.Module:
        """The last clone that had cost no more than so many queries.

        Raises:
            InputError: none had cost so little.
        """
        at = int(np.searchsorted(self.queries, queries, side="right")) - 1
        if at < 0:
            raise InputError(f"queries: the first clone cost {self.queries[0]}, got {queries!r}")
        return self.clones[at]

    def data(self, victim: Any, reference: Dataset) -> Dataset:
        """The loot as a dataset: what was asked is the training part, the reference's samples the other.

        All labels are the victim's, so accuracy means agreement: ``cv.Lab(found.data(victim, data))`` trains
        any model of the lab on the answers.

        Args:
            victim: as of `Victim`.
            reference: of the same features and classes.

        Raises:
            ShapeError: the reference has other features or another number of classes.
        """
        k, width = self.answers.shape[1], self.asked.shape[1]
        if (reference.n_features, reference.n_classes) != (width, k):
            raise ShapeError(
                f"reference: expected {width} features and {k} classes, got {reference.n_features} "
                f"and {reference.n_classes}"
            )
        rows = reference.X[reference.validation]
        own = Victim(victim, k).calls(rows)
        n = len(self.asked)
        y = np.concatenate([self.answers.argmax(1), own]).astype(reference.y.dtype)
        every = np.arange(n + len(rows))
        return replace(
            reference,
            name=f"answers on {reference.name}",
            X=np.concatenate([self.asked, rows]).astype(np.float32),
            y=y,
            y_clean=y,
            train=every[:n],
            validation=every[n:],
        )


@method(
    kind="probe",
    title="Model extraction",
    paper=CABAGE,
    formula=r"\min_\phi \frac1Q \sum_{q \le Q} \mathrm{KL}\big(v(x_q)\,\|\,c_\phi(x_q)\big), \quad "
    r"x_q = G_{\theta_q}(\epsilon_q)",
    queries=Range(100, 20000, log=True, unit="samples"),
    generators=Range(1, 8, step=1),
    replay=(True, False),
    balance=(True, False),
    answers=("labels", "probs"),
)
def extract_model(
    victim: Any,
    X: np.ndarray,
    n_classes: int,
    *,
    queries: int = 2000,
    batch_size: int = 50,
    generators: int = 4,
    replay: bool = True,
    balance: bool = True,
    answers: str = "labels",
    model: Any = "mlp",
    limits: tuple[Any, Any] | None = None,
    looks: int = 20,
    seed: int = 0,
    progress: bool = False,
    on_look: Callable[[int, float], bool | None] | None = None,
) -> Extraction:
    """Trains a clone on what the victim answers to made-up samples; no data of the victim's are used.

    In rounds: small generators learn to make samples of which the clone is not sure, of all its classes;
    the filter picks the hardest of them, equally many of each class the clone sees; the victim is asked; the
    clone learns from the new answers and, by replay, from all former ones, oftener from those it still has
    wrong. The same arguments give the same clones, on the CPU.

    Args:
        victim: as of `Victim`; asked `queries` times.
        X: (N, D) reference samples: agreement is measured on them, which is not counted as asking.
        n_classes: K >= 2.
        queries: samples the victim answers in all. batch_size: in a round.
        generators: how many, each from its own weights; each makes its share of the candidates.
        replay: False: the clone learns from the newest answers alone.
        balance: the filter; False asks what the generators make as it comes.
        answers: what the victim says, "labels" or "probs".
        model: of the clone: a name or Spec of the catalogue, or a torch module, of which a copy is trained.
        limits: lowest and highest value of each feature, (D,) or a number; None: those of X.
        looks: how often it is measured, evenly over the queries, at the last too.
        progress: writes one line that tells how far it is.
        on_look: called with queries and agreement at each look; True stops. So does an interrupt (the
            notebook's stop button): what was learnt until then is returned.

    Raises:
        ShapeError: X is not (N, D), or victim, model or limits do not fit it.
        InputError: a count below 1, limits that are no box, an unknown kind of answers.
    """
    for name, value in {
        "queries": queries,
        "batch_size": batch_size,
        "generators": generators,
        "looks": looks,
    }.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number >= 1, got {value!r}")
    X = np.asarray(X, np.float32)
    if X.ndim != 2 or not X.size:
        raise ShapeError(f"X must be (N, D) with N and D >= 1, got {X.shape}")
    box = _box(X, limits)
    asked = Victim(victim, n_classes, answers=answers)
    truth = asked.calls(X)
    attack = _Attack(X.shape[1], n_classes, box, model, generators, seed)
    rounds = -(-queries // batch_size)
    seen = sorted({-(-rounds * (i + 1) // looks) for i in range(looks)})
    telling = Progress("extraction", "rounds", rounds, progress)
    found: list[tuple[int, float, float, nn.Module]] = []
    stopped = False
    try:
        for number in range(1, rounds + 1):
            attack.train_generators()
            fresh = attack.choose(min(batch_size, queries - asked.queries), balance)
            attack.learn(fresh, torch.from_numpy(asked.ask(fresh.numpy())), replay)
            telling.one(failed=False)
            if number in seen:
                found.append((asked.queries, *attack.measured(X, truth), attack.clone_now()))
                if on_look is not None and on_look(*found[-1][:2]):
                    stopped = number < rounds
                    break
    except KeyboardInterrupt:
        if not found:
            raise
        stopped = True
    telling.end()
    counts, agreement, shares, clones = zip(*found, strict=True)
    return Extraction(
        np.array(counts),
        np.array(agreement),
        np.array(shares),
        attack.asked.numpy()[: counts[-1]],
        attack.answers.numpy()[: counts[-1]],
        clones,
        stopped,
    )


class _Attack:
    """Generators, clone and answers so far."""

    def __init__(
        self, width: int, n_classes: int, box: tuple[Tensor, Tensor], model: Any, generators: int, seed: int
    ) -> None:
        chosen = copy.deepcopy(model).cpu() if isinstance(model, nn.Module) else model
        self.clone = create(chosen, width, n_classes, seed=derive(seed, "weights"))
        self._low, self._high = box
        self._random = torch.Generator().manual_seed(derive(seed, "step"))
        with torch.random.fork_rng([]):
            torch.manual_seed(derive(seed, "supply"))
            self._generators = [_generator(width) for _ in range(generators)]
        self._makers = [torch.optim.Adam(g.parameters(), lr=GENERATOR_RATE) for g in self._generators]
        self._learner = torch.optim.Adam(self.clone.parameters(), lr=CLONE_RATE)
        self.asked = torch.zeros(0, width)
        self.answers = torch.zeros(0, n_classes)

    def train_generators(self) -> None:
        """Each makes samples between the clone's classes, of all classes alike, and as wide as the box."""
        self.clone.eval()
        for generator, maker in zip(self._generators, self._makers, strict=True):
            for _ in range(GENERATOR_STEPS):
                made = generator(torch.randn(64, NOISE, generator=self._random)).sigmoid()
                p = self.clone(self._placed(made)).softmax(1)
                mean = p.mean(0)
                uneven = (mean * mean.clamp_min(1e-12).log()).sum()  # least where all classes are alike
                apart = (made - made.roll(1, 0)).abs().mean()
                narrow = SPREAD * functional.relu(EVEN - apart)
                maker.zero_grad(set_to_none=True)
                torch.autograd.backward(_lead(p).mean() + uneven + narrow)
                maker.step()

    @torch.no_grad()
    def choose(self, n: int, balance: bool) -> Tensor:
        """(n, D) samples to ask, of `POOL` times as many that all generators make."""
        each = -(-POOL * n // len(self._generators))
        candidates = torch.cat([self._made(g, each) for g in self._generators])
        candidates = candidates[torch.randperm(len(candidates), generator=self._random)]
        if not balance:
            return candidates[:n]
        p = self.clone(candidates).softmax(1)
        return candidates[balanced_rows(p, n)]

    def learn(self, fresh: Tensor, answers: Tensor, replay: bool) -> None:
        """The clone learns from new answers, and of the former ones oftener from those it has wrong."""
        self.asked = torch.cat([self.asked, fresh])
        self.answers = torch.cat([self.answers, answers])
        x, target = (self.asked, self.answers) if replay else (fresh, answers)
        self.clone.train()
        with torch.no_grad():
            hard = functional.cross_entropy(self.clone(x), target, reduction="none")
            chances = hard / hard.mean().clamp_min(1e-12) + 1  # half by difficulty, half evenly
        for _ in range(CLONE_STEPS):
            rows = torch.multinomial(chances, 64, replacement=True, generator=self._random)
            self._learner.zero_grad(set_to_none=True)
            torch.autograd.backward(functional.cross_entropy(self.clone(x[rows]), target[rows]))
            self._learner.step()
        self.clone.eval()

    @torch.no_grad()
    def measured(self, X: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        """Agreement on the reference samples, and how evenly the answers fell on the classes."""
        own = self.clone(torch.from_numpy(X)).argmax(1).numpy()
        share = self.answers.mean(0)
        entropy = -(share * share.clamp_min(1e-12).log()).sum() / np.log(len(share))
        return float((own == truth).mean()), float(entropy)

    def clone_now(self) -> nn.Module:
        return copy.deepcopy(self.clone).eval().requires_grad_(False)

    def _made(self, generator: nn.Module, n: int) -> Tensor:
        return self._placed(generator(torch.randn(n, NOISE, generator=self._random)).sigmoid())

    def _placed(self, made: Tensor) -> Tensor:
        """From [0, 1] into the box."""
        return self._low + (self._high - self._low) * made


def _generator(width: int) -> nn.Sequential:
    last = nn.Linear(WIDTH, width)
    with torch.no_grad():
        last.weight.mul_(START)
    return nn.Sequential(nn.Linear(NOISE, WIDTH), nn.ReLU(), last)


def balanced_rows(probs: Tensor, n: int) -> Tensor:
    """Rows (n,) of probabilities (M, K), M >= n: of each class predicted alike many, the least sure first.

    A class with too few leaves its share to the others.
    """
    lead, guess = _lead(probs), probs.argmax(1)
    order = lead.argsort(stable=True)
    turn = torch.empty_like(order)
    for k in range(probs.shape[1]):
        own = order[guess[order] == k]
        turn[own] = torch.arange(len(own))
    return order[turn[order].argsort(stable=True)][:n]


def _lead(p: Tensor) -> Tensor:
    """(N,) largest probability less the second."""
    top = p.topk(2, 1).values
    return top[:, 0] - top[:, 1]


def _box(X: np.ndarray, limits: tuple[Any, Any] | None) -> tuple[Tensor, Tensor]:
    """Lowest and highest value of each feature, (D,) each."""
    ends: Sequence[Any] = (X.min(0), X.max(0)) if limits is None else limits
    try:
        low, high = (np.broadcast_to(np.asarray(end, np.float32), X.shape[1:]) for end in ends)
    except ValueError as error:
        raise ShapeError(f"limits must be a pair of numbers or (D,), D = {X.shape[1]}: {error}") from error
    if not (
        np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all() and (low < high).any()
    ):
        raise InputError("limits must be finite, the lowest value of each feature not above the highest")
    return torch.from_numpy(low.copy()), torch.from_numpy(high.copy())

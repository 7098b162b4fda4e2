"""Engines take optimisation steps. `LoopEngine` trains any module with any optimiser."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from clsviz.catalogue import Method, resolve
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, MissingNeed, ShapeError
from clsviz.models import evaluating
from clsviz.training.experiment import Experiment
from clsviz.training.metrics import measured_rows, scores
from clsviz.training.needs import BATCH, Named, forward, remedy
from clsviz.training.objective import ANSWERS, Objective, rows_of
from clsviz.training.optimizers import create_optimizer
from clsviz.training.seeding import batch_order, derive, generator_of
from clsviz.training.snapshot import Snapshot, buffers_of, exact_parameters, theta_of
from clsviz.training.supplies import Setting, Supply, built, offered
from clsviz.training.unlabelled import UnlabelledRows, measured_unlabelled, named

CHUNK_ROWS = 8192
SAMPLE = 2  # samples that model and loss are tried on


class Stepper(Protocol):
    """What a run asks of an engine, from one thread at a time.

    `step` counts optimisation steps; all that later steps depend on is in `capture`, so that
    `restore` and going on equals never having stopped.
    """

    step: int
    steps_per_epoch: int

    @property
    def finite(self) -> bool:
        """Whether every loss since the last restore was finite. May wait for the device."""

    def advance(self) -> None:
        """Takes one step."""

    def capture(self, *, with_logits: bool) -> Snapshot:
        """This moment, measured. Leaves no trace in what follows."""

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to that moment."""

    def adjust(self, experiment: Experiment, objective: Objective | None) -> None:
        """Takes over changed optimiser parameters and a changed loss."""


def pick_device(name: str) -> torch.device:
    """The device that ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"`` stands for.

    Raises:
        InputError: there is no such device.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda", 0) if count else torch.device("cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        there = f"{count} CUDA devices" if count else "no CUDA device"
        raise InputError(f'device: {name!r} was asked for but there is {there}; use device="auto" or "cpu"')
    return device


def pick_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that autocast computes in; float32 means no autocast."""
    if precision == "auto":
        native = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


class LoopEngine:
    """One model, trained step by step.

    Args:
        model: maps (n, D) to logits (n, K); trained in place, on `device`.
        extras: further arrays with one row per sample of the dataset, by the name of the need.

    Attributes:
        objective: the loss; where it is `headless`, the model's head learns to classify its detached
            embeddings besides (an online linear probe), so that views have logits.

    Raises:
        MissingNeed: the loss asks for something that is not there.
        ShapeError: the model does not fit the dataset.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: Dataset,
        experiment: Experiment,
        *,
        extras: Mapping[str, np.ndarray] | None = None,
        device: torch.device | None = None,
    ) -> None:
        if len(dataset.train) == 0:
            raise InputError(f"data {dataset.name!r}: the training part is empty")
        self.device = device or pick_device(experiment.device)
        self.model = model.to(self.device)
        self.dataset = dataset
        self.seed = experiment.seed
        self.batch_size = experiment.batch_size
        self.autocast = pick_dtype(experiment.precision, self.device)
        self.step = 0
        self.steps_per_epoch = -(-len(dataset.train) // self.batch_size)
        self.generator = torch.Generator(self.device)
        parameter = next((p for p in model.parameters() if p.is_floating_point()), None)
        if parameter is None:
            raise InputError(f"model {type(model).__name__} has no parameters to train")
        X = torch.from_numpy(dataset.X).to(self.device)
        self.X = X.to(parameter.dtype)
        self.columns = {"targets": torch.from_numpy(dataset.y).to(self.device)}
        for name in ("label_sets", "values"):
            if (given := getattr(dataset, name)) is not None:
                self.columns[name] = torch.from_numpy(given).to(self.X)
        for name, rows in (extras or {}).items():
            column = torch.as_tensor(rows)
            if column.ndim == 0 or len(column) != len(dataset.y):
                raise ShapeError(
                    f"extras[{name!r}]: expected one row for each of {len(dataset.y)} samples, "
                    f"got shape {tuple(column.shape)}"
                )
            self.columns[name] = column.to(self.device)
        self._unlabelled: Tensor | None = None
        if dataset.unlabelled is not None:
            self._unlabelled = torch.from_numpy(dataset.unlabelled).to(self.X)
            self._unlabelled_rows = UnlabelledRows([self.seed], len(self._unlabelled), self.device)
        self._measured = {
            split: self.batch(torch.from_numpy(rows).to(self.device))
            for split, rows in measured_rows(dataset, self.seed).items()
        }
        self._order_of: tuple[int, Tensor] | None = None
        self._nonfinite = torch.zeros((), dtype=torch.bool, device=self.device)
        self._sample = self._probed()
        embeddings = self._sample[1].get("embeddings")
        self._dim = None if embeddings is None else int(embeddings.shape[1])
        self.draws_noise = any(_draws_noise(m) for m in model.modules())
        entry, self._method = resolve("method", experiment.method.name)
        self._method_draws = "generator" in entry.needs
        self._experiment = experiment
        self.objective = self.objective_for(experiment)
        if "unlabelled" in entry.facts.get("takes", ()) and self._unlabelled is None:
            raise MissingNeed(
                f"the method {entry.name!r} learns from samples without labels, and {dataset.name!r} has "
                f"none: they come from {remedy('unlabelled')}"
            )
        if missing := [n for n in entry.facts.get("trains", ()) if n not in self.objective.supplies]:
            raise MissingNeed(
                f"the method {entry.name!r} trains {missing}, which the loss {experiment.loss.name!r} "
                f"does not take from it; use it with a loss that needs {missing[0]!r}"
            )
        self.optimizer = self._new_optimizer()

    @property
    def finite(self) -> bool:
        return not bool(self._nonfinite)

    def objective_for(self, experiment: Experiment) -> Objective:
        """The loss of an experiment made ready for this dataset and model; the present one stays in use.

        Raises:
            MissingNeed: it asks for something that is not there.
            InputError: it cannot be called with what is there.
        """
        self.require(experiment)
        with _drawing(derive(self.seed, "weights", 1), self.device):
            objective = Objective(
                experiment.loss,
                **self._there(),
                device=self.device,
                temperature=experiment.loss_temperature,
                supplier=_Supplier(self, experiment),
            )
        batch, outputs = self._sample
        objective.try_out(batch | {"generator": torch.Generator(self.device)}, outputs)
        return objective

    def require(self, experiment: Experiment) -> None:
        """Refuses a loss for want of something that is not there; makes nothing.

        Raises:
            MissingNeed: what is missing, and what would provide it.
        """
        offers = _Supplier(self, experiment).offers
        Objective.require(experiment.loss, **self._there(), offers=offers)
        needs = resolve("loss", experiment.loss.name)[0].needs
        if needs and set(ANSWERS).isdisjoint(needs) and not callable(getattr(self.model, "head", None)):
            raise MissingNeed(
                f"the loss {experiment.loss.name!r} does not look at the logits, and the model "
                f"{type(self.model).__name__} has no head(embeddings) that could be trained beside it; "
                "use mlp, cnn or rbf, or give your module one"
            )

    def _there(self) -> dict[str, Any]:
        """What a loss can be called with here."""
        sizes = {"num_examples": len(self.dataset.y), "num_classes": self.dataset.n_classes}
        if self._dim is not None:
            sizes["dim"] = self._dim
        return {
            "batch": (*BATCH, *(n for n in self.columns if n not in BATCH)),
            "outputs": (*self._sample[1], *(() if self._unlabelled is None else named(self._sample[1]))),
            "sizes": sizes,
            "model": type(self.model).__name__,
        }

    def outputs(
        self, x: Tensor, *, more: bool = True, at: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """The model's outputs by name, ``logits`` alone or all, with gradient.

        Args:
            at: parameters by name, in place of the present ones.
        """
        with self._casting():
            if at is None:
                outputs = forward(self.model, x, more=more)
            else:
                outputs = functional_call(
                    Named(self.model, more), {f"model.{name}": p for name, p in at.items()}, (x,)
                )
        if self.autocast is torch.float32:
            return outputs
        return {k: v.float() if v.is_floating_point() else v for k, v in outputs.items()}

    def loss(self, batch: Mapping[str, Any], *, at: Mapping[str, Tensor] | None = None) -> Tensor:
        """What is minimised on a batch, 0-d, with gradient.

        Args:
            at: parameters of the model by name, in place of the present ones.
        """
        outputs = self.outputs(batch["x"], more=self.objective.more, at=at)
        if self.objective.elsewhere:
            outputs |= named(self.outputs(batch["unlabelled"], more=self.objective.more, at=at))
        loss = self.objective(batch, outputs)
        if self.objective.headless:
            head: Callable[[Tensor], Tensor] = self.model.head  # type: ignore[assignment]
            loss = loss + functional.cross_entropy(head(outputs["embeddings"].detach()), batch["targets"])
        return loss

    def batch(self, index: Tensor) -> dict[str, Any]:
        """The samples at these rows (n,) of the dataset, as losses and methods get them."""
        batch: dict[str, Any] = {"x": self.X[index], "index": index, "generator": self.generator}
        if self._unlabelled is not None:
            batch["unlabelled"] = self._unlabelled[self._unlabelled_rows.at(self.step)[0]]
        return batch | {name: column[index] for name, column in self.columns.items()}

    def input_gradient(self, batch: Mapping[str, Any]) -> Tensor:
        """Gradient of the loss with respect to the batch's x, (n, D). A loss's memory stays as it is."""
        x = batch["x"].detach().requires_grad_()
        memory = self.objective.module
        if memory is None:
            return torch.autograd.grad(self.loss({**batch, "x": x}), x)[0]
        mode = memory.training
        memory.eval()
        try:
            return torch.autograd.grad(self.loss({**batch, "x": x}), x)[0]
        finally:
            memory.train(mode)

    def advance(self) -> None:
        self.model.train()
        if self.objective.module:
            self.objective.module.train()
        epoch, place = divmod(self.step, self.steps_per_epoch)
        index = self._order(epoch)[place * self.batch_size : (place + 1) * self.batch_size]
        if self._method_draws or self.objective.draws:
            self.generator.manual_seed(derive(self.seed, "step", self.step))
        with self._noise_of_step():
            loss = self._method(self, self.batch(index), **self._experiment.method.params)
        self._nonfinite |= ~torch.isfinite(loss)
        self.step += 1

    def capture(self, *, with_logits: bool) -> Snapshot:
        metrics = self._measure()
        logits = self._all_logits() if with_logits else None
        resume = exact_parameters(self.model)
        resume |= {f"loss.{k}": v.detach().cpu().clone() for k, v in self.objective.state().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            resume |= {
                f"optimizer.{i}.{k}": v.detach().cpu().clone()
                for k, v in state.items()
                if isinstance(v, Tensor)
            }
        return Snapshot(
            self.step,
            self.step / self.steps_per_epoch,
            theta_of(self.model),
            buffers_of(self.model),
            logits,
            metrics,
            resume,
        )

    def restore(self, snapshot: Snapshot) -> None:
        snapshot.load_into(self.model)
        self.step = snapshot.step
        self._nonfinite.zero_()
        resume = snapshot.resume or {}
        state = {k.removeprefix("loss."): v for k, v in resume.items() if k.startswith("loss.")}
        if not self.objective.take_state(state):
            self.objective = self.objective_for(self._experiment)
        self.optimizer = self._new_optimizer()
        self._restore_optimizer(resume)

    def adjust(self, experiment: Experiment, objective: Objective | None) -> None:
        self._experiment = experiment
        if objective is not None:
            former, self.objective = self.objective, objective
            if objective.spec.name == former.spec.name:
                objective.take_state(former.state())
            if former.parameters() or objective.parameters():
                kept = self.optimizer.state_dict()["state"]
                self.optimizer = self._new_optimizer()
                own = range(sum(1 for _ in self.model.parameters()))
                self._restore_optimizer(
                    {f"optimizer.{i}.{k}": v for i in own for k, v in kept.get(i, {}).items()}
                )
        for group in self.optimizer.param_groups:
            group.update({k: v for k, v in experiment.params("optimizer").items() if k in group})

    def _probed(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A few training samples as a batch, and the model's outputs for them."""
        batch = self.batch(torch.from_numpy(self.dataset.train[:SAMPLE]).to(self.device))
        x = batch["x"]
        try:
            with evaluating(self.model):
                outputs = forward(self.model, x, more=True)
        except (RuntimeError, ValueError, TypeError) as error:
            raise ShapeError(
                f"the model {type(self.model).__name__} cannot take x of shape {tuple(x.shape)} "
                f"from the data {self.dataset.name!r}: {error}"
            ) from error
        expected = (len(x), self.dataset.n_classes)
        shape = tuple(outputs["logits"].shape)
        if shape != expected:
            raise ShapeError(
                f"the model {type(self.model).__name__} maps x {tuple(x.shape)} to logits {shape}; "
                f"the data {self.dataset.name!r} need {expected}"
            )
        return batch, outputs

    def _order(self, epoch: int) -> Tensor:
        if self._order_of is None or self._order_of[0] != epoch:
            order = batch_order(self.seed, epoch, self.dataset.train)
            self._order_of = (epoch, torch.from_numpy(order).to(self.device))
        return self._order_of[1]

    def _measure(self) -> dict[str, float]:
        metrics: dict[str, float] = {}
        with self._looking():
            self.generator.manual_seed(self.seed)
            elsewhere = self._measured_elsewhere()
            for split, batch in self._measured.items():
                outputs = forward(self.model, batch["x"], more=self.objective.more) | elsewhere
                metrics[f"{split}_loss"] = self._measured_loss(batch, outputs)
                if (errors := self.objective.value_errors(batch, outputs["logits"])) is not None:
                    metrics[f"{split}_value_error"] = float(errors.square().mean().sqrt())
                logits = outputs["logits"].double().cpu().numpy()
                found = scores(logits, self.dataset, batch["index"].cpu().numpy(), split)
                metrics |= {f"{split}_{name}": value for name, value in found.items()}
        return metrics

    def _measured_elsewhere(self) -> dict[str, Tensor]:
        """The model's outputs for samples without labels, where the loss looks at them."""
        if not self.objective.elsewhere:
            return {}
        assert self._unlabelled is not None  # its needs were checked
        rows = measured_unlabelled(len(self._unlabelled), self.seed).to(self.device)
        return named(forward(self.model, self._unlabelled[rows], more=self.objective.more))

    def _measured_loss(self, batch: Mapping[str, Any], outputs: Mapping[str, Tensor]) -> float:
        """The loss of many samples; one that compares those of a batch gets batches, as in training."""
        n = len(batch["x"])
        if not self.objective.coupled or n <= self.batch_size:
            return float(self.objective(batch, outputs))
        order = torch.from_numpy(generator_of(self.seed, "rows", 2).permutation(n)).to(self.device)
        total = 0.0
        for rows in torch.split(order, self.batch_size):
            total += len(rows) * float(self.objective(rows_of(batch, rows, n), rows_of(outputs, rows, n)))
        return total / n

    def _all_logits(self) -> np.ndarray:
        with self._looking():
            parts = [forward(self.model, x, more=False)["logits"] for x in torch.split(self.X, CHUNK_ROWS)]
        return torch.cat(parts).float().cpu().numpy()

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        """Eval mode without gradient, for model and loss; modes as they were afterwards."""
        with evaluating(self.model), evaluating(self.objective.module or nn.Identity()):
            yield

    def _noise_of_step(self) -> contextlib.AbstractContextManager[Any]:
        if not self.draws_noise:
            return contextlib.nullcontext()
        return _drawing(derive(self.seed, "step", self.step), self.device)

    def _casting(self) -> contextlib.AbstractContextManager[Any]:
        if self.autocast is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.autocast)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        parameters = [*self.model.parameters(), *self.objective.parameters()]
        return create_optimizer(self._experiment.optimizer, parameters)

    def _restore_optimizer(self, resume: Mapping[str, Any]) -> None:
        whole = self.optimizer.state_dict()
        state: dict[int, dict[str, Any]] = {}
        for key, value in resume.items():
            if key.startswith("optimizer."):
                _, i, name = key.split(".", 2)
                # A copy: the optimiser writes into what it is given, the snapshot must not change.
                state.setdefault(int(i), {})[name] = value.clone() if isinstance(value, Tensor) else value
        count = len(whole["param_groups"][0]["params"])
        whole["state"] = {i: s for i, s in state.items() if i < count}
        self.optimizer.load_state_dict(whole)


@dataclass(frozen=True, slots=True)
class _Supplier:
    """Builds the supplies of one engine with an experiment's parameters."""

    engine: LoopEngine
    experiment: Experiment

    def offers(self, name: str) -> Method | None:
        entry = offered(name)
        if entry is None or entry.facts["method_only"] not in (None, self.experiment.method.name):
            return None
        return entry

    def build(self, name: str) -> Supply:
        engine = self.engine
        setting = Setting(
            engine.dataset,
            engine.columns,
            engine.outputs,
            engine._dim,
            engine.seed,
            engine.device,
            engine.X.dtype,
        )
        return built(name, setting, self.experiment.supplies.get(name, {}))


def _draws_noise(module: nn.Module) -> bool:
    """Whether this layer draws random numbers in training."""
    return isinstance(module, nn.modules.dropout._DropoutNd | nn.RReLU) or (
        getattr(module, "dropout", 0) not in (0, 0.0) and not isinstance(module.dropout, nn.Module)
    )


@contextlib.contextmanager
def _drawing(seed: int, device: torch.device) -> Iterator[None]:
    """torch's global generators at `seed`, and as they were afterwards.

    Only entered where something draws from them: the generators are shared with the user's thread.
    """
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield

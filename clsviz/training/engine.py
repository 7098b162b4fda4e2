"""Engines take optimisation steps. `LoopEngine` trains any module with any optimiser."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from clsviz.catalogue import Spec, resolve
from clsviz.data.dataset import Dataset
from clsviz.errors import InputError, ShapeError
from clsviz.models import evaluating
from clsviz.training.experiment import Experiment
from clsviz.training.metrics import measured_rows, scores
from clsviz.training.needs import BATCH, forward
from clsviz.training.objective import Objective
from clsviz.training.optimizers import create_optimizer
from clsviz.training.seeding import batch_order, derive
from clsviz.training.snapshot import Snapshot, buffers_of, exact_parameters, theta_of

CHUNK_ROWS = 8192


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
        self._temperature = experiment.loss_temperature
        self.autocast = pick_dtype(experiment.precision, self.device)
        self.step = 0
        self.steps_per_epoch = -(-len(dataset.train) // self.batch_size)
        self.generator = torch.Generator(self.device)
        parameter = next((p for p in model.parameters() if p.is_floating_point()), None)
        if parameter is None:
            raise InputError(f"model {type(model).__name__} has no parameters to train")
        X = torch.from_numpy(dataset.X).to(self.device)
        self.X = X.to(parameter.dtype)
        self._columns = {"targets": torch.from_numpy(dataset.y).to(self.device)}
        for name, rows in (extras or {}).items():
            column = torch.as_tensor(rows)
            if column.ndim == 0 or len(column) != len(dataset.y):
                raise ShapeError(
                    f"extras[{name!r}]: expected one row for each of {len(dataset.y)} samples, "
                    f"got shape {tuple(column.shape)}"
                )
            self._columns[name] = column.to(self.device)
        self._rows = measured_rows(dataset, self.seed)
        self._measured = {
            split: self._batch(torch.from_numpy(rows).to(self.device)) for split, rows in self._rows.items()
        }
        self._order_of: tuple[int, Tensor] | None = None
        self._nonfinite = torch.zeros((), dtype=torch.bool, device=self.device)
        self._outputs, self._dim, self.draws_noise = self._probe(experiment)
        self._method: Callable[..., Tensor] = resolve("method", experiment.method.name)[1]
        self._method_params = dict(experiment.method.params)
        self.objective = self.objective_for(experiment.loss)
        self._optimizer_spec = experiment.optimizer
        self.optimizer = self._new_optimizer()

    @property
    def finite(self) -> bool:
        return not bool(self._nonfinite)

    def objective_for(self, loss: Spec) -> Objective:
        """A loss made ready for this dataset and model; the present one stays in use.

        Raises:
            MissingNeed: it asks for something that is not there.
        """
        with _drawing(derive(self.seed, "weights", 1), self.device):
            return Objective(loss, **self._given(), device=self.device, temperature=self._temperature)

    def require(self, loss: Spec) -> None:
        """Refuses what `objective_for` would refuse for want of something; makes nothing.

        Raises:
            MissingNeed: the loss asks for something that is not there.
        """
        Objective.require(loss, **self._given())

    def _given(self) -> dict[str, Any]:
        """What a loss can be called with here."""
        sizes = {"num_examples": len(self.dataset.y), "num_classes": self.dataset.n_classes}
        if self._dim is not None:
            sizes["dim"] = self._dim
        return {
            "batch": (*BATCH, *(n for n in self._columns if n not in BATCH)),
            "outputs": self._outputs,
            "sizes": sizes,
            "model": type(self.model).__name__,
        }

    def loss(self, batch: Mapping[str, Any]) -> Tensor:
        """The loss of a batch at the present weights: 0-d, with gradient."""
        with self._casting():
            outputs = forward(self.model, batch["x"], more=self.objective.more)
        if self.autocast is not torch.float32:
            outputs = {k: v.float() if v.is_floating_point() else v for k, v in outputs.items()}
        return self.objective(batch, outputs)

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
        if "generator" in self.objective.needs:
            self.generator.manual_seed(derive(self.seed, "step", self.step))
        with self._noise_of_step():
            loss = self._method(self, self._batch(index), **self._method_params)
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
            self.objective = self.objective_for(self.objective.spec)
        self.optimizer = self._new_optimizer()
        self._restore_optimizer(resume)

    def adjust(self, experiment: Experiment, objective: Objective | None) -> None:
        self._optimizer_spec = experiment.optimizer
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

    def _probe(self, experiment: Experiment) -> tuple[tuple[str, ...], int | None, bool]:
        """Names of the model's outputs, width of its embeddings, and whether training it draws noise."""
        x = self.X[torch.from_numpy(self.dataset.train[:2]).to(self.device)]
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
        embeddings = outputs.get("embeddings")
        dim = None if embeddings is None else int(embeddings.shape[1])
        return tuple(outputs), dim, any(_draws_noise(m) for m in self.model.modules())

    def _order(self, epoch: int) -> Tensor:
        if self._order_of is None or self._order_of[0] != epoch:
            order = batch_order(self.seed, epoch, self.dataset.train)
            self._order_of = (epoch, torch.from_numpy(order).to(self.device))
        return self._order_of[1]

    def _batch(self, index: Tensor) -> dict[str, Any]:
        batch: dict[str, Any] = {"x": self.X[index], "index": index, "generator": self.generator}
        return batch | {name: column[index] for name, column in self._columns.items()}

    def _measure(self) -> dict[str, float]:
        metrics: dict[str, float] = {}
        with self._looking():
            self.generator.manual_seed(self.seed)
            for split, rows in self._rows.items():
                batch = self._measured[split]
                outputs = forward(self.model, batch["x"], more=self.objective.more)
                metrics[f"{split}_loss"] = float(self.objective(batch, outputs))
                logits = outputs["logits"].double().cpu().numpy()
                found = scores(logits, self.dataset.y[rows])
                metrics |= {f"{split}_{name}": value for name, value in found.items()}
        return metrics

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
        return create_optimizer(self._optimizer_spec, parameters)

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

"""The stacked engine: K models of one architecture take their steps as one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from clsviz.catalogue import resolve
from clsviz.errors import ClsvizError
from clsviz.training.batched_metrics import Tally
from clsviz.training.batched_models import batched
from clsviz.training.batched_optimizers import BATCHED, BatchedOptimizer
from clsviz.training.batches import Batches
from clsviz.training.engine import LoopEngine, pick_dtype
from clsviz.training.fan_members import Member
from clsviz.training.methods import perturbed
from clsviz.training.metrics import measured_rows
from clsviz.training.objective import TEMPERED
from clsviz.training.snapshot import Snapshot
from clsviz.training.unlabelled import UnlabelledRows, measured_unlabelled, named

METHODS = ("standard", "adversarial")
# Samples times members that are measured at a time: what stays in a core's cache; a GPU wants more.
CHUNK = {"cpu": 2048, "cuda": 2**18}
LEAST_CHUNK = 32
# Metrics that a member without wrong labels does not have.
ABSENT = ("train_memorised", "train_recovered")


class CannotStack(ClsvizError):
    """These members need an engine each; the message says why."""


class StackedEngine:
    """Trains K models of one architecture in one batched step.

    The losses of all members are summed and differentiated once: no member's loss depends on
    another's weights. Settings of the optimiser, parameters and temperature of the loss, attack
    radius, labels, training samples, batch order and initial weights are each member's own.
    A frozen member leaves the stack.

    Args:
        models: K untrained modules; their weights are copied.
        extras: see `LoopEngine`; the members share them.

    Raises:
        CannotStack: loss, method or model do not run so; take `LoopEngines`.
        MissingNeed, ShapeError, InputError: the first member cannot be trained at all.
    """

    kind = "stacked"

    def __init__(
        self,
        models: Sequence[nn.Module],
        members: Sequence[Member],
        device: torch.device,
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        experiment = members[0].experiment
        # Built for what it checks: samples, model and loss fit each other.
        probe = LoopEngine(models[0], members[0].dataset, experiment, extras=extras, device=device)
        self._params = [probe.objective_for(m.experiment).params for m in members]
        _check(probe, members, self._params)
        self._members = members
        self._device = device
        self._autocast = pick_dtype(experiment.precision, device)
        self._forward = batched(probe.model, more=probe.objective.more)
        self._pick = probe.objective.pick
        self._loss = resolve("loss", experiment.loss.name)[1]
        self._decode = probe.objective.decode
        self._names = [name for name, _ in probe.model.named_parameters()]
        stacks = zip(*(m.parameters() for m in models), strict=True)
        self._weights = [torch.stack([p.detach().to(device) for p in stack]) for stack in stacks]
        self._X = probe.X
        self._columns = {n: column for n, column in probe.columns.items() if n != "targets"}
        # Members without noise share one row of labels.
        rows = {id(m.dataset.y): m.dataset.y for m in members}
        self._y = torch.from_numpy(np.stack(list(rows.values()))).to(device)
        self._row_of_y = np.array([list(rows).index(id(m.dataset.y)) for m in members])
        self._clean = torch.from_numpy(members[0].dataset.y_clean).to(device)
        self._measured = [measured_rows(m.dataset, m.seed) for m in members]
        far = members[0].dataset.unlabelled if probe.objective.elsewhere else None
        self._unlabelled = None if far is None else torch.from_numpy(far).to(self._X)
        self.step = 0
        self.steps_per_epoch = max(m.steps_per_epoch for m in members)
        self.diverged = np.full(len(members), -1, np.int64)
        self._alive = np.arange(len(members))
        self._settle()
        self._try_out(probe)

    @property
    def finite(self) -> bool:
        return len(self._alive) > 0

    def advance(self) -> None:
        if not self.finite:
            return
        index, mask = self._batches.at(self.step)
        batch = self._batch(index)
        if self._radius is not None:
            batch["x"] = perturbed(
                batch["x"], lambda x: self._slope({**batch, "x": x}, mask), self._radius, self._attack_steps
            )
        losses = _means(self._terms(batch)[0], mask)
        grads = torch.autograd.grad(losses.sum(), self._weights, allow_unused=True)
        with torch.no_grad():
            self._optimizer.step(self._weights, grads)
            self._lost |= ~torch.isfinite(losses)
        self.step += 1
        # Reading a value waits for a GPU: there it is read when a moment is captured.
        if self._device.type == "cpu" and bool(self._lost.any()):
            self._freeze(self._lost.numpy())

    def capture(self, *, with_logits: bool) -> tuple[Snapshot | None, ...]:
        found: list[Snapshot | None] = [None] * len(self._members)
        if not self.finite:
            return tuple(found)
        with torch.no_grad():
            metrics = self._measure()
            logits = self._all_logits() if with_logits else None
            theta = torch.cat([w.float().flatten(1) for w in self._weights], 1).cpu().numpy()
            resume = self._resume()
        lost = self._lost.cpu().numpy().copy()
        for row, k in enumerate(self._alive.tolist()):
            snapshot = Snapshot(
                self.step,
                self.step / self._members[k].steps_per_epoch,
                theta[row],
                {},
                None if logits is None else logits[row],
                {n: float(v[row]) for n, v in metrics.items() if n not in ABSENT or not np.isnan(v[row])},
                {name: values[row] for name, values in resume.items()},
            )
            if lost[row] or not snapshot.finite:
                lost[row] = True
            else:
                found[k] = snapshot
        if lost.any():
            self._freeze(lost)
        return tuple(found)

    def restore(self, snapshots: Sequence[Snapshot]) -> None:
        self.step = snapshots[0].step
        self.diverged[self.diverged > self.step] = -1
        self._alive = np.flatnonzero(self.diverged < 0)
        chosen = [snapshots[int(k)] for k in self._alive]
        if not chosen:
            return
        theta = torch.from_numpy(np.stack([s.theta for s in chosen if s.theta is not None])).to(self._device)
        parts = torch.split(theta, [w[0].numel() for w in self._weights], 1)
        self._weights = [
            _stacked(chosen, f"model.{name}", part.reshape(-1, *w.shape[1:]).to(w.dtype))
            for name, part, w in zip(self._names, parts, self._weights, strict=True)
        ]
        self._settle()
        optimizer = self._optimizer
        for name, stacks in optimizer.slots.items():
            optimizer.slots[name] = [
                _stacked(chosen, f"optimizer.{i}.{name}", stack) for i, stack in enumerate(stacks)
            ]
        resume = chosen[0].resume or {}
        optimizer.count = next((int(v) for k, v in resume.items() if k.endswith(".step")), 0)

    def _settle(self, former: BatchedOptimizer | None = None) -> None:
        """Lays out all that belongs to the members in good health, in their order."""
        members = [self._members[int(k)] for k in self._alive]
        first = members[0].experiment
        for w in self._weights:
            w.requires_grad_()
        self._batches = Batches(members, self._device)
        if self._unlabelled is not None:
            seeds = [m.seed for m in members]
            count = len(self._unlabelled)
            self._unlabelled_rows = UnlabelledRows(seeds, count, self._device)
            measured = torch.stack([measured_unlabelled(count, seed) for seed in seeds])
            self._unlabelled_measured = measured.to(self._device)
        self._optimizer: BatchedOptimizer = BATCHED[first.optimizer.name](
            self._weights, [m.experiment.params("optimizer") for m in members]
        )
        if former is not None:
            self._optimizer.slots, self._optimizer.count = former.slots, former.count
        params = [self._params[k] for k in self._alive]
        self._varying = {n: self._column([p[n] for p in params]) for n in _differing(params)}
        self._fixed = {n: v for n, v in params[0].items() if n not in self._varying}
        temperatures = [m.experiment.loss_temperature for m in members]
        plain = all(t == 1 for t in temperatures)
        self._temperature = None if plain else self._column(temperatures).view(-1, 1, 1)
        attacks = [m.experiment.params("method") for m in members]
        adversarial = first.method.name == "adversarial"
        self._radius = self._column([a["radius"] for a in attacks]).view(-1, 1, 1) if adversarial else None
        self._attack_steps = int(attacks[0]["steps"]) if adversarial else 0
        self._lost = torch.zeros(len(members), dtype=torch.bool, device=self._device)
        self._own_y = torch.from_numpy(self._row_of_y[self._alive]).to(self._device).unsqueeze(1)
        rows = [self._measured[k] for k in self._alive]
        self._splits = {split: _padded([r[split] for r in rows], self._device) for split in rows[0]}

    def _freeze(self, lost: np.ndarray) -> None:
        """Takes the members at these places out of the stack."""
        self.diverged[self._alive[lost]] = self.step
        self._alive = self._alive[~lost]
        if not self.finite:
            return
        kept = torch.from_numpy(np.flatnonzero(~lost)).to(self._device)
        optimizer = self._optimizer
        with torch.no_grad():
            self._weights = [w[kept] for w in self._weights]
            optimizer.slots = {name: [s[kept] for s in stacks] for name, stacks in optimizer.slots.items()}
        self._settle(optimizer)

    def _batch(self, index: Tensor) -> dict[str, Tensor]:
        """Samples and labels of rows (K, n) of the dataset."""
        x = self._X.index_select(0, index.reshape(-1)).view(*index.shape, -1)
        targets = self._y[0][index] if len(self._y) == 1 else self._y[self._own_y, index]
        columns = {name: column[index] for name, column in self._columns.items()}
        return {"x": x, "targets": targets, "index": index, **columns}

    def _elsewhere(self, rows: Tensor) -> dict[str, Tensor]:
        """What the models say of samples (K, m) without labels."""
        assert self._unlabelled is not None
        return named(self._outputs(self._unlabelled[rows]))

    def _terms(
        self, batch: Mapping[str, Tensor], elsewhere: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Loss of each sample (K, n) and logits (K, n, C).

        Args:
            elsewhere: outputs for samples without labels, where the loss looks at them; None: this step's.
        """
        outputs = self._outputs(batch["x"])
        if self._unlabelled is not None:
            found = self._elsewhere(self._unlabelled_rows.at(self.step)) if elsewhere is None else elsewhere
            outputs |= found
        logits = outputs["logits"]
        if self._temperature is not None:
            for name in set(TEMPERED) & set(outputs):
                z = outputs[name]
                outputs[name] = z / self._temperature.view(-1, *[1] * (z.ndim - 1))
        given = self._pick({**batch, **outputs})
        if not self._varying and self._unlabelled is None:
            # One loss for all rows of all members: vmap would add a quarter to the time of each operation.
            rows = {name: value.flatten(0, 1) for name, value in given.items()}
            return self._loss(**rows, **self._fixed).view(logits.shape[:2]), logits

        def one(given: Mapping[str, Tensor], varying: Mapping[str, Tensor]) -> Tensor:
            return self._loss(**given, **varying, **self._fixed)

        return vmap(one)(given, self._varying), logits

    def _outputs(self, x: Tensor) -> dict[str, Tensor]:
        """What the models say of samples (K, n, D), by name."""
        with self._casting():
            outputs = self._forward(self._weights, x)
        if self._autocast is torch.float32:
            return outputs
        return {k: v.float() if v.is_floating_point() else v for k, v in outputs.items()}

    def _value_errors(self, batch: Mapping[str, Tensor], logits: Tensor) -> Tensor | None:
        """Predicted less true numbers (K, n), where the loss fits numbers."""
        decode = self._decode
        if decode is None:
            return None
        logits = logits if self._temperature is None else logits / self._temperature

        def one(z: Tensor, varying: Mapping[str, Tensor]) -> Tensor:
            return decode(z, **varying, **self._fixed)

        return vmap(one)(logits, self._varying) - batch["values"]

    def _slope(self, batch: Mapping[str, Tensor], mask: Tensor | None) -> Tensor:
        """Gradient of each member's loss with respect to its samples, (K, n, D)."""
        x = batch["x"].detach().requires_grad_()
        return torch.autograd.grad(_means(self._terms({**batch, "x": x})[0], mask).sum(), x)[0]

    def _measure(self) -> dict[str, np.ndarray]:
        metrics: dict[str, np.ndarray] = {}
        rows = self._chunk()
        elsewhere = None if self._unlabelled is None else self._elsewhere(self._unlabelled_measured)
        for split, (index, mask) in self._splits.items():
            tally = Tally(len(self._alive), self._device)
            for start in range(0, index.shape[1], rows):
                some = None if mask is None else mask[:, start : start + rows]
                batch = self._batch(index[:, start : start + rows])
                terms, logits = self._terms(batch, elsewhere)
                errors = self._value_errors(batch, logits)
                tally.add(terms, logits, batch["targets"], self._clean[batch["index"]], some, errors)
            found = tally.metrics()
            if self._decode is None:
                del found["value_error"]
            if split != "train":
                del found["memorised"], found["recovered"]
            metrics |= {f"{split}_{name}": values for name, values in found.items()}
        return metrics

    def _chunk(self) -> int:
        return max(LEAST_CHUNK, CHUNK[self._device.type] // len(self._alive))

    def _all_logits(self) -> np.ndarray:
        count = len(self._alive)
        parts = []
        for x in torch.split(self._X, self._chunk()):
            parts.append(self._forward(self._weights, x.expand(count, *x.shape))["logits"].float().cpu())
        return torch.cat(parts, 1).numpy()

    def _resume(self) -> dict[str, Tensor]:
        """What it takes to go on, stacked, under the names that a single run's snapshots have."""
        found = {
            f"model.{name}": w.cpu().clone()
            for name, w in zip(self._names, self._weights, strict=True)
            if w.dtype == torch.float64
        }
        optimizer = self._optimizer
        if not optimizer.count:
            return found
        for name, stacks in optimizer.slots.items():
            found |= {f"optimizer.{i}.{name}": s.cpu().clone() for i, s in enumerate(stacks)}
        if "exp_avg" in optimizer.slots:
            count = torch.full((len(self._alive),), float(optimizer.count))
            found |= {f"optimizer.{i}.step": count for i in range(len(self._weights))}
        return found

    def _try_out(self, probe: LoopEngine) -> None:
        """Raises CannotStack where model or loss refuse to be batched."""
        try:
            terms = self._terms(self._batch(self._batches.at(0)[0][:, :2]))[0]
            torch.autograd.grad(terms.sum(), self._weights, allow_unused=True)
        except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
            raise CannotStack(
                f"the model {type(probe.model).__name__} does not run under vmap: {error}"
            ) from error
        if terms.ndim != 2:
            raise CannotStack(f"the loss {probe.objective.spec.name!r} gives one value for a whole batch")

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=self._X.dtype, device=self._device)

    def _casting(self) -> contextlib.AbstractContextManager[Any]:
        if self._autocast is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, self._autocast)


def _check(probe: LoopEngine, members: Sequence[Member], params: Sequence[Mapping[str, Any]]) -> None:
    experiment, model = members[0].experiment, type(probe.model).__name__
    loss = f"loss {experiment.loss.name!r}"
    entry = resolve("loss", experiment.loss.name)[0]
    if probe.draws_noise:
        raise CannotStack(f"the model {model} draws random numbers in training")
    if any(True for _ in probe.model.buffers()):
        raise CannotStack(f"the model {model} has buffers")
    if experiment.optimizer.name not in BATCHED:
        raise CannotStack(f"the optimizer {experiment.optimizer.name!r} has no batched form")
    if experiment.method.name not in METHODS:
        raise CannotStack(f"the method {experiment.method.name!r} has no batched form")
    if "steps" in _differing([m.experiment.params("method") for m in members]):
        raise CannotStack("the members' attacks differ in their number of steps")
    if probe.objective.supplies:
        raise CannotStack(f"the {loss} takes {next(iter(probe.objective.supplies))!r} from a supply")
    if probe.objective.draws:
        raise CannotStack(f"the {loss} draws random numbers")
    if probe.objective.coupled:
        # Filled-up batches would bring rows that do not count.
        raise CannotStack(f"the terms of the {loss} depend on the whole batch")
    if not entry.facts.get("vmap") or probe.objective.module is not None:
        raise CannotStack(f"the {loss} does not run under vmap")
    if probe.objective.headless:
        raise CannotStack(f"the {loss} leaves the model's head to be trained beside it")
    if choices := [name for name in _differing(params) if entry.param(name).choices]:
        raise CannotStack(f"the members differ in {choices[0]!r} of the {loss}, which is a choice")


def _differing(params: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name, first in params[0].items() if any(p[name] != first for p in params)]


def _means(terms: Tensor, mask: Tensor | None) -> Tensor:
    """(K,) from (K, n): the mean of those that count."""
    if mask is None:
        return terms.mean(1)
    return torch.where(mask, terms, 0.0).sum(1) / mask.sum(1)


def _padded(rows: Sequence[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Rows of each member as (K, n), filled up with its own first, and which count; None: all."""
    width = max(map(len, rows))
    index = torch.from_numpy(np.stack([np.append(r, np.full(width - len(r), r[0])) for r in rows]))
    lengths = torch.tensor([len(r) for r in rows]).unsqueeze(1)
    mask = torch.arange(width) < lengths
    return index.to(device), None if bool(mask.all()) else mask.to(device)


def _stacked(snapshots: Sequence[Snapshot], key: str, otherwise: Tensor) -> Tensor:
    """What all these snapshots keep under this name, or the other value where one does not."""
    found = [(s.resume or {}).get(key) for s in snapshots]
    there = [t for t in found if t is not None]
    if len(there) < len(found):
        return otherwise
    return torch.stack(there).to(otherwise.device, otherwise.dtype)

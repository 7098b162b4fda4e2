"""What makes a need that neither batch nor model has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from clsviz.catalogue import Method, Range, method
from clsviz.catalogue.spec import OBJECTS, REGISTRY
from clsviz.data.dataset import Dataset


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What supplies are built from: the data, the model, and the run's seed.

    Args:
        columns: one row per sample of the dataset, by name, on `device`.
        outputs: the model's outputs by name at samples (n, D), at its present weights and mode.
        dim: width of the model's embeddings; None where it has none.
        dtype: of the model's weights.
    """

    dataset: Dataset
    columns: Mapping[str, Tensor]
    outputs: Callable[[Tensor], dict[str, Tensor]]
    dim: int | None
    seed: int
    device: torch.device
    dtype: torch.dtype


class Supply(nn.Module):
    """Makes one need of a batch. Weights of its own belong to the run's state.

    Attributes:
        trained: the optimiser trains its weights with the model's; False leaves them to a method.
        couples: through it a sample's loss depends on which others are in its batch.
    """

    trained: ClassVar[bool] = True
    couples: ClassVar[bool] = False

    def forward(self, values: Mapping[str, Any]) -> Tensor:
        """The need, from a batch and the model's outputs for it, both by name."""
        raise NotImplementedError


def supply(
    *,
    name: str,
    title: str,
    paper: str,
    formula: str = "",
    needs: tuple[str, ...] = (),
    method_only: str | None = None,
    **controls: Range | tuple[Any, ...],
) -> Callable[[type[Supply]], type[Supply]]:
    """Decorator that enters a class, built as ``cls(setting, **params)``, as the supply of this need.

    Args:
        needs: names it takes from the batch and the model.
        method_only: the training method without which there is none of it.
    """

    def enter(cls: type[Supply]) -> type[Supply]:
        known = [p.name for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert set(controls) == set(known), f"{name}: every parameter has a range"
        facts = {"method_only": method_only}
        method(
            kind="supply",
            name=name,
            title=title,
            paper=paper,
            formula=formula,
            needs=needs,
            facts=facts,
            **controls,
        )(cls)
        return cls

    return enter


def offered(name: str) -> Method | None:
    """The catalogue entry of the supply that makes this need; None where there is none."""
    return REGISTRY.get(f"training.{name}") if _is_supply(name) else None


def built(name: str, setting: Setting, params: Mapping[str, Any]) -> Supply:
    made: Supply = OBJECTS[f"training.{name}"](setting, **params)
    return made.to(setting.device, setting.dtype)


def _is_supply(name: str) -> bool:
    entry = REGISTRY.get(f"training.{name}")
    return entry is not None and entry.kind == "supply"

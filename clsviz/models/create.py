"""Models by name, with initial weights that depend on the seed alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from clsviz.catalogue import Spec, load, resolve
from clsviz.catalogue.spec import OBJECTS
from clsviz.data.checks import count
from clsviz.errors import InputError
from clsviz.models.predictor import check_module


def names() -> list[str]:
    """Names of the models, as `create` takes them."""
    return [m.name for m in load().values() if m.kind == "model"]


def create(
    spec: Spec | str | Mapping[str, Any] | nn.Module,
    n_features: int,
    n_classes: int,
    *,
    seed: int = 0,
    image_shape: tuple[int, int] | None = None,
    X: Any = None,
) -> nn.Module:
    """A model that maps (N, D) float32 to (N, K) logits, on the CPU.

    The same arguments give the same weights; torch's global generator is left as it was.

    Args:
        spec: name or Spec of a model, or a ready ``torch.nn.Module``, which is tried on two rows
            of zeros and comes back as it is.
        n_features: D >= 1.
        n_classes: K >= 1.
        seed: of the initial weights.
        image_shape: (height, width) of flattened images, for models that need it.
        X: (N, D) training samples, for models that start from them (rbf's centers).

    Raises:
        UnknownName: no model has this name; the message lists those there are.
        InputError: a parameter is unknown or out of range, or D or K is below 1.
        ShapeError: a ready module does not map (N, D) to (N, K), or the model needs other data.
    """
    n_features, n_classes = count(n_features, "n_features"), count(n_classes, "n_classes")
    if isinstance(spec, nn.Module):
        check_module(spec, n_features, n_classes)
        return spec
    chosen = Spec.of(spec)
    build = OBJECTS.get(f"models.{chosen.name}")
    if build is None:  # of another family, all of which `resolve` imports
        build = resolve("model", chosen.name)[1]
    known = inspect.signature(build).parameters
    given: dict[str, Any] = {"n_features": n_features, "n_classes": n_classes}
    settable = [name for name, p in known.items() if p.kind is p.KEYWORD_ONLY]
    unknown = sorted(set(chosen.params) - set(settable))
    if unknown:
        raise InputError(f"{chosen.name} has no parameter {unknown}; it has {settable}")
    if "image_shape" in known:
        given["image_shape"] = image_shape
    if "X" in known and X is not None:
        given["X"] = torch.as_tensor(X, dtype=torch.float32, device="cpu")
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # not torch.manual_seed: it would also reseed every GPU
        torch.default_generator.manual_seed(int(seed))
        return build(**given, **chosen.params).to(torch.float32)

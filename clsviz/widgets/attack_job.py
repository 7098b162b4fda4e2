"""The way of an attack on one sample: for the boundary view, and for pages that cannot run the network."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from torch import nn

from clsviz import boundary
from clsviz.boundary.planes import AttackPlane
from clsviz.errors import ClsvizError, InputError
from clsviz.training import Source
from clsviz.widgets.messages import AskAttack
from clsviz.widgets.sources import module_or_function
from clsviz.widgets.wire import Packet, pair_rows

DEEPFOOL, STRAIGHT = "deepfool", "straight"  # of torch modules, and of models without slopes


def attack_on(source: Source, step: int | None, sample: int) -> tuple[AttackPlane, str]:
    """The plane along the attack on a sample of the data, and which attack it is.

    `neighbour` is a row of the data.

    Raises:
        InputError: as `boundary.attack_plane`, or there is no such sample.
    """
    data = source.dataset
    if not 0 <= sample < len(data.X):
        raise InputError(f"sample must lie in 0..{len(data.X) - 1}, got {sample}")
    rows = pair_rows(data)
    others = rows[rows != sample]
    model = module_or_function(source, step)
    found = boundary.attack_plane(model, data.X[sample], data.X[others], data.y[others])
    by = DEEPFOOL if isinstance(model, nn.Module) else STRAIGHT
    return replace(found, neighbour=int(others[found.neighbour])), by


def attack_answer(source: Source, run_id: str, request: AskAttack) -> Packet:
    """The answer to a page about a network that it cannot run; js/src/core/attackplane.ts reads it."""
    question = asdict(request)
    header: dict[str, Any] = {"kind": "attack_answer", "run_id": run_id, "question": question}
    try:
        found, by = attack_on(source, request.step, request.sample)
    except ClsvizError as error:
        return Packet(header | {"error": str(error)}, [])
    header |= {name: getattr(found, name) for name in ("distance", "called", "neighbour")}
    return Packet(header | {"error": "", "by": by}, [found.path])

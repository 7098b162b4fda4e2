"""The other side of losses.py: times losses of pytorch-metric-learning in .venv-oracles, where clsviz is not.

Reads what to do as JSON from stdin and answers with JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "oracles"))
import ask_metric_learning as package
from timing import best, clock_for, times

STEPS = 20


def main() -> None:
    given = json.load(sys.stdin)
    torch.set_num_threads(given["threads"])
    clock, _ = clock_for(given["threads"])
    y = torch.tensor(given["labels"])
    tensors = {n: torch.tensor(given[n], dtype=torch.float32) for n in ("embeddings", "keys")}

    def value_and_gradient(loss: str, params: dict, others: list[str]) -> Callable[[], Tensor]:
        ask = getattr(package, loss)(**params)

        def action() -> Tensor:
            e = tensors["embeddings"].clone().requires_grad_()
            found = ask(e, y, *(tensors[n] for n in others))
            found.backward()
            return found.detach()

        return action

    actions = {name: value_and_gradient(*what) for name, what in given["asked"].items()}
    seconds = best({name: times(action, STEPS) for name, action in actions.items()}, clock)
    print(json.dumps({n: {"ms": 1e3 * seconds[n] / STEPS, "value": actions[n]().item()} for n in actions}))


if __name__ == "__main__":
    main()

"""The other side of boundary.py: times foolbox's PGD in .venv-oracles, where clsviz is not.

Reads what to do as JSON from stdin; answers with JSON and puts where the attacks end into a file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
import foolbox
from foolbox.attacks import L2ProjectedGradientDescentAttack, LinfProjectedGradientDescentAttack
from timing import best, clock_for

ATTACKS = {"linf": LinfProjectedGradientDescentAttack, "l2": L2ProjectedGradientDescentAttack}
WIDE = (-1e6, 1e6)


def main() -> None:
    given = json.load(sys.stdin)
    torch.set_num_threads(given["threads"])
    clock, _ = clock_for(given["threads"])
    data = np.load(given["data"])
    X, y, *layers = (torch.from_numpy(data[name]).to(given["device"]) for name in given["names"])
    net = nn.Sequential(nn.Linear(*layers[0].shape[::-1]), nn.ReLU(), nn.Linear(*layers[2].shape[::-1]))
    net.load_state_dict(dict(zip(net.state_dict(), layers, strict=True)))
    model = foolbox.PyTorchModel(net.to(given["device"]).eval(), bounds=WIDE, device=given["device"])
    steps = given["steps"]

    def attack(norm: str, epsilon: float) -> torch.Tensor:
        asked = ATTACKS[norm](rel_stepsize=2.5 / steps, steps=steps, random_start=False)
        return asked.run(model, X, foolbox.criteria.Misclassification(y), epsilon=epsilon)

    actions = {n: lambda n=n, e=e: attack(n, e) for n, e in given["radii"].items()}
    seconds = best(actions, clock, given["rounds"])
    np.savez(given["ends"], **{norm: action().cpu().numpy() for norm, action in actions.items()})
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

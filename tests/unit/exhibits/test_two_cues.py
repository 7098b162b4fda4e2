"""How heads that must differ are judged: by the cue that each follows, by the head that few labels choose."""

import numpy as np
import pytest
import torch
from torch import nn

from clsviz.data import shortcut
from clsviz.exhibits.two_cues import judged


class Heads(nn.Module):
    """Heads that answer by the sign of one feature each."""

    def __init__(self, *features):
        super().__init__()
        self.features = features

    def outputs(self, x):
        z = torch.stack([x[:, i] for i in self.features], 1)
        return {"head_logits": torch.stack([-z, z], 2)}


DATA, TESTS = shortcut(n=200), shortcut(n=2000, agreement=0.5, seed=1)


@pytest.mark.parametrize(
    ("features", "found", "chosen"), [((0, 1), 1.0, 1.0), ((1, 0), 1.0, 1.0), ((0, 0), 0.75, 0.5)]
)
def test_heads_are_judged_by_the_cues_they_follow(features, found, chosen):
    followed, fit, accuracy = judged(Heads(*features), DATA, TESTS)
    assert followed == pytest.approx(found, abs=0.02)
    assert fit == 1.0
    assert accuracy == pytest.approx(chosen, abs=0.03)


def test_the_worse_head_counts_for_the_fit():
    class Constant(Heads):
        def outputs(self, x):
            z = super().outputs(x)["head_logits"].clone()
            z[:, 1] = torch.tensor([1.0, 0.0])
            return {"head_logits": z}

    _, fit, accuracy = judged(Constant(1, 1), DATA, TESTS)
    assert fit == pytest.approx(np.mean(DATA.y[DATA.train] == 0))
    assert accuracy == 1.0

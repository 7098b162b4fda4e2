"""What the tests of single losses share: batches drawn by seed, and the loss called by name."""

import torch
from torch.nn import functional as F

from clsviz import losses


def draw(*shape, seed=0, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=g, dtype=torch.float64)


def labels(n, c, seed=0):
    return torch.randint(0, c, (n,), generator=torch.Generator().manual_seed(seed))


def same(a, b, rtol=1e-9, atol=1e-12):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=rtol, atol=atol)


def terms(name, x, y, state=None, reduction="none", **given):
    """The loss of the catalogue; extras and parameters by name, state copied in."""
    entry = losses.row.ROWS[name].method
    extra = {k: given.pop(k) for k in entry.facts["extra"] if k in given}
    module = with_state(losses.create(name, **sizes(name, state), **given), state)
    return module(x, y, reduction, **extra)


def sizes(name, state):
    if not state:
        return {}
    first = next(iter(state.values()))
    return {"num_classes": len(first) + (name == "presto"), "dim": first.shape[1]}


def with_state(module, state):
    for key, value in (state or {}).items():
        module = module.to(value.dtype)
        getattr(module, key).data.copy_(value)
    return module


def gradient(f, x):
    x = x.detach().clone().requires_grad_()
    f(x).sum().backward()
    return x.grad


def ce(z, y):
    return F.cross_entropy(z, y, reduction="none")


def cosine_matrix(x):
    return F.normalize(x, dim=1) @ F.normalize(x, dim=1).T


X, L = draw(9, 5, seed=11), labels(9, 3, seed=12)
WEIGHT = {"weight": draw(3, 5, seed=13)}

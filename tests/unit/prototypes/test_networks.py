"""The prototype autoencoder, its losses, and prototypes on feature maps."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from clsviz import prototypes
from clsviz.catalogue.spec import OBJECTS, REGISTRY


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


Z, P = tensor([[1, 0], [0, 1], [1, 1]]), tensor([[1, 0], [2, 2]])
BATCH = {
    "logits": tensor([[2, 0], [0, 1], [1, 1]]),
    "targets": torch.tensor([0, 1, 1]),
    "z": Z,
    "prototypes": P,
    "x": tensor([[1, 2], [3, 4], [5, 6]]),
    "reconstruction": tensor([[1, 2], [3, 5], [7, 6]]),
}


def small():
    torch.manual_seed(0)
    return prototypes.PrototypeAutoencoder.build(6, 3, n_prototypes=4, latent_dim=2, hidden=(5,))


def test_distances_of_the_contract():
    assert prototypes.prototype_distances(Z, P).tolist() == [[0, 5], [2, 5], [1, 2]]


def test_distances_do_not_depend_on_chunks_and_are_exactly_zero_at_the_prototype():
    g = torch.Generator().manual_seed(0)
    z = torch.randn(5000, 40, generator=g)
    p = z[:60]
    distances = prototypes.prototype_distances(z, p)
    assert (distances[:60].diagonal() == 0).all()
    torch.testing.assert_close(distances, torch.cdist(z, p).square(), rtol=1e-3, atol=1e-3)


def test_losses_of_the_contract():
    losses = prototypes.prototype_losses(**BATCH)
    assert (float(losses.r1), float(losses.r2)) == (1, 1)
    assert float(losses.autoencoder) == pytest.approx(5 / 3)  # mean over samples of sums over pixels
    ce = nn.functional.cross_entropy(BATCH["logits"], BATCH["targets"])
    assert float(losses.cross_entropy) == pytest.approx(float(ce))
    assert float(losses.total) == pytest.approx(20 * float(ce) + 5 / 3 + 2)
    weighted = prototypes.prototype_losses(**BATCH, lambda_class=1, lambda_ae=0, lambda_1=2, lambda_2=3)
    assert float(weighted.total) == pytest.approx(float(ce) + 5)


def test_r1_and_r2_vanish_when_the_prototypes_cover_the_batch():
    losses = prototypes.prototype_losses(**BATCH | {"prototypes": Z[[2, 0, 1, 0]]})
    assert (float(losses.r1), float(losses.r2)) == (0, 0)


def test_losses_have_right_gradients():
    def total(z, p, r):
        return prototypes.prototype_losses(**BATCH | {"z": z, "prototypes": p, "reconstruction": r}).total

    inputs = [t.clone().add(0.1 * i).requires_grad_() for i, t in enumerate((Z, P, BATCH["reconstruction"]))]
    assert torch.autograd.gradcheck(total, inputs)


def test_training_gets_nan_out_where_direct_callers_get_an_error():
    broken = BATCH | {"z": Z * math.nan}
    with pytest.raises(ValueError, match="z holds NaN"):
        prototypes.prototype_losses(**broken)
    assert OBJECTS["prototypes.prototype_losses"](**broken).total.isnan()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": torch.tensor([0, 1, 2])}, "targets must be >= 0 and below 2"),
        ({"targets": torch.tensor([0, 1])}, r"targets must be \(3,\)"),
        ({"targets": tensor([0, 1, 1])}, "targets must be integers"),
        ({"z": Z[:2]}, "z has 2 rows"),
        ({"prototypes": tensor([[1, 2, 3]])}, "z has 2 columns"),
        ({"reconstruction": Z[:, :1]}, "reconstruction must have the shape of x"),
        ({"lambda_1": -1}, "lambda_1 must be >= 0"),
        ({"logits": BATCH["logits"][:0]}, "logits is empty"),
    ],
)
def test_losses_name_the_wrong_argument(changes, message):
    with pytest.raises(ValueError, match=message):
        prototypes.prototype_losses(**BATCH | changes)


def test_the_network_classifies_by_its_distances_alone():
    model, x = small(), torch.randn(7, 6)
    out = model(x)
    assert (out.logits.shape, out.distances.shape, out.z.shape) == ((7, 3), (7, 4), (7, 2))
    assert out.reconstruction.shape == x.shape
    torch.testing.assert_close(
        out.distances, prototypes.prototype_distances(out.z, model.prototypes.detach())
    )
    torch.testing.assert_close(out.logits, out.distances @ model.last.weight.T)
    assert model.last.bias is None
    assert prototypes.logits_of(out) is out.logits
    assert prototypes.logits_of(x) is x


def test_outputs_name_what_the_losses_need():
    model, x = small(), torch.randn(7, 6)
    outputs = model.outputs(x)
    assert set(outputs) == {"logits", "z", "prototypes", "reconstruction", "embeddings"}
    needs = REGISTRY["prototypes.prototype_losses"].needs
    batch = outputs | {"x": x, "targets": torch.zeros(7, dtype=torch.int64)}
    prototypes.prototype_losses(**{name: batch[name] for name in needs}).total.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_network_of_own_parts_and_a_decoder_in_the_unit_interval():
    model = prototypes.PrototypeAutoencoder(nn.Linear(6, 2), nn.Linear(2, 6), 4, n_classes=3, latent_dim=2)
    assert model(torch.randn(2, 6)).logits.shape == (2, 3)
    squashed = prototypes.PrototypeAutoencoder.build(6, 3, sigmoid=True)(100 * torch.randn(9, 6))
    assert squashed.reconstruction.min() >= 0
    assert squashed.reconstruction.max() <= 1


def test_the_catalogue_builds_the_network_from_sizes():
    entry, build = REGISTRY["prototypes.prototype_autoencoder"], OBJECTS["prototypes.prototype_autoencoder"]
    assert entry.kind == "model"
    assert entry.defaults() == {"n_prototypes": 15, "latent_dim": 10, "hidden": (64,), "sigmoid": False}
    assert build(n_features=4, n_classes=2, n_prototypes=3).prototypes.shape == (3, 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prototypes.PrototypeAutoencoder(nn.Identity(), nn.Identity()), "latent_dim must be"),
        (lambda: prototypes.PrototypeAutoencoder.build(4, 2, n_prototypes=0), "n_prototypes must be"),
        (lambda: prototypes.PrototypeAutoencoder.build(4, 2, hidden=(0,)), "hidden must be"),
        (
            lambda: prototypes.PrototypeAutoencoder(nn.Identity(), nn.Identity(), 4, 3, 2)(torch.ones(1, 5)),
            r"encoder must give \(N, 2\)",
        ),
    ],
)
def test_the_network_names_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_network_learns_the_digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = torch.tensor(X[order] / 16).float(), torch.tensor(y[order])
    torch.manual_seed(0)
    model = prototypes.PrototypeAutoencoder.build(64, 10)
    loss, optimizer = OBJECTS["prototypes.prototype_losses"], torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(20):
        for index in torch.randperm(1000).split(64):
            out = model.outputs(X[index])
            out.pop("embeddings")
            optimizer.zero_grad()
            loss(targets=y[index], x=X[index], **out).total.backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = (model(X[1000:]).logits.argmax(1) == y[1000:]).float().mean()
    assert accuracy > 0.9


def test_similarity_of_the_contract():
    z_map = torch.zeros(1, 2, 1, 1, dtype=torch.float64)
    result = prototypes.protopnet_similarity(z_map, tensor([[0, 0], [1, 0]]))
    assert result.similarity[0].tolist() == pytest.approx([9.2103404, 0.6930472], abs=1e-7)
    assert result.similarity[0, 0] == pytest.approx(math.log(1e4))


def test_similarity_finds_row_and_column_of_the_best_patch():
    g = torch.Generator().manual_seed(0)
    z_map = torch.randn(3, 4, 5, 6, generator=g)
    result = prototypes.protopnet_similarity(z_map, z_map[[0, 2], :, [1, 4], [5, 0]])
    assert result.argmin[0, 0].tolist() == [1, 5]
    assert result.argmin[2, 1].tolist() == [4, 0]
    assert result.min_distance[0, 0] == 0
    assert result.similarity_map.shape == (3, 2, 5, 6)
    torch.testing.assert_close(result.similarity, result.similarity_map.flatten(2).amax(2))


def test_projection_replaces_by_the_nearest_feature_of_the_own_class():
    features, labels = tensor([[0, 0], [1, 0], [3, 4]]), torch.tensor([0, 0, 1])
    result = prototypes.project_prototypes(tensor([[0.9, 0], [0, 0]]), torch.tensor([0, 1]), features, labels)
    assert result.indices.tolist() == [1, 2]
    assert result.shift.tolist() == pytest.approx([0.1, 5])
    assert torch.equal(result.prototypes, features[[1, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prototypes.protopnet_similarity(torch.zeros(1, 2, 1, 1), P, epsilon=0), "epsilon must be"),
        (lambda: prototypes.protopnet_similarity(torch.zeros(1, 3, 1, 1), P), "z_map has 3 channels"),
        (lambda: prototypes.protopnet_similarity(Z, P), "z_map must have 4"),
        (lambda: prototypes.project_prototypes(P, [0, 5], Z, [0, 0, 1]), r"no features of class \[5\]"),
        (lambda: prototypes.prototype_distances(Z, tensor([[1]])), "z has 2 columns"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

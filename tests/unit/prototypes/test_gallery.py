"""The gallery of prototypes and their nearest training samples."""

import math

import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn

from clsviz import prototypes

G = torch.Generator().manual_seed(0)
FEATURES = torch.randn(30, 4, generator=G, dtype=torch.float64)
LABELS = torch.arange(30) % 3
PROTOTYPES = torch.randn(5, 4, generator=G, dtype=torch.float64)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_neighbours_are_scikit_learns(metric):
    gallery = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS, k=4, metric=metric)
    oracle = NearestNeighbors(
        n_neighbors=4, metric="euclidean" if metric == "l2" else "cosine", algorithm="brute"
    )
    distances, indices = oracle.fit(FEATURES).kneighbors(PROTOTYPES)
    assert gallery.nearest_indices.tolist() == indices.tolist()
    torch.testing.assert_close(gallery.nearest_distances, torch.from_numpy(distances))
    assert torch.equal(gallery.nearest_labels, LABELS[gallery.nearest_indices])


def test_projected_prototypes_are_found_at_distance_zero():
    own = LABELS[:5]
    pushed = prototypes.project_prototypes(PROTOTYPES, own, FEATURES, LABELS)
    gallery = prototypes.build_gallery(pushed.prototypes, FEATURES, LABELS)
    assert gallery.nearest_distances[:, 0].tolist() == [0] * 5
    assert [item.source_index for item in gallery.items] == pushed.indices.tolist()
    assert [item.kind for item in gallery.items] == ["exemplar"] * 5
    assert [item.class_index for item in gallery.items] == own.tolist()


def test_permuting_prototypes_permutes_items():
    order = [3, 0, 4, 1, 2]
    a = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS)
    b = prototypes.build_gallery(PROTOTYPES[order], FEATURES, LABELS)
    assert torch.equal(a.nearest_indices[order], b.nearest_indices)
    for i, j in enumerate(order):
        assert torch.equal(b.items[i].latent, a.items[j].latent)
        assert b.items[i].class_index == a.items[j].class_index


def test_equal_distances_keep_the_order_of_the_samples():
    features = torch.tensor([[1.0], [-1], [1], [0.5]])
    gallery = prototypes.build_gallery(torch.zeros(1, 1), features, torch.tensor([0, 1, 2, 0]), k=4)
    assert gallery.nearest_indices.tolist() == [[3, 0, 1, 2]]


def test_bare_tiles_have_only_what_was_given():
    item = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS).items[0]
    assert (item.kind, item.source_index) == ("mean", None)
    assert item.image is item.similarity is item.class_weight is None


def test_images_come_from_the_decoder_or_from_the_training_samples():
    images = torch.arange(30.0)[:, None, None].expand(30, 2, 2)
    shown = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS, images=images)
    assert [float(item.image[0, 0]) for item in shown.items] == shown.nearest_indices[:, 0].tolist()
    decoder = nn.Sequential(nn.Linear(4, 9), nn.Dropout(0.9)).double()
    decoded = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS, decoder=decoder, images=images)
    assert decoder.training
    assert decoder[1].training
    assert decoded.items[2].kind == "decoded"
    assert not decoded.items[2].image.requires_grad
    torch.testing.assert_close(decoded.items[2].image, decoder[0](PROTOTYPES[2]).detach())


def test_similarity_to_a_query():
    query = PROTOTYPES[1]
    near = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS, query=query)
    values = [item.similarity for item in near.items]
    assert values[1] == pytest.approx(math.log(1e4)) == max(values)
    angle = prototypes.build_gallery(PROTOTYPES, FEATURES, LABELS, query=query, metric="cosine")
    assert angle.items[1].similarity == pytest.approx(1)


def test_class_and_kind_can_be_told_and_weights_are_rows():
    weights = torch.arange(15.0).reshape(5, 3)
    gallery = prototypes.build_gallery(
        PROTOTYPES, FEATURES, LABELS, class_weights=weights, kind="medoid", prototype_class=[2, 1, 0, 1, 2]
    )
    assert [item.class_index for item in gallery.items] == [2, 1, 0, 1, 2]
    assert {item.kind for item in gallery.items} == {"medoid"}
    assert gallery.items[1].class_weight.tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 31}, "k must be an integer >= 1 and <= 30"),
        ({"metric": "l1"}, "metric must be one of"),
        ({"kind": "sketch"}, "kind must be one of"),
        ({"images": FEATURES[:3]}, "images has 3 rows"),
        ({"class_weights": FEATURES[:3]}, "one row per prototype"),
        ({"query": FEATURES[0, :2]}, "query has 2 columns"),
        ({"query": FEATURES}, "query must have 1"),
        ({"train_labels": LABELS[:4]}, "train_labels must be"),
        ({"train_features": FEATURES[:, :2]}, "prototypes has 4 columns"),
        ({"prototypes": PROTOTYPES * math.inf}, "prototypes holds"),
    ],
)
def test_wrong_input_is_named(changes, message):
    arguments = {"prototypes": PROTOTYPES, "train_features": FEATURES, "train_labels": LABELS} | changes
    with pytest.raises(ValueError, match=message):
        prototypes.build_gallery(**arguments)

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from clsviz.data import encode_labels, from_arrays
from clsviz.errors import InputError, ShapeError

X4 = [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_strings_become_sorted_classes_with_their_text_as_names():
    data = from_arrays(X4, ["cat", "ant", "cat", "ant"])
    assert data.class_names == ("ant", "cat")
    assert data.y.tolist() == [1, 0, 1, 0] and data.y.dtype == np.int64
    assert data.X.dtype == np.float32 and data.X.tolist() == X4
    assert data.feature_names == ("x0", "x1") and data.bayes_error is None
    assert data.y_clean is data.y


@pytest.mark.parametrize(
    ("y", "names", "codes"),
    [
        ([3, 7, 3, 7], ("3", "7"), [0, 1, 0, 1]),
        ([-1.0, 1.0, 1.0, -1.0], ("-1", "1"), [0, 1, 1, 0]),
        ([0.5, 1.5, 0.5, 1.5], ("0.5", "1.5"), [0, 1, 0, 1]),
        ([True, False, True, False], ("False", "True"), [1, 0, 1, 0]),
        (torch.tensor([1, 0, 1, 0]), ("0", "1"), [1, 0, 1, 0]),
        (np.array([["b"], ["a"], ["b"], ["a"]]), ("a", "b"), [1, 0, 1, 0]),
        (["a", 1, "a", 1], ("1", "a"), [1, 0, 1, 0]),
        (pd.Series(["u", "v", "u", "v"], index=[9, 8, 7, 6]), ("u", "v"), [0, 1, 0, 1]),
        (pd.DataFrame({"target": [5, 6, 5, 6]}), ("5", "6"), [0, 1, 0, 1]),
        (pd.to_datetime(["2024-01-01", "2023-01-01"] * 2), None, [1, 0, 1, 0]),
        (pd.Series([1, 2, 1, 2], dtype="Int64"), ("1", "2"), [0, 1, 0, 1]),
    ],
)
def test_strange_labels_are_mapped_in_sorted_order(y, names, codes):
    data = from_arrays(X4, y)
    assert data.y.tolist() == codes
    assert names is None or data.class_names == names


def test_a_categorical_keeps_its_order_and_its_absent_classes():
    y = pd.Series(pd.Categorical(["lo", "hi", "lo", "hi"], categories=["lo", "mid", "hi"]))
    for given_y in (y, pd.Categorical(y), y.to_frame("level")):
        data = from_arrays(X4, given_y)
        assert data.class_names == ("lo", "mid", "hi")
        assert data.y.tolist() == [0, 2, 0, 2] and data.n_classes == 3


def test_class_names_index_place_or_name_the_labels():
    assert from_arrays(X4, [0, 2, 0, 2], class_names=["a", "b", "c"]).y.tolist() == [0, 2, 0, 2]
    assert from_arrays(X4, list("caca"), class_names=["c", "b", "a"]).y.tolist() == [0, 2, 0, 2]
    renamed = from_arrays(X4, [7, 5, 7, 5], class_names=["five", "seven"])
    assert renamed.y.tolist() == [1, 0, 1, 0] and renamed.class_names == ("five", "seven")


def test_tables_tensors_sparse_matrices_and_images_are_taken():
    frame = pd.DataFrame({"len": [1.0, 2, 3, 4], "ok": [True, False, True, False]})
    data = from_arrays(frame, list("abab"))
    assert data.feature_names == ("len", "ok") and data.X[:, 1].tolist() == [1, 0, 1, 0]
    assert from_arrays(pd.DataFrame(X4), list("abab")).feature_names == ("x0", "x1")
    assert from_arrays(sparse.csr_matrix(np.eye(4)), list("abab")).n_features == 4
    tensor = torch.ones(4, 2, dtype=torch.bfloat16, requires_grad=True)
    assert from_arrays(tensor, list("abab")).X.tolist() == [[1, 1]] * 4
    images = np.arange(24.0).reshape(4, 3, 2)
    for X in (images, images[:, None]):
        data = from_arrays(X, list("abab"))
        assert data.image_shape == (3, 2) and data.X[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_the_input_is_copied():
    X = np.zeros((4, 2), np.float32)
    data = from_arrays(X, [0, 1, 0, 1])
    X[:] = 5
    assert data.X.max() == 0


@pytest.mark.parametrize(
    ("X", "y", "options", "error", "message"),
    [
        (np.empty((0, 2)), [], {}, ShapeError, "X is empty"),
        (np.empty((4, 0)), list("abab"), {}, ShapeError, "X is empty"),
        ([1, 2, 3, 4], list("abab"), {}, ShapeError, r"reshape\(-1, 1\)"),
        ([[1, 2], [3]], list("ab"), {}, ShapeError, "X .* rows differ in length"),
        (np.ones((4, 2, 3, 3)), list("abab"), {}, ShapeError, "grey images"),
        ([[1, np.nan]] * 4, list("abab"), {}, InputError, r"X has 4 NaN .* \[0, 1\]"),
        ([[1, np.inf]] * 4, list("abab"), {}, InputError, "X has 4 NaN or infinite"),
        ([[1, 1e39]] * 4, list("abab"), {}, InputError, "float32"),
        ([["p", "q"]] * 4, list("abab"), {}, InputError, "X must be numbers"),
        ([[1j, 2]] * 4, list("abab"), {}, InputError, "X must be numbers"),
        (pd.DataFrame({"a": [1, 2], "c": ["x", "y"]}), [0, 1], {}, InputError, r"columns \['c'\]"),
        (pd.DataFrame({"a": pd.array([1, None], "Int64")}), [0, 1], {}, InputError, "X has 1 NaN"),
        (X4, list("aba"), {}, ShapeError, "y has 3 labels, but X has 4 rows"),
        (X4, [], {}, ShapeError, "y is empty"),
        (X4, np.eye(4), {}, ShapeError, r"argmax\(1\)"),
        (X4, "abab", {}, ShapeError, "y must be"),
        (X4, [1, 1, 1, 1], {}, InputError, "only one class"),
        (X4, [0.0, np.nan, 1, 1], {}, InputError, "y has 1 missing"),
        (X4, ["a", None, "a", "b"], {}, InputError, "y has 1 missing"),
        (X4, pd.Series(["a", None, "a", "b"]), {}, InputError, "y has 1 missing"),
        (X4, pd.Series([1, None, 2, 2], dtype="Int64"), {}, InputError, "y has 1 missing"),
        (X4, pd.Categorical(["a", None, "a", "b"]), {}, InputError, "y has 1 missing"),
        (X4, pd.DataFrame(X4), {}, ShapeError, "one column"),
        (X4, ["1", 1, "1", 1], {}, InputError, "class names must differ"),
        (X4, list("abab"), {"class_names": ["x"]}, InputError, "class_names"),
        (X4, list("abab"), {"class_names": ["x", "x"]}, InputError, "differ"),
        (X4, list("abab"), {"feature_names": ["x"]}, ShapeError, "feature_names has 1"),
        (X4, list("abab"), {"image_shape": (2, 2)}, ShapeError, "image_shape"),
        (X4, list("abab"), {"validation": 1.0}, InputError, "validation"),
        (X4, list("abcd"), {}, InputError, "no class with two samples"),
    ],
)
def test_wrong_input_is_named(X, y, options, error, message):
    with pytest.raises(error, match=message):
        from_arrays(X, y, **options)


@given(st.lists(st.one_of(st.integers(), st.text(max_size=3)), min_size=1, max_size=30))
def test_every_label_finds_its_own_name_back(items):
    try:
        codes, names = encode_labels(items)
    except InputError as error:  # 1 and "1" cannot both be class names
        assert "differ" in str(error)
        return
    assert [names[c] for c in codes] == [str(label) for label in items]
    assert set(codes.tolist()) == set(range(len(names)))

"""Your own data: arrays, tensors, nested lists or DataFrames become a Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clsviz.data import checks
from clsviz.data.dataset import Dataset
from clsviz.data.split import stratified_split
from clsviz.errors import InputError, ShapeError


def from_arrays(
    X: Any,
    y: Any,
    *,
    name: str = "data",
    class_names: Sequence[Any] | None = None,
    feature_names: Sequence[Any] | None = None,
    image_shape: tuple[int, int] | None = None,
    label_sets: Any = None,
    values: Any = None,
    unlabelled: Any = None,
    validation: float = 0.4,
    seed: int = 0,
) -> Dataset:
    """A Dataset of your own samples, with a stratified split.

    Labels may be anything that can be told apart. They become 0..K-1: in the order of the
    categories for a pandas categorical (absent ones keep their place), by `class_names` when
    that is given, else in sorted order. Their text becomes the class name.

    Args:
        X: (N, D) numbers as numpy array, torch tensor, nested list, sparse matrix or DataFrame;
            (N, H, W) or (N, 1, H, W) are grey images and set `image_shape`.
        y: (N,) or (N, 1) labels.
        name: shown in views.
        class_names: K names. Integer labels in [0, K) index it, labels found in it take their
            place; otherwise it names the sorted labels, which must be K in number.
        feature_names: D names; default the DataFrame's columns, else x0, x1, ...
        image_shape: (height, width) of flattened images, height * width = D.
        label_sets: (N, K) of 0 and 1, all labels of each sample, for losses of several labels.
        values: (N,) numbers, for losses of numbers.
        unlabelled: (M, D) samples without labels, for what learns from such.
        validation: share of the validation part, in (0, 1).
        seed: of the split.

    Raises:
        ShapeError: shapes do not fit together, or X is empty.
        InputError: X is not numeric or not finite, labels are missing, there is only one class,
            or names do not fit.
    """
    if hasattr(X, "columns") and feature_names is None:
        columns = list(X.columns)
        # a DataFrame made without column names counts them
        feature_names = None if columns == list(range(len(columns))) else columns
    features = _numbers(X)
    if features.ndim > 2:
        image_shape = features.shape[-2:] if image_shape is None else image_shape
        features = features.reshape(len(features), -1)
    n, d = features.shape
    names = tuple(map(str, feature_names)) if feature_names is not None else tuple(f"x{i}" for i in range(d))
    if len(names) != d:
        raise ShapeError(f"feature_names has {len(names)} names, but X has {d} columns")
    if image_shape is not None:
        height, width = (checks.count(side, "image_shape") for side in image_shape)
        image_shape = (height, width)
        if height * width != d:
            raise ShapeError(f"image_shape {image_shape} needs {height * width} columns, but X has {d}")
    codes, classes = encode_labels(y, class_names)
    if len(codes) != n:
        raise ShapeError(f"y has {len(codes)} labels, but X has {n} rows")
    if len(classes) < 2:
        raise InputError(f"y has only one class ({classes[0]!r}); a classifier needs at least two")
    train, held = stratified_split(codes, validation=validation, seed=seed)
    return Dataset(
        str(name),
        features.astype(np.float32),
        codes,
        train,
        held,
        classes,
        names,
        image_shape,
        label_sets=None if label_sets is None else _label_sets(label_sets),
        values=None if values is None else checks.floats(values, "values", "(N,)").astype(np.float32),
        unlabelled=None if unlabelled is None else _flat(unlabelled),
    )


def encode_labels(y: Any, class_names: Sequence[Any] | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels of any kind as (N,) int64 class indices, and the K class names they index.

    Raises:
        ShapeError: `y` is empty or not (N,).
        InputError: a label is missing, or `class_names` does not fit the labels.
    """
    if hasattr(y, "columns"):
        if len(y.columns) != 1:
            raise ShapeError(f"y must be one column, but is a DataFrame of {len(y.columns)}")
        y = y[y.columns[0]]
    categorical = getattr(y, "cat", y)
    if hasattr(categorical, "categories") and hasattr(categorical, "codes"):
        codes = np.asarray(categorical.codes, dtype=np.int64)
        kinds = [_item(c) for c in categorical.categories]
        if len(codes) and codes.min() < 0:
            raise InputError(f"y has {(codes < 0).sum()} missing label(s); drop those rows first")
    else:
        codes, kinds = _sorted_codes(_label_items(y))
    if not len(codes):
        raise ShapeError("y is empty; it needs at least one label")
    if class_names is None:
        names = _text(kinds)
    else:
        names = tuple(map(str, class_names))
        codes = _placed(kinds, names)[codes]
    if len(set(names)) < len(names):
        raise InputError(f"class names must differ, but are {list(names)}")
    return codes, names


def _numbers(X: Any) -> np.ndarray:
    """(N, D), (N, H, W) or (N, 1, H, W) finite float64, within the range of float32."""
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        bad = [c for c in X.columns if getattr(X[c].dtype, "kind", "f") not in "biuf"]
        if bad:
            raise InputError(
                f"X must be numeric, but its columns {bad} are not; "
                "encode them (pandas.get_dummies) or drop them"
            )
        # missing values of pandas' nullable types become NaN, which is reported as such
        X = X.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(X, "iloc") else X.to_numpy()
    X = checks.plain(X)
    try:
        rank = np.ndim(X)
    except ValueError as error:
        raise ShapeError("X must be (N, D), but its rows differ in length") from error
    if rank == 1:
        raise ShapeError(f"X must be (N, D), but has shape {np.shape(X)}; one feature is X.reshape(-1, 1)")
    values = checks.floats(X, "X", {3: "(N, H, W)", 4: "(N, 1, H, W)"}.get(rank, "(N, D)"))
    if rank == 4 and values.shape[1] != 1:
        raise ShapeError(f"X must hold grey images (N, 1, H, W), but has shape {values.shape}")
    if np.abs(values).max() > np.finfo(np.float32).max:
        raise InputError("X has values beyond the range of float32 (3.4e38); rescale it first")
    return values


def _flat(unlabelled: Any) -> np.ndarray:
    """(M, D) float32; images are flattened."""
    features = _numbers(unlabelled)
    return features.reshape(len(features), -1).astype(np.float32)


def _label_sets(label_sets: Any) -> np.ndarray:
    """(N, K) float32 of 0 and 1."""
    sets = checks.floats(label_sets, "label_sets", "(N, K)")
    if not np.isin(sets, (0, 1)).all():
        raise InputError("label_sets must hold 0 and 1 alone: 1 where the sample has the label")
    return sets.astype(np.float32)


def _label_items(y: Any) -> list[Any]:
    """The labels as plain Python objects; missing ones raise."""
    try:
        array = np.asarray(checks.plain(y))
    except ValueError as error:
        raise ShapeError("y must be (N,), but its entries differ in length") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = "; for one-hot rows pass y.argmax(1)" if array.ndim == 2 else ""
        raise ShapeError(f"y must be (N,), but has shape {array.shape}{hint}")
    # numpy turns a mixed list into strings; the list still knows what was what
    items = list(y) if isinstance(y, list | tuple) and array.dtype.kind == "U" else array.tolist()
    # a missing label differs from itself (NaN) or cannot even tell (pandas.NA)
    missing = sum(label is None or (label == label) is not True for label in items)
    if missing:
        raise InputError(f"y has {missing} missing label(s) (None or NaN); drop those rows first")
    return [_item(label) for label in items]


def _item(label: Any) -> Any:
    """A numpy scalar as a Python one, a whole float as an int."""
    label = label.item() if isinstance(label, np.generic) else label
    return int(label) if isinstance(label, float) and label.is_integer() else label


def _sorted_codes(items: list[Any]) -> tuple[np.ndarray, list[Any]]:
    kinds = list(dict.fromkeys(items))
    try:
        kinds.sort()
    except TypeError:  # labels of types that do not compare
        kinds.sort(key=lambda kind: (type(kind).__name__, str(kind)))
    place = {kind: code for code, kind in enumerate(kinds)}
    return np.array([place[label] for label in items], dtype=np.int64), kinds


def _text(kinds: list[Any]) -> tuple[str, ...]:
    return tuple(map(str, kinds))


def _placed(kinds: list[Any], names: tuple[str, ...]) -> np.ndarray:
    """For each kind of label its index in `names`."""
    if all(type(kind) is int and 0 <= kind < len(names) for kind in kinds):
        return np.array(kinds, dtype=np.int64)
    text = _text(kinds)
    if set(text) <= set(names):
        return np.array([names.index(t) for t in text], dtype=np.int64)
    if len(kinds) == len(names):
        return np.arange(len(names))
    raise InputError(
        f"class_names {list(names)} does not fit the {len(kinds)} labels in y: {list(text)[:10]}"
    )

"""The benchmark study: what it trains, keeps and answers."""

import itertools
import subprocess
import sys

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

import clsviz as cv
from clsviz import calibration as cal
from clsviz.calibration import benchmark_study
from clsviz.calibration.benchmark import BENCHMARK_BINS
from clsviz.calibration.study_network import corrupted, measured
from clsviz.calibration.study_questions import QUESTIONS, tau, taus
from clsviz.errors import InputError, UnknownName

DATA = ("moons", {"name": "blobs", "params": {"n": 200}})
SMALL = {"widths": (4,), "depths": (1,), "activations": ("relu",), "losses": ("cross_entropy",)}
TOLD = ["state", "accuracy", "confidence_right", "confidence_wrong", "temperature"]


@pytest.fixture
def store(tmp_path):
    return tmp_path / "study.sqlite"


def small(store, data=DATA, **options):
    options = {**SMALL, "vary": {}, "seeds": 2, "settings": {"epochs": 2}, "n_jobs": 1, **options}
    return cal.study(data, store=store, **{"progress": False, **options})


def same(a, b):
    """Equal tables, but for how long they took."""
    pandas.testing.assert_frame_equal(a.table.drop(columns="seconds"), b.table.drop(columns="seconds"))
    return True


def test_importing_the_measures_needs_no_torch_and_no_training():
    code = (
        "import sys, clsviz.calibration as cal; cal.study;"
        "assert not {'torch', 'clsviz.training'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_row_has_the_design_and_the_numbers_of_its_network(store):
    vary = {"optimizer.weight_decay": [0, 0.1]}
    found = small(store, DATA[:1], widths=(4, 6), losses=("cross_entropy", "focal"), vary=vary)
    assert len(found.table) == 2 * 2 * 2 * 2 and set(found.table["state"]) == {"finished"}
    assert list(found.table)[:10] == [
        *("data", "width", "depth", "activation", "loss", "optimizer.weight_decay", "seed"),
        *TOLD[:3],
    ]
    assert len(found.measures) == 102 and {"pre_auc_gaussian", "pre_auc_uniform"} <= set(found.measures)
    assert found.design == ["width", "depth", "activation", "loss", "optimizer.weight_decay"]
    own = cv.Experiment(
        "moons",
        {"name": "mlp", "params": {"hidden": (6,)}},
        "focal",
        {"name": "adam", "params": {"lr": 0.01, "weight_decay": 0.1}},
        epochs=2,
        seed=1,
        device="cpu",
        precision="float32",
    )
    run = cv.Run(own).start()
    run.wait()
    expected = measured(run.model_at(), run.dataset)
    run.stop()
    table = found.table.set_index(["data", "width", "loss", "optimizer.weight_decay", "seed"])
    row = table.loc[("moons", 6, "focal", 0.1, 1)]
    # A fan's sums round in another order than a run's.
    assert dict(row[list(expected)]) == pytest.approx(expected, abs=2e-3, nan_ok=True)


def test_numbers_of_a_network_are_those_of_its_predictions():
    data = cv.data.load("digits")
    run = cv.Run(cv.Experiment("digits", epochs=1, device="cpu")).start()
    run.wait()
    model = run.model_at()
    found = measured(model, data)
    rows = np.random.default_rng(0).permutation(data.validation)
    tuning, test = np.sort(rows[: len(rows) // 2]), np.sort(rows[len(rows) // 2 :])
    logits, y = run.predict(data.X[test]), data.y[test]
    assert found["accuracy"] == (logits.argmax(1) == y).mean()
    ood = {name: run.predict(cv.data.outside(data, name)) for name in ("gaussian", "uniform")}
    expected = cal.benchmark_measures(run.predict(data.X[tuning]), data.y[tuning], logits, y, ood=ood)
    run.stop()
    assert {name: found[name] for name in expected} == expected
    p = cal.apply_temperature(logits, 1.0)
    right = logits.argmax(1) == y
    assert found["confidence_right"] == pytest.approx(p.max(1)[right].mean())
    assert found["confidence_wrong"] == pytest.approx(p.max(1)[~right].mean())
    attacked = [found[f"{kind}_{r:g}"] for kind in ("fgsm", "pgd") for r in (0.05, 0.1, 0.2)]
    assert all(a >= b for group in (attacked[:3], attacked[3:]) for a, b in itertools.pairwise(group))
    assert attacked[3] <= found["accuracy"] + 0.05 and attacked[5] < found["accuracy"]
    assert measured(model, data) == found


def test_corruptions_do_what_their_names_say():
    data = cv.data.load("digits")
    X = data.X[data.validation]
    moved = dict(corrupted(X, data))
    mean, spread = data.X[data.train].mean(0), data.X[data.train].std()
    assert (moved["noise_0.5"] - X).std() == pytest.approx(spread / 2, rel=0.02)
    np.testing.assert_allclose(moved["noise_0.2"] - X, 0.4 * (moved["noise_0.5"] - X), atol=1e-5)
    assert (moved["dropout_0.25"] == mean)[:, mean > 0].mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(moved["contrast_0.5"], (X + mean) / 2, atol=1e-6)
    assert all(m.dtype == np.float32 and m.shape == X.shape for m in moved.values())


def test_what_is_there_is_not_trained_again(store, monkeypatch):
    first = small(store)
    asked = []
    measured_fan = benchmark_study._measured

    def counting(experiment, vary, seeds):
        asked.append((experiment["data"]["name"], list(seeds)))
        return measured_fan(experiment, vary, seeds)

    monkeypatch.setattr(benchmark_study, "_measured", counting)
    assert same(small(store), first) and asked == []
    more = small(store, seeds=3)
    assert asked == [("moons", [2]), ("blobs", [2])]
    assert same(cal.Study(more.table[more.table["seed"] < 2].reset_index(drop=True)), first)


def test_an_interrupted_study_goes_on_where_it_was(store, tmp_path, monkeypatch):
    whole = small(tmp_path / "other.sqlite")
    measured_fan = benchmark_study._measured

    def interrupting(experiment, vary, seeds):
        if experiment["data"]["name"] == "blobs":
            raise KeyboardInterrupt
        return measured_fan(experiment, vary, seeds)

    monkeypatch.setattr(benchmark_study, "_measured", interrupting)
    with pytest.raises(KeyboardInterrupt):
        small(store)
    kept = small(store, data=DATA[:1])  # trains nothing: it would be interrupted were it blobs
    assert len(kept.table) == 2
    asked = []

    def counting(experiment, vary, seeds):
        asked.append(experiment["data"]["name"])
        return measured_fan(experiment, vary, seeds)

    monkeypatch.setattr(benchmark_study, "_measured", counting)
    assert same(small(store), whole) and asked == ["blobs"]


def test_one_failure_does_not_stop_the_others(store):
    found = small(store, losses=("cross_entropy", "kd"))  # which wants a teacher
    states = dict(zip(found.table["loss"], found.table["state"], strict=True))
    assert states == {"cross_entropy": "finished", "kd": "failed"}
    assert found.table["error"].str.contains("teacher")[found.table["loss"] == "kd"].all()
    assert len(found.finished) == 4 and "4 failed" in repr(found)


def test_a_diverged_network_is_a_row_without_measures(store):
    found = small(
        store,
        data=["moons"],
        losses=("brier", "mse"),
        settings={"optimizer": "sgd"},
        vary={"optimizer.lr": [0.1, 1e30]},
    )
    gone = found.table[found.table["optimizer.lr"] > 1]
    assert "diverged" in set(gone["state"])
    gone = gone[gone["state"] == "diverged"]
    assert gone["accuracy"].isna().all() and gone["error"].str.contains("lower optimizer.lr").all()


def test_losses_that_cannot_be_stacked_are_trained_one_after_the_other(store):
    found = small(store, data=["moons"], losses=("ens_loss",))
    assert set(found.table["state"]) == {"finished"} and found.table["accuracy"].notna().all()


def test_loky_gives_the_same_table(store, tmp_path):
    one = {"data": DATA[:1], "seeds": 1}  # a task: only one of the processes has to import what it needs
    there = small(tmp_path / "loky.sqlite", n_jobs=2, backend="loky", **one)
    assert same(small(store, **one), there)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_dask_gives_the_same_table(store, tmp_path):
    import joblib

    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = small(tmp_path / "dask.sqlite", n_jobs=None)
    assert same(small(store), there)


def test_progress_is_one_line(store, capsys):
    small(store, progress=True)
    told = capsys.readouterr().err
    assert "study: 4 of 4 networks" in told and told.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"data": ["nothing"]}, UnknownName, "nothing"),
        ({"data": "digits"}, InputError, "data: expected a sequence"),
        ({"widths": ()}, InputError, "widths: expected a sequence"),
        ({"depths": (0,)}, InputError, "depths: expected whole numbers"),
        ({"losses": ("nothing",)}, UnknownName, "nothing"),
        ({"vary": {"model.hidden": [1]}}, InputError, "cannot vary inside a fan"),
        ({"vary": {"seed": [1]}}, InputError, "given twice"),
        ({"seeds": 0}, InputError, "seeds: expected a count"),
        ({"seeds": (1, 1)}, InputError, "seeds: expected a count"),
        ({"settings": {"epochs": 0}}, InputError, "epochs"),
    ],
)
def test_what_does_not_do_is_told_before_anything_is_made(store, options, error, match):
    with pytest.raises(error, match=match):
        small(store, **options)
    assert not store.exists()


STORED = cal.Study.stored()


def test_the_stored_study_is_the_default_one_and_some_of_it_is_trained_anew(store):
    assert set(STORED.table["state"]) == {"finished"}
    assert len(STORED.table) == 2 * 3 * 3 * 2 * 3 * 2 * 3 and len(STORED.measures) == 102
    keys = ["data", *STORED.design, "seed"]
    assert not STORED.table.duplicated(keys).any()
    again = cal.study(
        widths=(8,),
        depths=(1,),
        activations=("relu",),
        losses=("brier",),
        store=store,
        n_jobs=1,
        progress=False,
    )
    both = again.table.merge(STORED.table, on=keys, suffixes=("", "_stored"))
    assert len(both) == 12
    for name in ("accuracy", "pre_ECE_15", "post_NLL"):
        np.testing.assert_allclose(both[name], both[f"{name}_stored"], atol=0.02)


def test_a_study_survives_its_file(tmp_path):
    for name in ("a.csv", "a.csv.gz"):
        STORED.save(tmp_path / name)
        pandas.testing.assert_frame_equal(cal.Study.load(tmp_path / name).table, STORED.table)
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="not a saved study"):
        cal.Study.load(tmp_path / "b.csv")
    with pytest.raises(InputError, match="cannot be read"):
        cal.Study.load(tmp_path / "missing.csv")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(5, 30), levels=st.integers(2, 40))
def test_the_matrix_of_taus_is_scipys(seed, n, levels):
    x = np.random.default_rng(seed).integers(0, levels, (n, 4)).astype(float)
    found = taus(x)
    for i in range(4):
        for j in range(4):
            expected = kendalltau(x[:, i], x[:, j]).statistic
            assert found[i, j] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def made(rows=40):
    """A study whose answers are known: both datasets rank alike, scaling turns the ranks round."""
    order = np.arange(rows)
    columns = {
        "width": np.repeat([4, 8, 16, 32, 64], rows // 5),
        "depth": 1,
        "seed": order,
        "state": "finished",
    }
    columns["accuracy"] = order / rows
    for stage, base in (("pre", 0.5 - order / 100), ("post", 0.05 + order / 1000)):
        for family in ("ECE", "ECE_em", "cwCE", "cwCE_em", "MCE"):
            columns |= {f"{stage}_{family}_{b}": base * (1 + b / 500) for b in BENCHMARK_BINS}
        columns |= {f"{stage}_{name}": base for name in ("KSCE", "KDECE", "MMCE", "NLL", "Brier")}
    columns["pre_MMCE"] = np.random.default_rng(0).permutation(rows)
    attacks = ("pgd_0.1", "fgsm_0.1", "noise_0.5", "dropout_0.5", "contrast_0.5")
    columns |= dict.fromkeys(attacks, order / rows)
    tables = [pandas.DataFrame({"data": data, **columns}) for data in ("digits", "spirals")]
    return cal.Study(pandas.concat(tables, ignore_index=True))


def test_questions_read_what_was_put_in():
    found = made()
    one = found.question(1).numbers
    assert one == pytest.approx(dict.fromkeys(one, 1))
    two = found.question(2).numbers
    assert two == pytest.approx(dict.fromkeys(two, -1))
    three = found.question(3)
    assert three.table.loc["pre_ECE_5", "pre_NLL"] == pytest.approx(1)
    assert three.table.loc["pre_ECE_5", "post_ECE_5"] == pytest.approx(-1)
    assert "pre_MMCE agrees least" in three.sentence
    assert three.numbers["pre ECE"] == pytest.approx(1)
    four = found.question(4).numbers
    assert four["digits tau all"] == pytest.approx(-1) and four["digits worse"] == 0
    assert four["digits before"] == pytest.approx(found.table["pre_ECE_15"][:40].mean())
    five = found.question(5).numbers
    assert five["spirals before all"] == pytest.approx(-1) and five["spirals after top"] == pytest.approx(1)
    six = found.question(6).numbers
    assert six["digits pre 500"] / six["digits pre 5"] == pytest.approx(2 / 1.01)
    seven = found.question(7)
    assert seven.numbers["digits width=64"] < seven.numbers["digits width=4"]
    assert "width 64" in seven.sentence


def test_the_top_slice_is_a_share_of_each_dataset():
    table = made().question(5, top=0.1).table
    assert table.groupby("data")["top"].sum().tolist() == [4, 4]
    assert table["accuracy"][table["top"]].min() > table["accuracy"][~table["top"]].max()


@pytest.mark.parametrize("number", range(1, 8))
def test_each_question_of_the_stored_study_is_answered_and_drawn(number):
    found = STORED.question(number)
    assert (found.number, found.question) == (number, QUESTIONS[number - 1])
    assert found.sentence in repr(found) and "nan" not in found.sentence
    assert all(isinstance(v, float) for v in found.numbers.values())
    figure = found.plot()
    axes = [axis for axis in figure.layout if axis.startswith(("xaxis", "yaxis"))]
    assert figure.data and all(figure.layout[axis].title.text for axis in axes)


def test_rank_correlation_of_few_is_not_told():
    assert np.isnan(tau([1, 2, 3], [1, 2, 3]))
    assert tau(range(5), range(5)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.question(0), "number must be one of 1..7"),
        (lambda s: s.question(True), "number must be one of 1..7"),
        (lambda s: s.question(1, top=0), "top must be in"),
        (lambda s: s.question(1, measure="ECE"), "measure must be one of"),
        (lambda s: s.question(1, measure="pre_auc_gaussian"), "measure must be one of"),
        (lambda s: s.question(6, measure="pre_NLL"), "one with bins"),
        (lambda s: cal.Study(s.table[s.table["data"] == "digits"]).question(1), "two datasets"),
        (lambda s: cal.Study(s.table[:3]).question(1), "at least 5 finished"),
    ],
)
def test_what_cannot_be_asked_is_told(call, match):
    with pytest.raises(InputError, match=match):
        call(STORED)

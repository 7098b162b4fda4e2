"""Every exhibit runs, is stored with the numbers that its code makes, and says what they show."""

import json
import subprocess
import sys

import numpy as np
import pytest

import clsviz as cv
from clsviz import catalogue
from clsviz.errors import InputError, UnknownName
from clsviz.exhibits import Numbers, Verdict, results
from clsviz.exhibits.listing import load
from clsviz.exhibits.registry import VERDICTS

TINY = 0.02
EXHIBITS = list(load().values())
each = pytest.mark.parametrize("shown", EXHIBITS, ids=lambda shown: shown.id)


@each
def test_it_runs_at_tiny_scale_and_makes_the_keys_that_are_stored(shown):
    numbers = shown.measure(7, TINY)
    assert set(numbers) == set(shown.stored.keys), f"run `make exhibits ONLY={shown.id}`"
    fresh = Numbers([numbers])
    assert shown.judge(fresh).word in VERDICTS
    assert shown.picture(fresh).data


@each
def test_five_seeds_at_full_scale_are_stored_with_versions(shown):
    stored = results.read(shown.id)
    assert stored["scale"] == 1 and set(stored["versions"]) == {"clsviz", "torch", "numpy"}
    assert len({run["seed"] for run in stored["runs"]}) >= 5
    assert len({json.dumps(run["numbers"]) for run in stored["runs"]}) > 1, "the seed changes nothing"


@each
def test_it_says_what_a_reader_needs(shown):
    assert all([shown.title, shown.paper, shown.claim, shown.expected, shown.setting])
    assert set(shown.headline) <= set(shown.stored.keys)
    assert shown.entries and all(catalogue.get(entry) for entry in shown.entries)
    assert shown.verdict.sentence in repr(shown)


@pytest.mark.parametrize("shown", [e for e in EXHIBITS if e.experiment], ids=lambda shown: shown.id)
def test_its_lab_opens_at_its_experiment(shown):
    lab = shown.lab(autostart=False)
    kinds = ("model", "loss", "method")
    chosen = {getattr(lab.run.experiment, kind).name for kind in kinds}
    about = {entry.name for entry in map(catalogue.get, shown.entries) if entry.kind in kinds}
    assert not about or chosen & about
    lab.close()


@each
def test_its_picture_has_words_on_every_axis(shown):
    figure = shown.plot()
    axes = [axis for axis in figure.layout if axis.startswith(("xaxis", "yaxis"))]
    assert axes and all(figure.layout[axis].title.text for axis in axes)


def test_the_listing_needs_no_torch_and_has_a_line_for_each_exhibit():
    code = (
        "import sys, clsviz as cv; table = cv.exhibits(); repr(table), table._repr_html_();"
        f"repr(cv.exhibit('elr')); assert list(table.index) == {[e.id for e in EXHIBITS]};"
        "assert 'torch' not in sys.modules, 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_listing_is_a_table_that_can_be_asked():
    table = cv.exhibits()
    assert list(table.columns) == ["title", "paper", "entries", "verdict", "sentence", "numbers"]
    assert set(table.verdict) <= set(VERDICTS)
    one = table[table.index == "elr"]
    assert one.loc["elr", "sentence"] == cv.exhibit("elr").verdict.sentence
    assert "elr" in repr(one) and "Early learning" in one._repr_html_()
    assert "verdict" in repr(table[["verdict"]])


def test_an_unknown_id_names_the_nearest():
    with pytest.raises(UnknownName, match=r"did you mean.*elr"):
        cv.exhibit("elrr")


def test_the_verdict_follows_from_the_stored_numbers(tmp_path, monkeypatch):
    shown = cv.exhibit("elr")
    stored = results.read("elr")
    assert shown.verdict.word == "reproduces"
    for run in stored["runs"]:  # as if ELR had memorised like cross-entropy, and that not fallen
        numbers = run["numbers"]
        numbers |= {key.replace("ce_", "elr_"): value for key, value in numbers.items() if "ce_" in key}
        numbers |= {key: numbers[key.replace("end", "peak")] for key in numbers if key.endswith("end")}
    (tmp_path / "elr.json").write_text(json.dumps(stored))
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert shown.verdict.word == "not at this scale"


def test_catalogue_entry_and_exhibit_point_to_each_other():
    assert "elr" in catalogue.get("losses.elr").exhibits
    assert catalogue.get("losses.brier").exhibits == ()
    papers = {paper.id: paper for paper in catalogue.papers()}
    assert set(papers) == {shown.id for shown in EXHIBITS}
    assert papers["elr"].title == cv.exhibit("elr").paper and papers["elr"].entries == ("losses.elr",)


def test_numbers_pair_seeds_and_count_chance():
    rng = np.random.default_rng(0)
    luck = rng.normal(size=6)  # each seed's own, common to both
    rows = [
        {"a": 0.1 + x + 0.01 * e, "b": x, "c": [x, x]} for x, e in zip(luck, rng.normal(size=6), strict=True)
    ]
    numbers = Numbers(rows)
    assert numbers.exceeds("a", "b") and numbers.exceeds("a", "b", by=0.05)
    assert not numbers.exceeds("a", "b", by=0.2) and not numbers.exceeds("b", "a")
    assert not numbers.exceeds("a", 0.0), "the spread of the seeds is larger than the mean"
    assert not Numbers(rows[:1]).exceeds("a", "b"), "one seed shows nothing"
    assert Numbers([{"n": 1810.4}]).text("n") == "1810 ± 0" and Numbers([{"n": 0.25}]).text("n") == "0.25 ± 0"
    assert numbers["c"].shape == (6, 2) and numbers.spread("b") == pytest.approx(luck.std(ddof=1))


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(InputError, match="a must be a finite number"):
        results.checked("x", {"a": float("nan")})
    with pytest.raises(InputError, match="finite"):
        results.checked("x", {"a": "0.5"})
    with pytest.raises(InputError, match="a verdict is one of"):
        Verdict("maybe", "")


def test_a_printed_verdict_breaks_between_words():
    sentence = "one two three " * 20
    lines = str(Verdict("partly", sentence)).splitlines()
    assert lines[0].startswith("partly: one two") and max(map(len, lines)) <= 100
    assert " ".join(lines) == f"partly: {sentence}".strip()


def test_an_exhibit_shows_its_text_and_its_lab():
    shown = cv.exhibit("elr")
    text = shown._repr_html_()
    assert "Verdict: reproduces" in text and "5 seeds" in text
    assert "cv.exhibit(&#x27;elr&#x27;).plot()" in text, "its picture is one line away"
    assert "plot()" not in cv.exhibit("halfspace_tester")._repr_html_(), "it is shown already"
    assert "<code>infinite_depth_regime</code>" in cv.exhibit("infinite_limit_classifier")._repr_html_()
    lab = shown.lab(autostart=False)
    assert lab.run.experiment.loss.name == "elr"
    assert lab.run.experiment.get("label_noise.rate") == 0.4
    lab.close()

"""The catalogue: one definition of each fact, and an index that is never stale."""

import json
import subprocess
import sys

import pytest

from clsviz import catalogue
from clsviz.catalogue import Range, Spec
from clsviz.catalogue.spec import Method, method
from clsviz.errors import InputError, UnknownName

ENTRIES = catalogue.methods()


def test_index_is_what_the_source_says():
    code = "from clsviz.catalogue.__main__ import render; import sys; sys.stdout.write(render())"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert fresh == catalogue.INDEX.read_text(encoding="utf-8"), "run `make catalogue`"


def test_a_parameter_says_what_its_docstring_says_of_it():
    help = {p.name: p.help for p in catalogue.get("data.tilted").params}
    assert help["rho"] == "correlation of x0 and x1 within a class, in (-1, 1)."
    assert help["sigma_tilt"] == help["sigma_rest"] == "standard deviations of x0, x1 and the others, >= 0."
    assert "samples that the prior counts for" in catalogue.get("calibration.fit_bbq").param("n0").help
    steps = catalogue.get("training.adversarial").param("steps").help  # over two lines there
    assert steps.startswith("1 is the fast gradient sign method; more are") and "\n" not in steps


@pytest.mark.parametrize("kind", ["model", "method", "supply", "loss", "calibrator"])
def test_no_slider_of_the_lab_is_without_words(kind):
    silent = [f"{m.id}.{p.name}" for m in catalogue.methods(kind) for p in m.params if p.range and not p.help]
    assert silent == []


def test_reading_the_catalogue_needs_no_torch():
    code = (
        "import sys, clsviz; clsviz.catalogue.search('calibration'); clsviz.catalogue.methods('loss');"
        "assert not {'torch', 'sklearn', 'pandas'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda m: m.id)
def test_entry_says_what_a_reader_needs(entry):
    assert entry.title and entry.paper and entry.summary
    assert entry.id == f"{entry.family}.{entry.name}"
    for p in entry.params:
        if p.range is not None and p.default is not None:
            assert p.range.low <= p.default <= p.range.high, p.name
        if p.choices is not None and p.default is not None:
            assert p.default in p.choices, p.name


def test_every_formula_has_mathml():
    raw = json.loads(catalogue.INDEX.read_text(encoding="utf-8"))["methods"]
    assert all(m["mathml"].startswith("<math") for m in raw if m["formula"])
    assert sum(bool(m["formula"]) for m in raw) > 20


def test_search_finds_by_every_word_and_ranks_the_name_first():
    assert catalogue.search("temperature scaling")
    assert catalogue.search("gce")[0].id == "losses.gce"
    assert catalogue.search("no such thing at all") == []


def test_get_names_the_neighbours_of_an_unknown_id():
    with pytest.raises(UnknownName, match=r"losses\.gce"):
        catalogue.get("losses.nothing")


def test_resolve_gives_the_object_behind_an_entry():
    entry, function = catalogue.resolve("loss", "gce")
    assert entry.id == "losses.gce" and callable(function)
    with pytest.raises(UnknownName, match="no loss is called"):
        catalogue.resolve("loss", "nothing")


def test_method_survives_json():
    entry = catalogue.get("losses.gce")
    assert Method.from_json(json.loads(json.dumps(entry.to_json()))) == entry


@pytest.mark.parametrize("value", ["gce", Spec("gce"), {"name": "gce"}, {"name": "gce", "params": {}}])
def test_spec_takes_names_specs_and_dicts(value):
    assert Spec.of(value) == Spec("gce", {})


def test_spec_refuses_anything_else():
    with pytest.raises(InputError, match="a Spec is"):
        Spec.of(3)


def test_a_control_for_a_parameter_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no parameters of it"):

        @method(kind="measure", title="t", paper="p", nothing=Range(0, 1))
        def example(x, *, y=1):
            """Example."""


@pytest.mark.parametrize(("low", "high", "log"), [(1, 1, False), (2, 1, False), (0, 1, True)])
def test_an_empty_range_is_refused(low, high, log):
    with pytest.raises(InputError, match="low must be below high"):
        Range(low, high, log=log)

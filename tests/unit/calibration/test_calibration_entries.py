"""Catalogue entries of clsviz.calibration."""

import inspect

import pytest

from clsviz import calibration as cal
from clsviz.catalogue import Range
from clsviz.catalogue.spec import OBJECTS, REGISTRY

ENTRIES = [m for m in REGISTRY.values() if m.family == "calibration"]


def test_all_public_functions_but_the_bin_rule_and_the_study_are_entries():
    functions = {n for n in cal.__all__ if inspect.isfunction(getattr(cal, n))}
    # What was fitted is applied by its own function; the entry is what fits. The study trains, as sweeps do.
    helpers = {n for n in functions if n.startswith("apply_")} - {"apply_temperature"}
    assert {m.name for m in ENTRIES} == functions - helpers - {"bin_indices", "study", "transformed_copies"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda m: m.name)
def test_entry_says_what_it_is_and_where_it_comes_from(entry):
    assert entry.kind in ("measure", "calibrator")
    assert entry.title and entry.paper and entry.summary.endswith(".")
    assert OBJECTS[entry.id] is getattr(cal, entry.name)


def test_sliders_have_the_ranges_of_the_design():
    for entry in ENTRIES:
        for p in entry.params:
            if p.name == "n_bins":
                assert (p.default, p.range) == (15, Range(1, 100, step=1))
            if p.name == "temperature":
                assert (p.default, p.range) == (1.0, Range(0.05, 20, log=True))
    names = {(m.name, p.name) for m in ENTRIES for p in m.params}
    assert {("reliability_diagram", "n_bins"), ("apply_temperature", "temperature")} <= names

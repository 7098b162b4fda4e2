"""Sliders of the pictures: each moves an attribute of its own, so any combination shows what is drawn."""

from itertools import product

import numpy as np
import pytest

import clsviz as cv
from clsviz.exhibits.pictures import WIDTH, add_bars, add_curve, add_sliders, bars, page

FIRST, SECOND, THIRD = (1.0, 2.0, 3.0), ("a", "b"), (10, 20)


def moved(figure, choice):
    """The traces after each slider was put to a step, as plotly's restyle does it."""
    traces = [trace.to_plotly_json() for trace in figure.data]
    for slider, step in zip(figure.layout.sliders, choice, strict=True):
        change, which = slider.steps[step].args
        for key, values in change.items():
            for index, value in zip(which, values, strict=True):
                traces[index][key] = value
    return traces


def shown(traces):
    """What can be seen of them."""
    return [t for t in traces if t.get("visible", True) and t.get("opacity", 1) and t["x"][0] is not None]


def test_any_combination_of_three_sliders_shows_its_own_traces():
    def draw(a, b, c):
        y = [a, float(ord(b)), float(c)]
        dot = dict(type="scatter", x=[a], y=[0.0], text=[f"{a:g}{b}{c}"], mode="text")
        return [dict(type="scatter", x=[0.0, 1.0, 2.0], y=y, name="line"), dot]

    figure = page(("", "x", "y"), ("", "x", "y"))
    add_sliders(figure, {"a": FIRST, "b": SECOND, "c": THIRD}, (2.0, "b", 10), draw, panel=2)
    for choice in product(range(3), range(2), range(2)):
        line, text = shown(moved(figure, choice))
        a, b, c = FIRST[choice[0]], SECOND[choice[1]], THIRD[choice[2]]
        assert list(line["y"]) == [a, ord(b), c]
        assert list(text["text"]) == [f"{a:g}{b}{c}"] and list(text["x"]) == [a]
        assert line["xaxis"] == "x2"
    start = [slider.active for slider in figure.layout.sliders]
    assert start == [1, 1, 0]
    before = [trace.to_plotly_json() for trace in figure.data]
    assert [list(t["y"]) for t in shown(before)] == [list(t["y"]) for t in shown(moved(figure, start))]


def test_one_entry_of_the_legend_stays_whatever_is_chosen():
    def draw(a, b):
        return [dict(type="scatter", x=[0.0], y=[a], name="line")]

    figure = page(("", "x", "y"))
    add_sliders(figure, {"a": FIRST, "b": SECOND}, (1.0, "a"), draw)
    for choice in product(range(3), range(2)):
        entries = [t for t in moved(figure, choice) if t.get("showlegend") and t.get("visible", True)]
        assert [t["name"] for t in entries] == ["line"]


def test_sliders_of_two_panels_leave_each_other_alone_and_the_figure_grows_once():
    figure = page(("", "x", "y"), ("", "x", "y"), columns=1)
    draw = lambda a: [dict(type="scatter", x=[0.0], y=[a])]  # noqa: E731
    add_sliders(figure, {"a": FIRST}, (1.0,), draw, width=0.4)
    height = figure.layout.height
    add_sliders(figure, {"b": FIRST}, (3.0,), draw, panel=2, left=0.6, width=0.4)
    assert figure.layout.height == height
    assert [list(t["y"]) for t in shown(moved(figure, (1, 0)))] == [[2.0], [1.0]]
    assert figure.data[0].yaxis == "y" and figure.data[1].yaxis == "y2"


def test_whiskers_move_with_their_bars():
    values = {1.0: np.array([[1.0, 2.0], [3.0, 4.0]]), 2.0: np.array([[0.0, 5.0], [8.0, 5.0]])}
    figure = page(("", "x", "y"))
    add_sliders(figure, {"a": values}, (1.0,), lambda a: [bars(["p", "q"], values[a], "bars", 0)])
    for step, table in enumerate(values.values()):
        [trace] = [t for t in moved(figure, [step]) if t["x"][0] is not None]
        assert list(trace["y"]) == list(table.mean(0))
        np.testing.assert_allclose(trace["error_y.array"], table.std(0, ddof=1), rtol=1e-3)


def test_bars_of_one_seed_have_no_whiskers_and_two_series_stand_side_by_side():
    figure = page(("", "x", "y"))
    for series, name in enumerate(("one", "two")):
        add_bars(figure, ["p", "q"], np.ones((1, 2)), name, series)
    assert all(trace.error_y.array is None for trace in figure.data)
    assert [trace.offsetgroup for trace in figure.data] == ["one", "two"]


@pytest.mark.parametrize("columns", [None, 1, 2])
def test_no_page_is_wider_than_an_output(columns):
    panels = [(f"{i}", "x", "y") for i in range(4)]
    assert page(*panels, columns=columns).layout.width == WIDTH
    assert page(*panels[:2]).layout.width < WIDTH


def test_curves_find_their_panel_in_rows():
    figure = page(*[(f"{i}", "x", "y") for i in range(4)], columns=2)
    for panel in range(1, 5):
        add_curve(figure, [0, 1], np.zeros((2, 2)), f"{panel}", 0, panel=panel)
    assert [trace.xaxis for trace in figure.data[1::2]] == ["x", "x2", "x3", "x4"]


PICTURES = (
    "infinite_limit_classifier",
    "disc_vs_gen",
    "shortcut_bias",
    "halfspace_tester",
    "unlearnable_examples",
    "surrogate_rules",
    "model_extraction",
    "negative_flips",
    "mean_shift_outlier",
    "hyp_oc",
)


@pytest.mark.parametrize("id", PICTURES)
def test_each_slider_of_a_picture_changes_what_is_seen(id):
    figure = cv.exhibit(id).plot()
    start = [slider.active for slider in figure.layout.sliders]

    def seen(choice):
        keys = ("x", "y", "z", "text")
        return [
            [np.asarray(t[k]).tolist() for k in keys if t.get(k) is not None]
            for t in shown(moved(figure, choice))
        ]

    assert start
    for i, slider in enumerate(figure.layout.sliders):
        others = [range(len(s.steps)) if j != i else [0] for j, s in enumerate(figure.layout.sliders)]
        ends = ([[*c[:i], end, *c[i + 1 :]] for end in (0, len(slider.steps) - 1)] for c in product(*others))
        assert any(seen(low) != seen(high) for low, high in ends), slider.currentvalue.prefix

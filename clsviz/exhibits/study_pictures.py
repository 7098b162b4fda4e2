"""Pictures of the seven questions of the benchmark study, drawn from their answers' tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.exhibits.pictures import COLOURS, DASHES, HATCHES, MARKERS, TEXT, page

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from clsviz.calibration.study_questions import Answer

PARTS = {False: "other networks", True: "the most accurate"}


def draw(answer: Answer) -> Figure:
    """The picture of an answer."""
    return PICTURES[answer.number](answer)


def _datasets(answer: Answer) -> list[str]:
    return list(dict.fromkeys(answer.table["data"]))


def _points(figure: Figure, own: Any, x: str, y: str, panel: int) -> None:
    """A mark for each network, the most accurate ones apart."""
    for series, (top, words) in enumerate(PARTS.items()):
        some = own[own["top"] == top]
        figure.add_scatter(
            x=some[x],
            y=some[y],
            mode="markers",
            name=words,
            marker=dict(
                color=COLOURS[series],
                symbol=MARKERS[series],
                size=7,
                opacity=0.7,
                line=dict(color=TEXT, width=1),
            ),
            legendgroup=words,
            showlegend=panel == 1,
            row=1,
            col=panel,
        )


def _diagonal(figure: Figure, values: Any, panel: int) -> None:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        name="the same",
        line=dict(color=TEXT, dash="dot", width=1),
        showlegend=panel == 1,
        legendgroup="the same",
        row=1,
        col=panel,
    )


def _below_long_ticks(figure: Figure) -> Figure:
    """Puts the legend where labels at an angle do not reach."""
    figure.update_xaxes(tickangle=60)
    return figure.update_layout(height=500, margin_b=210, legend_y=-0.75)


def _carries_over(answer: Answer) -> Figure:
    pairs = list(answer.table.groupby(["first", "second"], sort=False))
    titles = [
        (f"tau {answer.numbers[f'{a} {b} all']:.2f}", f"{answer.measure} on {a}", f"{answer.measure} on {b}")
        for (a, b), _ in pairs
    ]
    figure = page(*titles)
    for panel, (_, own) in enumerate(pairs, 1):
        _points(figure, own, "x", "y", panel)
    return figure


def _robustness(answer: Answer) -> Figure:
    names = _datasets(answer)
    figure = page(*[(name, "accuracy under", f"tau with {answer.measure}") for name in names])
    for panel, name in enumerate(names, 1):
        own = answer.table[answer.table["data"] == name]
        for series, (part, some) in enumerate(own.groupby("slice", sort=False)):
            words = "all networks" if part == "all" else PARTS[True]
            figure.add_bar(
                x=some["robustness"],
                y=some["tau"],
                name=words,
                marker=dict(
                    color=COLOURS[series],
                    line=dict(color=TEXT, width=1),
                    pattern=dict(shape=HATCHES[series], fgcolor="rgba(255,255,255,0.6)"),
                ),
                legendgroup=words,
                showlegend=panel == 1,
                row=1,
                col=panel,
            )
    return _below_long_ticks(figure.update_yaxes(range=[-1, 1]))


def _reliable(answer: Answer) -> Figure:
    figure = page(("", "measure", "measure"))
    names = list(answer.table.index)
    places = range(0, len(names), max(1, len(names) // 26))
    figure.add_heatmap(
        z=answer.table.to_numpy(),
        x=names,
        y=names,
        zmin=-1,
        zmax=1,
        colorscale=[[0, COLOURS[1]], [0.5, "#d9d9d9"], [1, COLOURS[0]]],
        colorbar=dict(title="Kendall's tau"),
        hovertemplate="%{x}<br>%{y}<br>%{z:.2f}<extra></extra>",
    )
    ticks = dict(tickvals=[names[i] for i in places], tickfont=dict(size=9))
    figure.update_xaxes(tickangle=90, **ticks)
    figure.update_yaxes(autorange="reversed", **ticks)
    return figure.update_layout(width=760, height=720)


def _scaling(answer: Answer) -> Figure:
    names = _datasets(answer)
    after = answer.measure.replace("pre_", "post_", 1)
    figure = page(*[(name, answer.measure, after) for name in names])
    for panel, name in enumerate(names, 1):
        own = answer.table[answer.table["data"] == name]
        _points(figure, own, "before", "after", panel)
        _diagonal(figure, own[["before", "after"]], panel)
    return figure


def _accuracy(answer: Answer) -> Figure:
    names = _datasets(answer)
    figure = page(*[(name, "test accuracy", answer.measure) for name in names])
    for panel, name in enumerate(names, 1):
        _points(figure, answer.table[answer.table["data"] == name], "accuracy", "before", panel)
    return figure


def _bins(answer: Answer) -> Figure:
    names = _datasets(answer)
    family = answer.measure.removeprefix("pre_").rpartition("_")[0].removesuffix("_em")
    figure = page(*[(name, "bins", f"mean {family}") for name in names])
    words = {"pre": "before scaling", "post": "after", "": "equal width", "_em": "equal mass"}
    for panel, name in enumerate(names, 1):
        own = answer.table[answer.table["data"] == name]
        for series, ((stage, scheme), some) in enumerate(own.groupby(["stage", "scheme"], sort=False)):
            line = f"{words[stage]}, {words[scheme]}"
            figure.add_scatter(
                x=some["bins"],
                y=some["mean"],
                mode="lines+markers",
                name=line,
                line=dict(color=COLOURS[series], dash=DASHES[series], width=2),
                marker=dict(symbol=MARKERS[series], size=7),
                legendgroup=line,
                showlegend=panel == 1,
                row=1,
                col=panel,
            )
    return figure.update_xaxes(type="log", tickvals=[5, 15, 50, 200, 500])


def _designs(answer: Answer) -> Figure:
    names = _datasets(answer)
    figure = page(*[(name, "design", f"mean {answer.measure}") for name in names])
    for panel, name in enumerate(names, 1):
        own = answer.table[answer.table["data"] == name]
        for series, (factor, some) in enumerate(own.groupby("factor", sort=False)):
            figure.add_scatter(
                x=[f"{factor.rpartition('.')[2]} {level}" for level in some["level"]],
                y=some["before"],
                error_y=dict(type="data", array=some["error"], color=TEXT),
                mode="markers",
                name=factor,
                marker=dict(
                    color=COLOURS[series], symbol=MARKERS[series], size=10, line=dict(color=TEXT, width=1)
                ),
                legendgroup=factor,
                showlegend=panel == 1,
                row=1,
                col=panel,
            )
    return _below_long_ticks(figure)


PICTURES: dict[int, Callable[[Answer], Figure]] = {
    1: _carries_over,
    2: _robustness,
    3: _reliable,
    4: _scaling,
    5: _accuracy,
    6: _bins,
    7: _designs,
}

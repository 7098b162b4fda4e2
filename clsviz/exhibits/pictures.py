"""The look of the exhibits' pictures: plotly figures that stand on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Okabe and Ito's, in an order that reads on white and on black; dashes and markers tell them apart too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
HATCHES = ("", "/", ".", "x", "\\", "-", "+")
TEXT = "#7f7f7f"  # 4:1 on white, 4.5:1 on #111
GRID = "rgba(128,128,128,0.25)"
PANEL_WIDTH, HEIGHT = 400, 390


def page(*panels: tuple[str, str, str]) -> Figure:
    """An empty figure with panels side by side, each (title, x axis with unit, y axis with unit)."""
    from plotly.subplots import make_subplots

    count = len(panels)
    figure = make_subplots(
        1, count, subplot_titles=[title for title, _, _ in panels], horizontal_spacing=0.36 / (count + 1)
    )
    for i, (_, x, y) in enumerate(panels, 1):
        axis = dict(
            title_font=dict(size=13), gridcolor=GRID, zerolinecolor=GRID, linecolor=TEXT, automargin=True
        )
        figure.update_xaxes(title_text=x, col=i, row=1, **axis)
        figure.update_yaxes(title_text=y, col=i, row=1, **axis)
    figure.update_layout(
        width=max(520, PANEL_WIDTH * count),
        height=HEIGHT,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font=dict(color=TEXT, size=13),
        margin=dict(l=60, r=16, t=40, b=90),
        legend=dict(orientation="h", yanchor="top", y=-0.24, x=0),
        barmode="group",
    )
    figure.update_annotations(font=dict(color=TEXT, size=14))
    return figure


def add_curve(
    figure: Figure,
    x: Sequence[float] | np.ndarray,
    values: np.ndarray,
    name: str,
    series: int,
    *,
    panel: int = 1,
    markers: bool = False,
) -> None:
    """Mean over seeds with a band of one standard deviation.

    Args:
        x: (L,). values: (S, L), each seed's.
        series: number of the line: its colour, dash and marker; the same number in several panels is
            one line of the legend.
        panel: from 1.
    """
    values = np.asarray(values, np.float64)
    x = np.asarray(x, np.float64)
    mean = values.mean(0)
    spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
    colour = COLOURS[series % len(COLOURS)]
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([mean + spread, (mean - spread)[::-1]]),
        mode="lines",  # short curves would get markers
        fill="toself",
        fillcolor=_faint(colour),
        line=dict(width=0),
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
        row=1,
        col=panel,
    )
    figure.add_scatter(
        x=x,
        y=mean,
        name=name,
        mode="lines+markers" if markers else "lines",
        line=dict(color=colour, dash=DASHES[series % len(DASHES)], width=2),
        marker=dict(symbol=MARKERS[series % len(MARKERS)], size=8),
        legendgroup=name,
        showlegend=_is_new(figure, name),
        row=1,
        col=panel,
    )


def add_bars(
    figure: Figure, groups: Sequence[str], values: np.ndarray, name: str, series: int, *, panel: int = 1
) -> None:
    """Mean over seeds of (S, G) values, one bar a group, with one standard deviation as whiskers."""
    values = np.asarray(values, np.float64)
    spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
    figure.add_bar(
        x=list(groups),
        y=values.mean(0),
        error_y=dict(type="data", array=spread, color=TEXT),
        name=name,
        marker=dict(
            color=COLOURS[series % len(COLOURS)],
            line=dict(color=TEXT, width=1),
            pattern=dict(shape=HATCHES[series % len(HATCHES)], fgcolor="rgba(255,255,255,0.6)"),
        ),
        legendgroup=name,
        showlegend=_is_new(figure, name),
        row=1,
        col=panel,
    )


def add_level(figure: Figure, y: float, words: str, *, panel: int = 1) -> None:
    """A horizontal line with words, to compare with."""
    line: dict[str, Any] = dict(line=dict(color=TEXT, dash="dot", width=1), row=1, col=panel)
    figure.add_hline(y=y, annotation_text=words, annotation_font_color=TEXT, **line)


def _is_new(figure: Figure, name: str) -> bool:
    return not any(trace.name == name for trace in figure.data)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"

"""The look of the exhibits' pictures: plotly figures that stand on light and on dark pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
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
PANEL_WIDTH, HEIGHT = 400, 406
WIDTH = 1100  # at most: what JupyterLab has for an output on a screen of 1280 pixels
PLOT, BETWEEN = 260, 120  # height of a panel's inside, and of what lies between two rows of them
UNDER, SLIDER = 160, 95  # from the lowest row down to the sliders, and their height


def page(*panels: tuple[str, str, str], columns: int | None = None) -> Figure:
    """An empty figure with panels side by side, each (title, x axis with unit, y axis with unit).

    With ``columns`` they stand in rows of so many, over the whole width; the last panel fills its row.
    """
    from plotly.subplots import make_subplots

    count = columns or len(panels)
    rows = -(-len(panels) // count)
    free = rows * count - len(panels)
    specs: list[list[dict[str, int] | None]] = [[{} for _ in range(count)] for _ in range(rows)]
    specs[-1][count - free - 1 :] = [{"colspan": free + 1}, *[None] * free]
    inside = PLOT * rows + BETWEEN * (rows - 1)
    figure = make_subplots(
        rows,
        count,
        specs=specs,
        subplot_titles=[title for title, _, _ in panels],
        horizontal_spacing=0.36 / (count + 1),
        vertical_spacing=BETWEEN / inside,
    )
    figure.update_layout(meta=dict(columns=count))
    for i, (_, x, y) in enumerate(panels, 1):
        axis = dict(
            title_font=dict(size=13), gridcolor=GRID, zerolinecolor=GRID, linecolor=TEXT, automargin=True
        )
        figure.update_xaxes(title_text=x, **axis, **place(figure, i))
        figure.update_yaxes(title_text=y, **axis, **place(figure, i))
    figure.update_layout(
        width=WIDTH if columns else min(WIDTH, max(520, PANEL_WIDTH * count)),
        height=HEIGHT - PLOT + inside,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font=dict(color=TEXT, size=13),
        margin=dict(l=60, r=16, t=56, b=90),  # plotly's buttons stand above the titles
        modebar=dict(bgcolor="rgba(0,0,0,0)", color=TEXT, activecolor=COLOURS[0]),
        legend=dict(orientation="h", yanchor="top", y=-0.24 * PLOT / inside, x=0),
        barmode="group",
    )
    figure.update_annotations(font=dict(color=TEXT, size=14))
    return figure


def place(figure: Figure, panel: int) -> dict[str, int]:
    """Row and column of a panel of `page`, from 1, for plotly."""
    row, column = divmod(panel - 1, figure.layout.meta["columns"])
    return dict(row=row + 1, col=column + 1)


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
        **place(figure, panel),
    )
    trace = curve(x, mean, name, series, markers=markers)
    figure.add_trace(trace | dict(legendgroup=name, showlegend=_is_new(figure, name)), **place(figure, panel))


def curve(x: Any, y: Any, name: str, series: int, *, markers: bool = False) -> dict[str, Any]:
    """The trace of a line (L,), as `add_sliders` takes it, with the look of its series."""
    return dict(
        type="scatter",
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if markers else "lines",
        line=dict(color=COLOURS[series % len(COLOURS)], dash=DASHES[series % len(DASHES)], width=2),
        marker=dict(color=COLOURS[series % len(COLOURS)], symbol=MARKERS[series % len(MARKERS)], size=8),
    )


def add_bars(
    figure: Figure, groups: Sequence[str], values: np.ndarray, name: str, series: int, *, panel: int = 1
) -> None:
    """Mean over seeds of (S, G) values, one bar a group, with one standard deviation as whiskers."""
    trace = bars(groups, values, name, series)
    figure.add_trace(trace | dict(legendgroup=name, showlegend=_is_new(figure, name)), **place(figure, panel))


def bars(groups: Sequence[Any], values: Any, name: str, series: int) -> dict[str, Any]:
    """The trace of `add_bars`, as `add_sliders` takes it; one seed has no whiskers."""
    values = np.asarray(values, np.float64)
    trace: dict[str, Any] = dict(
        type="bar",
        x=list(groups),
        y=values.mean(0),
        name=name,
        offsetgroup=name,  # its place within a group, whatever else is shown
        marker=dict(
            color=COLOURS[series % len(COLOURS)],
            line=dict(color=TEXT, width=1),
            pattern=dict(shape=HATCHES[series % len(HATCHES)], fgcolor="rgba(255,255,255,0.6)"),
        ),
    )
    if len(values) > 1:
        trace["error_y"] = dict(type="data", array=values.std(0, ddof=1), color=TEXT)
    return trace


def add_level(figure: Figure, y: float, words: str, *, panel: int = 1, at: str = "top right") -> None:
    """A horizontal line with words, to compare with; `at` says where the words stand on it."""
    line: dict[str, Any] = dict(line=dict(color=TEXT, dash="dot", width=1), **place(figure, panel))
    figure.add_hline(y=y, annotation_text=words, annotation_position=at, annotation_font_color=TEXT, **line)


def add_sliders(
    figure: Figure,
    sliders: Mapping[str, Sequence[float | str]],
    start: Sequence[float | str],
    draw: Callable[..., Sequence[Mapping[str, Any]]],
    *,
    panel: int = 1,
    left: float = 0.0,
    width: float = 1.0,
) -> None:
    """Sliders below the figure that change a panel at once: everything is in the figure, no kernel needed.

    plotly's sliders know nothing of each other, so each changes an attribute of its own: the first the
    data, the second which traces are visible, the third which are opaque.

    Args:
        sliders: by the words before the value: the values, or words for them; up to three.
        start: the values shown first.
        draw: called with a value of each slider: the traces, as plotly has them, with their "type"; the
            same number with the same look for all values. "panel" puts one into another panel.
        left, width: where the sliders stand, as shares of the figure's width.
    """
    values = list(sliders.values())
    second, third = ([*values, [None], [None]][i] for i in (1, 2))
    others = len(values) - 1
    begun = [list(choice).index(chosen) for choice, chosen in zip(values, start, strict=True)]
    at_second, at_third = ([*begun, 0, 0][i] for i in (1, 2))
    drawn = {
        (i, j, k): draw(*(value, *(b, c)[:others]))
        for i, value in enumerate(values[0])
        for (j, b), (k, c) in product(enumerate(second), enumerate(third))
    }
    layers = list(product(range(len(second)), range(len(third)), range(len(drawn[0, 0, 0]))))
    for trace in drawn[begun[0], at_second, at_third]:  # entries of the legend that nothing hides
        if trace.get("name") and _is_new(figure, trace["name"]):
            blank = {**trace, "x": [None], "y": [None], "showlegend": True, "legendgroup": trace["name"]}
            own = blank.pop("panel", panel)
            figure.add_trace(blank, **place(figure, own))
    first = len(figure.data)
    for j, k, t in layers:
        trace = {
            **drawn[begun[0], j, k][t],
            "showlegend": False,
            "legendgroup": drawn[0, j, k][t].get("name"),
            "visible": j == at_second,
            "opacity": _opacity(drawn, j, k, t, at_third),
            "hoverinfo": _hover(drawn, j, k, t, at_third),
        }
        own = trace.pop("panel", panel)
        figure.add_trace(trace, **place(figure, own))
    traces = list(range(first, len(figure.data)))
    held = {
        (i, key): [_plain(_at(drawn[i, j, k][t], key)) for j, k, t in layers]
        for i, key in product(range(len(values[0])), ("x", "y", "z", "text", "error_y.array"))
    }
    moving = {key for i, key in held if held[i, key] != held[0, key]}
    changes: list[Callable[[int], dict[str, Any]]] = [
        lambda i: {key: held[i, key] for key in sorted(moving)},
        lambda i: {"visible": [j == i for j, _, _ in layers]},
        lambda i: {
            "opacity": [_opacity(drawn, j, k, t, i) for j, k, t in layers],
            "hoverinfo": [_hover(drawn, j, k, t, i) for j, k, t in layers],
        },
    ]
    inside = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    already = list(figure.layout.sliders)
    gap = 0.03
    each = (width - gap * others) / len(values)
    for number, ((words, choice), change) in enumerate(zip(sliders.items(), changes, strict=False)):
        steps = [
            dict(method="restyle", label=_label(value), args=[change(i), traces])
            for i, value in enumerate(choice)
        ]
        already.append(
            dict(
                active=begun[number],
                currentvalue=dict(prefix=f"{words} ", font=dict(color=TEXT, size=13)),
                font=dict(color=TEXT, size=11),
                steps=steps,
                x=left + number * (each + gap),
                len=each,
                y=-UNDER / inside,
                yanchor="top",
                pad=dict(t=0, b=0),
                bgcolor="rgba(128,128,128,0.35)",
                activebgcolor=COLOURS[0],
                bordercolor=TEXT,
                tickcolor=TEXT,
            )
        )
    bottom = UNDER + SLIDER
    figure.update_layout(sliders=already, height=inside + figure.layout.margin.t + bottom, margin_b=bottom)


def _label(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _opacity(drawn: Mapping[tuple[int, int, int], Any], j: int, k: int, t: int, shown: int) -> float:
    return drawn[0, j, k][t].get("opacity", 1.0) if k == shown else 0.0


def _hover(drawn: Mapping[tuple[int, int, int], Any], j: int, k: int, t: int, shown: int) -> str:
    return str(drawn[0, j, k][t].get("hoverinfo", "all")) if k == shown else "skip"


def _at(trace: Any, key: str) -> Any:
    """What a trace has under a key of plotly's restyle, None where there is nothing."""
    for part in key.split("."):
        trace = (trace or {}).get(part)
    return trace


def _plain(values: Any) -> Any:
    """As plotly gets it, rounded: sliders hold all they show, so short numbers count."""
    if values is None or isinstance(values, str):
        return values
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return list(array.tolist())
    if array.ndim > 1:
        return [_plain(row) for row in array]
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in array]


def _is_new(figure: Figure, name: str) -> bool:
    return not any(trace.name == name for trace in figure.data)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"

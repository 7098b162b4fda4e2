"""Each view as a small static picture, for outputs where no widget runs: code review pages, nbconvert."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from clsviz import boundary, calibration
from clsviz.errors import ClsvizError
from clsviz.losses import loss_profile
from clsviz.widgets.drawing import (
    BAR,
    CIVIDIS,
    GAP,
    GRID,
    INK,
    WORDS,
    Axes,
    Box,
    Page,
    class_colour,
    rgb,
    shades,
)
from clsviz.widgets.loss_job import why_no_curve
from clsviz.widgets.ood_job import roc_curve
from clsviz.widgets.sources import validation_logits
from clsviz.widgets.staging import MORE

SIZE = (560, 360)  # of one view
PANEL = (300, 270)  # of one view of the lab
COLUMNS = 4  # of these
HEAD = 34  # above the lab's panels
MOST_SAMPLES = 20_000  # drawn or counted; the picture says so where there are more
FOR, AGAINST = "#0072b2", "#e69f00"  # a class; as js/src/views/explanation/picture.ts
MOST_RANGES = 200  # samples whose viable range is drawn
FIELD = 40  # points per axis of a boundary's field
MOST_NUMBERED = 14  # classes whose confusions are written as numbers
BACKGROUND = 0.3  # strength of a class's colour at the boundary, 1 is full

LOG = logging.getLogger("clsviz")


def picture(widget: Any) -> bytes:
    """The widget as it stands, as a PNG of 10 to 60 kB. What cannot be drawn is said in its place."""
    if widget.bundle != "lab":
        page = Page(*SIZE)
        _panel(page, (0, 0, *SIZE), widget.bundle, widget)
        return page.png()
    names = [name for name in DRAW if name not in MORE or name in widget.more]
    width, height = PANEL
    page = Page(COLUMNS * width, HEAD + -(-len(names) // COLUMNS) * height)
    page.fitted(12, 10, repr(widget).strip("<>"), COLUMNS * width - 24, 14, INK)
    for i, name in enumerate(names):
        left, top = i % COLUMNS * width, HEAD + i // COLUMNS * height
        _panel(page, (left, top, left + width, top + height), name, getattr(widget.views, name))
    return page.png()


def _panel(page: Page, box: Box, name: str, view: Any) -> None:
    title, draw = DRAW[name]
    left, top, right, bottom = box
    inner = (left + 12, top + 34, right - 12, bottom - 8)
    try:
        said = draw(page, inner, view)
    except ClsvizError as error:
        said = ""
        page.paragraph(inner, str(error))
    except Exception:  # a picture beside the output must never cost the output
        LOG.exception("no picture of %s", name)
        said = ""
        page.paragraph(inner, "This view has no static picture.")
    page.fitted(left + 12, top + 6, f"{title}: {said}" if said else title, right - left - 24, 12, INK)


def _draw_reliability(page: Page, box: Box, view: Any) -> str:
    logits, labels = (a[:MOST_SAMPLES] for a in validation_logits(view.source, view.step))
    bins: dict[str, Any] = {"n_bins": view.n_bins, "scheme": view.scheme, "mode": view.mode}
    if view.mode == "per_class":
        bins["target_class"] = view.target_class
    scaled = logits / view.temperature
    d = calibration.reliability_diagram(scaled, labels, kind="logits", **bins)
    ece = calibration.ece(scaled, labels, kind="logits", **bins)
    left, top, right, bottom = box
    strip = 22
    axes = Axes(page, (left + 26, top + 8, right, bottom - 36 - strip), (0, 1), (0, 1))
    axes.frame("", "accuracy")
    page.text((left + right) / 2, bottom - 16, "confidence", anchor="ma")
    counts = Axes(
        page, (left + 26, bottom - 18 - strip, right, bottom - 18), (0, 1), (0, max(d.counts.max(), 1))
    )
    edges = _middles(d.confidence) if d.edges is None else d.edges
    for lo, hi, n, confidence, accuracy in zip(
        edges[:-1], edges[1:], d.counts, d.confidence, d.accuracy, strict=True
    ):
        if n:
            axes.bar(lo, hi, 0, accuracy, BAR)
            axes.bar(lo, hi, accuracy, confidence, _mixed(GAP, 0.45))
            counts.bar(lo, hi, 0, n, GRID)
            axes.line([lo, hi], [accuracy, accuracy], INK, 2)
    axes.line([0, 1], [0, 1], WORDS)
    return f"ECE {ece:.4f} at T = {view.temperature:.2f}, {len(labels)} samples"


def _draw_boundary(page: Page, box: Box, view: Any) -> str:
    r, data, source = view.result, view.source.dataset, view.source
    rows = data.validation[:MOST_SAMPLES]
    X, y = data.X[rows].astype(np.float64), data.y[rows]
    names = data.class_names
    if data.n_features == 2:
        origin, u, v = np.zeros(2), *np.eye(2)
        xlabel, ylabel = (*data.feature_names, "x", "y")[:2]
    else:
        own = np.isin(y, r.pair)
        X, y = X[own], y[own]
        basis = boundary.tilting_basis(r.w, X, (y == r.pair[1]).astype(np.int64))
        u, v = basis.z, basis.n
        centre = X.mean(0)
        origin = centre - (centre @ u) * u - (centre @ v) * v
        xlabel, ylabel = "along the class centroids", "across"
    across, up = (X - origin) @ u, (X - origin) @ v
    left, top, right, bottom = box
    axes = Axes(page, (left + 26, top + 8, right, bottom - 32), _span(across), _span(up))
    grid = np.stack(np.meshgrid(np.linspace(*axes.xlim, FIELD), np.linspace(*axes.ylim, FIELD)[::-1]), -1)
    points = origin + grid.reshape(-1, 2) @ np.stack([u, v])
    probs = calibration.apply_temperature(
        source.predict(points.astype(np.float32), view.step), view.temperature
    )
    hues = np.stack([rgb(class_colour(k)) for k in range(probs.shape[1])])
    strength = BACKGROUND * np.maximum(probs.max(1, keepdims=True) * 2 - 1, 0.15)
    field = 255 + (hues[probs.argmax(1)] - 255) * strength
    page.pixels(axes.box, field.reshape(FIELD, FIELD, 3).astype(np.uint8), smooth=True)
    axes.frame(xlabel, ylabel)
    shown = np.linspace(0, len(X) - 1, min(len(X), 400)).astype(int)
    for i in shown:
        page.mark(*axes.at(across[i], up[i]), int(y[i]))
    if data.n_features > 2:
        wz, wn = r.w @ u, r.w @ v
        ends = np.array(axes.ylim)
        if abs(wz) > 1e-9:
            axes.line(-(r.b + r.w @ origin + wn * ends) / wz, ends, INK, 2)
    a, b = (names[k] for k in r.pair)
    return f"{a} and {b}, angle {r.angle:.1f}°, adversarial strength {r.strength:.2f}"


def _draw_landscape(page: Page, box: Box, view: Any) -> str:
    r = view.session.landscape_now(view.score, view.temperature)
    if r is None:
        page.paragraph(box, "The loss landscape is computed while training rests.")
        return ""
    left, top, right, bottom = box
    side = min(right - left - 120, bottom - top - 40)
    axes = Axes(
        page, (left + 30, top + 8, left + 30 + side, top + 8 + side), (r.xs[0], r.xs[-1]), (r.ys[0], r.ys[-1])
    )
    level = np.log(np.maximum(r.loss - min(0.0, np.nanmin(r.loss)), 1e-6))
    low, high = float(np.nanmin(level)), float(np.nanmax(level))
    page.pixels(axes.box, shades((level - low) / max(high - low, 1e-9), CIVIDIS)[::-1], smooth=True)
    axes.frame("direction 1", "direction 2")
    if len(r.path):
        axes.line(r.path[:, 0], r.path[:, 1], "#ffffff", 2)
    page.ring(*axes.at(0, 0), 5)
    x = left + side + 46
    scale = np.linspace(1, 0, 64)[:, None]
    page.pixels((x, top + 8, x + 12, top + 8 + side), shades(scale, CIVIDIS))
    for share in (0.0, 0.5, 1.0):
        value = np.exp(low + share * (high - low)) + min(0.0, float(np.nanmin(r.loss)))
        page.text(x + 16, top + 8 + side * (1 - share), f"{value:.3g}", 10, anchor="lm")
    page.text(x, top + 4, "loss", anchor="lb")
    return f"{r.score} at T = {r.temperature:.2f}"


def _draw_loss(page: Page, box: Box, view: Any) -> str:
    r = view.result
    left, top, right, bottom = box
    value = None if r.terms is None or np.isnan(r.terms.value).all() else r.terms.value
    seen = [v for v in (None if r.profile is None else r.profile.value, value) if v is not None]
    if not seen:
        page.paragraph(box, r.why)
        return str(r.summary())
    highest = max(0.1, float(np.nanquantile(np.concatenate(seen), 0.98)))
    lowest = min(0.0, min(float(np.nanmin(v)) for v in seen))
    axes = Axes(page, (left + 30, top + 8, right, bottom - 32), (0, 1), (lowest, highest))
    axes.frame("p of the label", "loss")
    if r.against is not None and r.against != r.loss and not why_no_curve(r.against.name):
        over = loss_profile(r.against.name, r.against.params, n_classes=view.source.dataset.n_classes)
        axes.line(over.p_y, over.value, BAR)
    if r.profile is not None:
        axes.line(r.profile.p_y, r.profile.value, INK, 2)
    if value is not None:
        for group, colour in enumerate((BAR, INK, GAP)):
            own = np.flatnonzero((r.groups == group) & np.isfinite(value))
            for i in own[np.linspace(0, len(own) - 1, min(len(own), 300)).astype(int)]:
                x, y = axes.at(r.p_y[i], np.clip(value[i], lowest, highest))
                page.box((x - 1.5, y - 1.5, x + 1.5, y + 1.5), colour)
    return str(r.summary())


def _draw_prototypes(page: Page, box: Box, view: Any) -> str:
    items, data = view.result.items, view.source.dataset
    left, top, right, bottom = box
    if data.image_shape is None:
        rows = np.stack([i.latent.numpy() for i in items]).astype(float)
        largest = max(float(np.abs(rows).max()), 1e-9)
        name_width = 70
        field = (left + name_width, top, right, bottom - 22)
        page.pixels(field, shades(rows / largest / 2 + 0.5, ("#b35806", "#f7f7f7", "#4a5a6b")))
        height = (field[3] - field[1]) / len(items)
        for m, item in enumerate(items):
            if height > 9 or m % 2 == 0:
                name = data.class_names[item.class_index]
                page.fitted(left, top + height * (m + 0.5) - 6, name, name_width - 6, 10)
        page.text((field[0] + right) / 2, bottom - 18, "feature (orange below 0, grey above)", anchor="ma")
        return f"{len(items)}"
    sizes = {
        n: min((right - left) / n, (bottom - top) / -(-len(items) // n)) for n in range(1, len(items) + 1)
    }
    columns = max(sizes, key=lambda n: sizes[n])
    cell = sizes[columns]
    for m, item in enumerate(items):
        x, y = left + m % columns * cell, top + m // columns * cell
        image = item.latent.numpy().reshape(data.image_shape).astype(float)
        low, high = image.min(), image.max()
        ink = shades((image - low) / max(high - low, 1e-9), ("#ffffff", INK))
        page.fitted(x + 2, y, data.class_names[item.class_index], cell - 4, 10)
        page.pixels((x + 2, y + 14, x + cell - 2, y + cell - 4), ink)
        page.box((x + 2, y + 14, x + cell - 2, y + cell - 4), outline=GRID)
    return f"{len(items)} of {data.n_classes} classes"


def _draw_confusion(page: Page, box: Box, view: Any) -> str:
    r = view.result
    k = len(r.class_names)
    left, top, right, bottom = box
    side = min(right - left - 44, bottom - top - 36)
    x0, y0 = left + 44, top + 18
    cell = side / k
    shares = r.counts / np.maximum(r.counts.sum(1, keepdims=True), 1)
    page.pixels((x0, y0, x0 + side, y0 + side), shades(np.sqrt(shares), ("#ffffff", "#3a4048")))
    page.box((x0, y0, x0 + side, y0 + side), outline=GRID)
    size = max(7.0, min(11.0, cell * 0.45))
    for i in range(k) if k <= MOST_NUMBERED else ():
        page.text(x0 - 5, y0 + (i + 0.5) * cell, _short(r.class_names[i], 6), size, anchor="rm")
        page.text(
            x0 + (i + 0.5) * cell, y0 + side + 3, _short(r.class_names[i], int(cell / 5)), size, anchor="ma"
        )
        for j in range(k):
            colour = "#ffffff" if shares[i, j] > 0.2 else INK
            if r.counts[i, j]:
                page.text(
                    x0 + (j + 0.5) * cell, y0 + (i + 0.5) * cell, str(r.counts[i, j]), size, colour, "mm"
                )
    page.text(x0, y0 - 4, "true class (rows), called (columns)", 10, anchor="lb")
    return f"accuracy {r.accuracy:.4f}"


def _draw_inspector(page: Page, box: Box, view: Any) -> str:
    r, data = view.result, view.source.dataset
    names = data.class_names
    left, top, right, bottom = box
    image = 0.0
    if data.image_shape is not None:
        image = min(110.0, (right - left) * 0.36, bottom - top)
        pixels = data.X[r.index].reshape(data.image_shape).astype(float)
        low, high = pixels.min(), pixels.max()
        ink = shades((pixels - low) / max(high - low, 1e-9), ("#ffffff", INK))
        page.pixels((left, top, left + image, top + image), ink)
        page.box((left, top, left + image, top + image), outline=GRID)
    shown = np.argsort(-r.probs, kind="stable")[:10]
    height = min(20.0, (bottom - top) / len(shown))
    x = left + image + (14 if image else 0)
    name_width = 64
    for line, k in enumerate(shown):
        y = top + line * height
        page.fitted(x, y + height / 2 - 7, names[k], name_width - 6, 10, INK if k == r.label else WORDS)
        length = (right - 40 - x - name_width) * float(r.probs[k])
        page.box(
            (x + name_width, y + 2, x + name_width + max(length, 0.5), y + height - 3),
            INK if k == r.label else GAP,
        )
        page.text(x + name_width + length + 4, y + height / 2, f"{r.probs[k]:.3f}", 10, anchor="lm")
    return f"sample {r.index}, class {names[r.label]}, called {names[r.guess]}"


def _draw_multiplicity(page: Page, box: Box, view: Any) -> str:
    r = view.result
    left, top, right, bottom = box
    shown = np.argsort(r.probs, kind="stable")
    shown = shown[np.linspace(0, len(shown) - 1, min(len(shown), MOST_RANGES)).astype(int)]
    axes = Axes(page, (left + 26, top + 8, right, bottom - 32), (0, len(shown)), (0, 1))
    axes.frame("validation samples, by the baseline's p", "p", numbers=True)
    for i, place in enumerate(shown):
        low, high = r.viable[place]
        own = float(r.probs[place])
        axes.bar(i + 0.2, i + 0.8, float(low), float(high), BAR)
        axes.line([i, i + 1], [own, own], INK, 2)
    return str(view.summary())


def _draw_ood(page: Page, box: Box, view: Any) -> str:
    r = view.result
    left, top, right, bottom = box
    middle = left + 0.58 * (right - left)
    low, high = np.quantile(np.concatenate([r.scores_id, r.scores_ood]), [0.01, 0.99])
    low, high = min(low, r.metrics.threshold), max(high, r.metrics.threshold, low + 1e-9)
    edges = np.linspace(low, high, 26)
    shares = [np.histogram(np.clip(s, low, high), edges)[0] / len(s) for s in (r.scores_id, r.scores_ood)]
    axes = Axes(page, (left + 30, top + 8, middle, bottom - 32), (low, high), (0, max(map(np.max, shares))))
    for a, b, inside, outside in zip(edges[:-1], edges[1:], *shares, strict=True):
        axes.bar(a, b, 0, inside, BAR)
        axes.line([a, a, b, b], [0, outside, outside, 0], GAP, 2)
    axes.line([r.metrics.threshold] * 2, axes.ylim, INK, 2)
    axes.frame("score", "share of samples")
    fpr, tpr = roc_curve(r.scores_id, r.scores_ood)
    side = min(right - middle - 40, bottom - top - 40)
    roc = Axes(page, (middle + 40, top + 8, middle + 40 + side, top + 8 + side), (0, 1), (0, 1))
    roc.frame("OOD kept", "ID kept")
    roc.line(fpr, tpr, INK, 2)
    page.ring(*roc.at(r.metrics.fpr, float(np.mean(r.scores_id >= r.metrics.threshold))), 5)
    return str(r.summary())


def _draw_temperatures(page: Page, box: Box, view: Any) -> str:
    r = view.result
    left, top, right, bottom = box
    level = np.log10(r.temperature)
    low, high = _span(np.append(level, np.log10(r.fitted)))
    edges = np.linspace(low, high, 26)
    counts = [np.histogram(level[r.groups == group], edges)[0] for group in range(3)]
    axes = Axes(page, (left + 30, top + 8, right, bottom - 32), (low, high), (0, max(1, np.max(sum(counts)))))
    for i in range(25):
        a, b = edges[i], edges[i + 1]
        foot = 0
        for count, colour in zip(counts, (BAR, GAP, INK), strict=True):
            axes.bar(a, b, foot, foot + count[i], colour)
            foot += count[i]
    axes.line([np.log10(r.fitted)] * 2, axes.ylim, INK, 2)
    axes.frame("log10 of the sample's temperature", "samples")
    return str(r.summary())


def _draw_robustness(page: Page, box: Box, view: Any) -> str:
    r = view.result
    left, top, right, bottom = box
    middle = right if r.radii is None else left + 0.52 * (right - left)
    known = r.margins[np.isfinite(r.margins)]
    low, high = np.quantile(known, [0.01, 0.99]) if len(known) else (0.0, 1.0)
    low, high = min(low, r.threshold), max(high, r.threshold, low + 1e-9)
    edges = np.linspace(low, high, 26)
    counts = [np.histogram(np.clip(r.margins[own], low, high), edges)[0] for own in (r.correct, ~r.correct)]
    axes = Axes(page, (left + 30, top + 8, middle, bottom - 32), (low, high), (0, np.max(sum(counts))))
    for a, b, good, bad in zip(edges[:-1], edges[1:], *counts, strict=True):
        axes.bar(a, b, 0, good, BAR)
        axes.bar(a, b, good, good + bad, GAP)
    axes.line([r.threshold] * 2, axes.ylim, INK, 2)
    axes.frame("margin", "samples")
    if r.radii is not None:
        curves = Axes(page, (middle + 40, top + 8, right, bottom - 32), (0, r.radii[-1]), (0, 1))
        curves.frame("radius", "accuracy")
        curves.line(r.radii, r.fgsm, GAP, 2)
        curves.line(r.radii, r.curve, INK, 2)
        page.ring(*curves.at(min(r.radius, r.radii[-1]), r.accuracy), 5)
    return str(r.summary())


def _draw_explanation(page: Page, box: Box, view: Any) -> str:
    r, data = view.result, view.source.dataset
    left, top, right, bottom = box
    middle = left + 0.42 * (right - left)
    most = float(np.abs(r.attribution).max()) or 1.0
    if data.image_shape is not None:
        side = min(middle - left, bottom - top - 16)
        pixels = r.attribution.reshape(data.image_shape)
        tones = shades((pixels / most + 1) / 2, (AGAINST, "#ffffff", FOR))
        page.pixels((left, top, left + side, top + side), tones)
        page.box((left, top, left + side, top + side), outline=GRID)
    else:
        shown = np.argsort(-np.abs(r.attribution), kind="stable")[:10]
        height, zero = min(20.0, (bottom - top) / len(shown)), (left + 90 + middle) / 2
        for line, i in enumerate(shown):
            y, end = top + line * height, zero + (middle - zero) * float(r.attribution[i]) / most
            page.fitted(left, y + height / 2 - 7, data.feature_names[i], 86, 10, WORDS)
            colour = FOR if r.attribution[i] > 0 else AGAINST
            page.box((min(zero, end), y + 2, max(zero, end) + 0.5, y + height - 3), colour)
    curves = Axes(page, (middle + 46, top + 8, right, bottom - 32), (0, 1), (0, 1))
    curves.frame("share of features changed", "probability")
    share = np.linspace(0, 1, len(r.attribution) + 1)
    for found, colour, width in [
        (r.random_deletion, GAP, 1),
        (r.random_insertion, INK, 1),
        (r.deletion, GAP, 2),
        (r.insertion, INK, 2),
    ]:
        curves.line(share, found.curve, colour, width)
    return str(r.summary())


def _draw_tilt(page: Page, box: Box, view: Any) -> str:
    r = view.result
    left, top, right, bottom = box
    most = max(0.02, float(np.nanmax([*r.errors, *r.theory, r.error])))
    axes = Axes(page, (left + 30, top + 8, right, bottom - 32), (r.degrees[0], r.degrees[-1]), (0, most))
    axes.frame("angle off the centroid direction", "error")
    axes.line(r.degrees, r.errors, GAP, 2)
    axes.line(r.degrees, r.theory, INK, 2)
    page.ring(*axes.at(min(r.angle, r.degrees[-1]), r.error), 5)
    return str(r.summary())


DRAW = {
    "reliability": ("Reliability", _draw_reliability),
    "boundary": ("Boundary", _draw_boundary),
    "landscape": ("Loss landscape", _draw_landscape),
    "loss": ("Loss", _draw_loss),
    "prototypes": ("Prototypes", _draw_prototypes),
    "confusion": ("Confusion", _draw_confusion),
    "inspector": ("Sample", _draw_inspector),
    "multiplicity": ("Multiplicity", _draw_multiplicity),
    "ood": ("In or out", _draw_ood),
    "temperatures": ("Temperatures", _draw_temperatures),
    "robustness": ("Margins and attacks", _draw_robustness),
    "explanation": ("Explain one sample", _draw_explanation),
    "tilt": ("Tilt", _draw_tilt),
}


def _middles(centres: np.ndarray) -> np.ndarray:
    """(B + 1,) edges half-way between (B,) ascending centres; NaN counts as its left neighbour."""
    known = np.maximum.accumulate(np.nan_to_num(centres))
    return np.concatenate([[0.0], (known[:-1] + known[1:]) / 2, [1.0]])


def _span(values: np.ndarray) -> tuple[float, float]:
    """Limits of an axis with a margin."""
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _short(name: str, most: int) -> str:
    return name if len(name) <= max(most, 2) else name[: max(most - 1, 1)] + "…"


def _mixed(colour: str, strength: float) -> str:
    """The colour on white at a strength."""
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in rgb(colour))

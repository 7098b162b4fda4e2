"""A page to draw small labelled pictures on, for outputs where no widget runs.

Pillow, not matplotlib: it loads in a tenth of a second, keeps no font cache and no global figure, and may
be used from any thread. So the picture of a cell's output costs less than its first training step.
"""

from __future__ import annotations

import io
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, WORDS, BACK, LINE, GRID = "#1f2328", "#57606a", "#ffffff", "#d3d8de", "#e9ecef"
BAR, GAP = "#8592a0", "#a8467e"
CLASSES = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9"),
    *("#d55e00", "#f0e442", "#8c6bb1", "#999999", "#7f3b08"),
)  # as js/src/draw/theme.ts
CIVIDIS = ("#00224e", "#2a3f6d", "#575c6d", "#7d7c78", "#a59c74", "#d2c060", "#fee838")
FINE = 2  # drawn this much larger and then scaled down: smooth lines
MOST_COLOURS = 128  # in the file: few colours make it small
SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")

Box = tuple[float, float, float, float]  # left, top, right, bottom
Limits = tuple[float, float]


def class_colour(k: int) -> str:
    return CLASSES[k % len(CLASSES)]


def rgb(colour: str) -> np.ndarray:
    """(3,) float, 0 to 255."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)


def shades(values: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """Values in 0 to 1 as (..., 3) uint8 along a scale of colours; NaN is light grey."""
    stops = np.stack([rgb(c) for c in colours])
    at = np.clip(np.nan_to_num(values), 0, 1) * (len(stops) - 1)
    where = np.arange(len(stops))
    out = np.stack([np.interp(at, where, stops[:, c]) for c in range(3)], axis=-1)
    return np.where(np.isnan(values)[..., None], rgb(LINE), out).astype(np.uint8)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between low and high."""
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return []
    raw = span / most
    unit = 10 ** np.floor(np.log10(raw))
    step = unit * next(m for m in (1, 2, 5, 10) if m * unit >= raw)
    return [float(v) + 0.0 for v in np.arange(np.ceil(low / step), high / step + 1e-6) * step]


class Page:
    """A white page; lengths in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.image = Image.new("RGB", (width * FINE, height * FINE), BACK)
        self.draw = ImageDraw.Draw(self.image)

    def text(
        self, x: float, y: float, text: str, size: float = 11, colour: str = WORDS, anchor: str = "la"
    ) -> None:
        """One line; `anchor` as in Pillow: "la" hangs from its left top corner, "mm" is centred."""
        self.draw.text((x * FINE, y * FINE), legible(text), colour, _font(text, size * FINE), anchor)

    def paragraph(self, box: Box, text: str, size: float = 12, colour: str = WORDS) -> None:
        """Text that is broken to the box's width."""
        lines = textwrap.wrap(text, max(12, int((box[2] - box[0]) / (size * 0.52))))
        for i, line in enumerate(lines):
            y = box[1] + i * size * 1.4
            if y + size < box[3]:
                self.text(box[0], y, line, size, colour)

    def fitted(
        self, x: float, y: float, text: str, width: float, size: float = 11, colour: str = WORDS
    ) -> None:
        """One line, shortened to the width."""
        font = _font(text, size * FINE)
        while len(text) > 2 and font.getlength(legible(text)) > width * FINE:
            text = text.rstrip("…")[:-2] + "…"
        self.text(x, y, text, size, colour)

    def lines(self, points: Iterable[tuple[float, float]], colour: str = INK, width: float = 1) -> None:
        self.draw.line([(x * FINE, y * FINE) for x, y in points], colour, round(width * FINE))

    def box(self, box: Box, fill: str | None = None, outline: str | None = None) -> None:
        left, right = sorted((box[0], box[2]))
        top, bottom = sorted((box[1], box[3]))
        self.draw.rectangle([v * FINE for v in (left, top, right, bottom)], fill, outline, FINE)

    def mark(self, x: float, y: float, k: int, radius: float = 2.5, hollow: bool = False) -> None:
        """The mark of class k: a disc, or a square for every second class."""
        shape = [v * FINE for v in (x - radius, y - radius, x + radius, y + radius)]
        fill = None if hollow else class_colour(k)
        put = self.draw.rectangle if k % 2 else self.draw.ellipse
        put(shape, fill, class_colour(k) if hollow else INK, FINE if hollow else 1)

    def ring(self, x: float, y: float, radius: float) -> None:
        """ "You are here": white round ink, seen on any ground."""
        for r, colour in ((radius + 1, INK), (radius, "#ffffff"), (radius - 2, INK)):
            self.draw.ellipse([v * FINE for v in (x - r, y - r, x + r, y + r)], colour)

    def pixels(self, box: Box, colours: np.ndarray, smooth: bool = False) -> None:
        """An (h, w, 3) uint8 picture, stretched over the box; its first row is the top one."""
        left, top, right, bottom = (round(v * FINE) for v in box)
        kind = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
        size = (max(1, right - left), max(1, bottom - top))
        self.image.paste(Image.fromarray(colours).resize(size, kind), (left, top))

    def png(self) -> bytes:
        small = self.image.resize(self.size, Image.Resampling.BOX)
        few = small.quantize(MOST_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        out = io.BytesIO()
        few.save(out, "PNG", optimize=True)
        return out.getvalue()


class Axes:
    """A frame with two scales on a page."""

    def __init__(self, page: Page, box: Box, xlim: Limits, ylim: Limits, upwards: bool = True) -> None:
        self.page, self.box, self.xlim, self.upwards = page, box, xlim, upwards
        self.ylim = ylim

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place on the page."""
        left, top, right, bottom = self.box
        across = (x - self.xlim[0]) / (self.xlim[1] - self.xlim[0])
        up = (y - self.ylim[0]) / (self.ylim[1] - self.ylim[0])
        return left + across * (right - left), (bottom - up * (bottom - top)) if self.upwards else (
            top + up * (bottom - top)
        )

    def frame(self, xlabel: str, ylabel: str, *, numbers: bool = True) -> None:
        left, top, right, bottom = self.box
        self.page.box(self.box, outline=LINE)
        if numbers:
            for x in ticks(*self.xlim):
                place, _ = self.at(x, self.ylim[0])
                self.page.text(place, bottom + 3, f"{x:.3g}", 10, anchor="ma")
            for y in ticks(*self.ylim):
                _, place = self.at(self.xlim[0], y)
                self.page.text(left - 4, place, f"{y:.3g}", 10, anchor="rm")
        self.page.text((left + right) / 2, bottom + (17 if numbers else 4), xlabel, 11, anchor="ma")
        self.page.text(left, top - 4, ylabel, 11, anchor="lb")

    def line(self, xs: Iterable[float], ys: Iterable[float], colour: str = INK, width: float = 1) -> None:
        """Inside the frame only."""
        points = [self.at(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        for a, b in pairwise(points):
            if inside := clipped(a, b, self.box):
                self.page.lines(inside, colour, width)

    def bar(self, x0: float, x1: float, y0: float, y1: float, fill: str) -> None:
        self.page.box((*self.at(x0, y0), *self.at(x1, y1)), fill)


def clipped(
    a: tuple[float, float], b: tuple[float, float], box: Box
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of a segment inside the box, or None (Liang and Barsky)."""
    t0, t1 = 0.0, 1.0
    dx, dy = b[0] - a[0], b[1] - a[1]
    for p, q in ((-dx, a[0] - box[0]), (dx, box[2] - a[0]), (-dy, a[1] - box[1]), (dy, box[3] - a[1])):
        if p == 0:
            if q < 0:
                return None
        elif p < 0:
            t0 = max(t0, q / p)
        else:
            t1 = min(t1, q / p)
    if not t0 <= t1:
        return None
    return (a[0] + t0 * dx, a[1] + t0 * dy), (a[0] + t1 * dx, a[1] + t1 * dy)


@cache
def _own_font(size: float) -> Any:
    return ImageFont.load_default(size)


@cache
def _system_font(size: float) -> Any:
    for name in SYSTEM_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


def _font(text: str, size: float) -> Any:
    """Pillow's own font where it has the letters: it holds little more than ASCII."""
    wide = None if _covered(text) else _system_font(size)
    return wide or _own_font(size)


@lru_cache(4096)
def _covered(text: str) -> bool:
    font = _own_font(20)
    missing = bytes(font.getmask("\uffff"))
    return not any(ord(c) > 126 and bytes(font.getmask(c)) == missing for c in text)


def legible(text: str) -> str:
    """The text with its accents dropped where no font at hand has them."""
    if _covered(text) or _system_font(20) is not None:
        return text
    letters = unicodedata.normalize("NFKD", text.replace("…", ".."))
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    return plain.encode("ascii", "replace").decode()

"""A view as one HTML file: its bundle, its state, and the messages it would have got from the kernel."""

from __future__ import annotations

import base64
import gzip
import html
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.widgets.fan_thinning import FanThinning, evenly
from clsviz.widgets.wire import Packet

if TYPE_CHECKING:
    from clsviz.widgets.base import ClsvizWidget

MAX_BYTES = 3_000_000  # of the whole file
FEWEST_SNAPSHOTS = 2
TRIES = 4  # texts made to find the largest that fits
NEARLY = 0.99  # of the way to where the line between two lengths says: the next text then mostly fits

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; background: #fff; }}
main {{ max-width: 1260px; margin: 0 auto; padding: 8px; }}
footer {{ font: 12px/1.5 system-ui, sans-serif; color: #57606a; padding: 0 16px 16px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111315; }} footer {{ color: #a9b1bb; }} }}
@page {{ size: A4 landscape; margin: 8mm; }}
@media print {{
  main {{ max-width: none; padding: 0; }}
  .clsviz-slot, .clsviz-hero {{ break-inside: avoid; }}
}}
{css}
</style>
<main><div id="view"></div></main>
<footer>{footer}</footer>
<script type="text/plain" id="bundle">{bundle}</script>
<script type="text/plain" id="payload">{payload}</script>
<script type="module">
const text = (id) => document.getElementById(id).textContent;
const code = text("bundle").replaceAll("<\\\\/script", "<" + "/script");
const module = await import(URL.createObjectURL(new Blob([code], {{ type: "text/javascript" }})));
const view = document.getElementById("view");
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => view.classList.toggle("clsviz-dark", dark.matches);
dark.addEventListener("change", theme);
theme();
await module.default.show(view, text("payload"));
</script>
</html>
"""


def payload(state: dict[str, Any], packets: list[Packet]) -> str:
    """Base64 of gzip of [uint32 length][JSON][buffers]; js/src/widgets/host.ts reads it."""
    head = {
        "state": state,
        "packets": [{"header": p.header, "sizes": [b.nbytes for b in p.buffers]} for p in packets],
    }
    text = json.dumps(head).encode()
    numbers = b"".join(np.ascontiguousarray(b).tobytes() for p in packets for b in p.buffers)
    whole = len(text).to_bytes(4, "little") + text + numbers
    return base64.b64encode(gzip.compress(whole, mtime=0)).decode()


def page(widget: ClsvizWidget, bundle: Path, css: Path, title: str) -> str:
    """The file's text; thins snapshots and fan until it is at most MAX_BYTES."""
    if widget.session.source.state == "running":
        warnings.warn("training still runs: the file holds it as it stands now", stacklevel=3)
    all_snapshots = list(widget.session.source.timeline)
    fan = widget.session.fan
    # a closing tag inside the bundle would end its script element
    code = bundle.read_text(encoding="utf-8").replace("</script", "<\\/script")
    style = css.read_text(encoding="utf-8")

    def text(snapshots: int, fan_bytes: int) -> str:
        kept = list(evenly(all_snapshots, snapshots))
        footer = "Made with clsviz. Sliders work without a kernel."
        if len(kept) < len(all_snapshots):
            footer += f" {len(kept)} of {len(all_snapshots)} snapshots of the training are in this file."
        state, chosen = widget.state(), None
        if fan is not None:
            thinned = FanThinning.within(fan, state, fan_bytes)
            footer += thinned.words()
            state = thinned.renumbered(state)
            chosen = (list(thinned.steps), list(thinned.members))
        return PAGE.format(
            title=html.escape(title),
            css=style,
            footer=html.escape(footer),
            bundle=code,
            payload=payload(state, widget.session.record(kept, chosen)),
        )

    whole = 0
    if fan is not None:
        whole = min(MAX_BYTES, FanThinning.within(fan, widget.state(), MAX_BYTES).nbytes)
    if not whole:
        return _largest(lambda n: text(n, 0), FEWEST_SNAPSHOTS, len(all_snapshots), MAX_BYTES)[1]
    free = MAX_BYTES - len(text(FEWEST_SNAPSHOTS, 0))
    room = MAX_BYTES - min(whole, free // 2)  # the rest is the fan's, and what the run leaves
    count, _ = _largest(lambda n: text(n, 0), FEWEST_SNAPSHOTS, len(all_snapshots), room)
    return _largest(lambda n: text(count, n), 0, whole, MAX_BYTES)[1]


def _largest(text: Callable[[int], str], low: int, high: int, room: int) -> tuple[int, str]:
    """The greatest amount, about, whose text has at most `room` characters, and the text; else the least.

    A text's length grows nearly linearly with the amount.
    """
    found = text(high)
    if len(found) <= room or high <= low:
        return high, found
    above, found = len(found), text(low)
    for _ in range(TRIES):
        if high - low < 2 or len(found) > room:
            break
        share = (room - len(found)) / max(1, above - len(found))
        middle = min(high - 1, max(low + 1, low + int(NEARLY * share * (high - low))))
        longer = text(middle)
        if len(longer) <= room:
            low, found = middle, longer
        else:
            high, above = middle, len(longer)
    return low, found

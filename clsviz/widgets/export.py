"""A view as one HTML file: its bundle, its state, and the messages it would have got from the kernel."""

from __future__ import annotations

import base64
import gzip
import html
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clsviz.widgets.fan_thinning import FanThinning
from clsviz.widgets.wire import Packet

if TYPE_CHECKING:
    from clsviz.widgets.base import ClsvizWidget

MAX_BYTES = 3_000_000  # of the whole file
FEWEST_SNAPSHOTS = 2

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
    snapshots = list(widget.session.source.timeline)
    total = len(snapshots)
    fan = widget.session.fan
    share = MAX_BYTES // 2  # the rest is for the run, the data and the code
    thinned = FanThinning.within(fan, widget.state(), share) if fan is not None else None
    # a closing tag inside the bundle would end its script element
    code = bundle.read_text(encoding="utf-8").replace("</script", "<\\/script")
    while True:
        footer = "Made with clsviz. Sliders work without a kernel."
        if len(snapshots) < total:
            footer += f" {len(snapshots)} of {total} snapshots of the training are in this file."
        state = widget.state()
        if thinned is not None:
            footer += thinned.words()
            state = thinned.renumbered(state)
        chosen = (list(thinned.steps), list(thinned.members)) if thinned is not None else None
        text = PAGE.format(
            title=html.escape(title),
            css=css.read_text(encoding="utf-8"),
            footer=html.escape(footer),
            bundle=code,
            payload=payload(state, widget.session.record(snapshots, chosen)),
        )
        if len(text) <= MAX_BYTES:
            return text
        smaller = thinned.thinner() if thinned is not None else None
        if len(snapshots) > FEWEST_SNAPSHOTS:
            snapshots = [*snapshots[:-1:2], snapshots[-1]]
        elif smaller is None:
            return text
        thinned = smaller or thinned

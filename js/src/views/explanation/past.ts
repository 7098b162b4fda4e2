/** The same sample's attribution at other recorded moments of the network on screen. */

import { agreement, attribute } from "../../core/attribution";
import type { Earlier } from "../../core/explained";
import { InputGradient } from "../../core/gradient";
import type { Dataset, Session, Snapshot } from "../../core/session";
import type { Shown } from "../../core/shown";
import { line, ring, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, scaleOf } from "../loss/axes";
import { fitted } from "../loss/lettering";
import { type Asked, blankOf, inputOf, MOST_TOP } from "./numbers";

const MOST_MOMENTS = 40;
const BUDGET = 12; // ms of one frame
const CLOSE = 1e-9; // of epochs that are the same

export interface Past {
  moments: Earlier[]; // ascending; those that are reckoned, also of later epochs
  earlier: Earlier | null; // one epoch back
  complete: boolean; // false: more in the next frame
}

/** The last moment at least an epoch before; within the first epoch the first moment. As clsviz/widgets/explanation_job.py. */
export function earlierOf(all: readonly Snapshot[], now: Snapshot): Snapshot | null {
  const before = all.filter((s) => s.step < now.step);
  return before.filter((s) => s.epoch <= now.epoch - 1 + CLOSE).at(-1) ?? before[0] ?? null;
}

const kept = new WeakMap<Float32Array, { key: string; values: Float64Array }>(); // by weights

/** The agreement of these values with the attribution of each moment; what takes long is left for the next call. */
export function pastOf(
  session: Session,
  at: Shown,
  data: Dataset,
  { sample, method, target, baseline }: Asked,
  values: ArrayLike<number>,
): Past | null {
  const { network } = session;
  const recorded = session.of(at.member);
  const all = recorded.filter((s) => s.theta !== null);
  if (!network || all.length < 2) return null;
  const before = earlierOf(recorded, at.snapshot);
  const key = JSON.stringify([sample, method, target, baseline]);
  const until = performance.now() + BUDGET;
  let complete = true;
  const momentOf = (snapshot: Snapshot): Earlier | null => {
    const theta = snapshot.theta!;
    let found = kept.get(theta);
    if (found?.key !== key) {
      if (snapshot !== before && performance.now() > until) {
        complete = false;
        return null;
      }
      const net = new InputGradient(network, theta);
      found = {
        key,
        values: attribute(net, method, inputOf(data, sample), target, blankOf(data, baseline)).values,
      };
      kept.set(theta, found);
    }
    return { epoch: snapshot.epoch, agreed: agreement(values, found.values, Math.min(MOST_TOP, data.d)) };
  };
  const earlier = before?.theta ? momentOf(before) : null; // else its weights are on their way
  const moments = spread(all, [before, at.snapshot])
    .map(momentOf)
    .filter((m) => m !== null);
  return { moments, earlier, complete };
}

/** At most `MOST_MOMENTS`, evenly over the epochs, and these. */
function spread(all: readonly Snapshot[], these: readonly (Snapshot | null)[]): Snapshot[] {
  if (all.length <= MOST_MOMENTS) return [...all];
  const [first, last] = [all[0]!.epoch, all.at(-1)!.epoch];
  const places = new Map<number, Snapshot>(); // by the place on the axis that they are nearest to
  for (const s of all) {
    const place = Math.round(((s.epoch - first) / (last - first || 1)) * (MOST_MOMENTS - 1));
    if (!places.has(place) || s === all.at(-1)) places.set(place, s);
  }
  const chosen = new Set<Snapshot | null>([...places.values(), ...these]);
  return all.filter((s) => chosen.has(s));
}

/** Agreement over the epochs: cosine and the top features in common; a ring where the words compare. */
export function drawPast(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: { past: Past; epoch: number; top: number },
): void {
  const s = scaleOf(g);
  const { moments, earlier } = p.past;
  const cosines = moments.filter((m) => m.agreed.cosine !== null);
  const least = Math.min(0, ...cosines.map((m) => m.agreed.cosine!));
  const at: Axes = {
    box: { x: 40 * s, y: 24 * s, w: Math.max(40, w - 40 * s - 12), h: Math.max(20, h - 56 * s) },
    xlim: [moments[0]?.epoch ?? 0, moments.at(-1)?.epoch || 1],
    ylim: [least < -0.02 ? Math.floor(4 * least) / 4 : 0, 1],
  };
  const { box } = at;
  drawFrame(g, c, at, { title: "", x: "epoch", yCount: 2 });
  const shared = moments.map((m) => [atX(at, m.epoch), atY(at, m.agreed.topk)] as const);
  line(g, shared, c.gap, 1.5, [4, 3]);
  line(
    g,
    cosines.map((m) => [atX(at, m.epoch), atY(at, m.agreed.cosine!)] as const),
    c.fg,
    2,
  );
  const now = atX(at, Math.min(at.xlim[1], Math.max(at.xlim[0], p.epoch)));
  line(
    g,
    [
      [now, box.y - 2],
      [now, box.y + box.h],
    ],
    c.accent,
    2,
  );
  if (earlier && earlier.agreed.cosine !== null)
    ring(g, atX(at, earlier.epoch), atY(at, earlier.agreed.cosine), c, 4.5);
  const narrow = w < 520 * s;
  const title = narrow ? "With each epoch:" : "This attribution and that of each epoch:";
  text(g, title, 0, 12 * s, { colour: c.fg, bold: true });
  let x = g.measureText(title).width + 12 * s;
  for (const [words, colour, dash] of [
    ["cosine", c.fg, []],
    [`${narrow ? "" : "share of the "}top ${p.top} in common`, c.gap, [4, 3]],
  ] as const) {
    line(
      g,
      [
        [x, 8 * s],
        [x + 18 * s, 8 * s],
      ],
      colour,
      2,
      [...dash],
    );
    const said = fitted(words, Math.max(10, w - x - 22 * s), g);
    text(g, said, x + 22 * s, 12 * s, { colour: c.fg });
    x += 40 * s + g.measureText(said).width;
  }
}

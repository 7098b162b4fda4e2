/** The samples on the boundary's picture: each a mark of its class, hollow where the network errs. */

import { mark } from "../../draw/canvas";
import { type Cloud, drawCloud, makeStamps, type Stamps } from "../../draw/cloud";
import { fontOf } from "../../draw/size";
import { type Colours, classColour } from "../../draw/theme";
import type { Scene, View } from "./scene";

type G = CanvasRenderingContext2D;

export const MARKS = 6; // classes with a shape of their own; with more of them the class name is the mark
const CROWD = 1500; // samples from which marks are small, and stamped
const THRONG = 20_000; // from which they are smaller still
const FAINT = 0.28; // what is not selected
/** Radius and outline in px. */
const SIZES = {
  few: { radius: 3.2, line: 1.5 },
  crowd: { radius: 2.2, line: 1.5 },
  throng: { radius: 1.5, line: 0.8 },
};
const LETTER = 8; // px that a class name takes at most, on every side

/** Shape and hue of each class: with more classes than shapes, a pair is circle and triangle, blue and orange. */
export function styleOf(scene: Scene, dark: boolean): (k: number) => { shape: number; hue: string } {
  const asPair = scene.restricted && scene.data.k > MARKS;
  return (k) => {
    const shape = asPair ? (k === scene.pair.a ? 0 : 1) : k;
    return { shape, hue: classColour(shape, dark) };
  };
}

/** How one sample looks. */
interface Look {
  k: number;
  right: boolean;
  faint: boolean; // others are selected
  chosen: boolean;
}

export function drawSamples(g: G, c: Colours, scene: Scene, view: View, selected: Uint8Array | null): void {
  const { data, rows, coords, right } = scene;
  const crowd = rows.length > CROWD;
  const size = rows.length > THRONG ? SIZES.throng : crowd ? SIZES.crowd : SIZES.few;
  const draw = artist(c, scene, size, fontOf(g.canvas).family);
  // the rest first, then the selected, so that they lie on top; wrong ones over right ones
  const looks: Look[] = [0, 1, 2, 3].flatMap((group) =>
    Array.from(data.classNames, (_, k) => ({
      k,
      right: group % 2 === 0,
      faint: group < 2,
      chosen: selected !== null && group > 1,
    })),
  );
  const groups = new Uint8Array(rows.length);
  for (let r = 0; r < rows.length; r++) groups[r] = (selected && !selected[rows[r]!] ? 0 : 2) + 1 - right[r]!;
  const order = byGroup(groups);
  if (!crowd) {
    for (const r of order) {
      const look = looks[groups[r]! * data.k + data.y[rows[r]!]!]!;
      draw(g, look, view.x(coords[2 * r]!), view.y(coords[2 * r + 1]!));
    }
    g.globalAlpha = 1;
    return;
  }
  const cloud: Cloud = {
    x: new Float32Array(order.length),
    y: new Float32Array(order.length),
    kind: new Uint16Array(order.length),
  };
  for (let i = 0; i < order.length; i++) {
    const r = order[i]!;
    cloud.x[i] = view.x(coords[2 * r]!);
    cloud.y[i] = view.y(coords[2 * r + 1]!);
    cloud.kind[i] = groups[r]! * data.k + data.y[rows[r]!]!;
  }
  const { a, b } = scene.pair;
  const key = [
    c.fg,
    c.bg,
    c.gap,
    c.dark,
    devicePixelRatio,
    data.k,
    scene.restricted && [a, b],
    fontOf(g.canvas).family,
  ];
  const stamps = stampsOf(key.join(), () =>
    makeStamps(
      looks.length,
      Math.max(LETTER * Number(lettered(scene)), 1.4 * (size.radius + 1) + size.line),
      (to, kind) => draw(to, looks[kind]!, 0, 0),
    ),
  );
  drawCloud(g, view.box, cloud, stamps);
}

/** Row numbers by group 0..3, in their order within each. */
function byGroup(groups: Uint8Array): Int32Array {
  const counts = new Int32Array(5);
  for (const group of groups) counts[group + 1]!++;
  for (let group = 0; group < 4; group++) counts[group + 1]! += counts[group]!;
  const order = new Int32Array(groups.length);
  for (let r = 0; r < groups.length; r++) order[counts[groups[r]!]!++] = r;
  return order;
}

let made: { key: string; stamps: Stamps } | null = null;

function stampsOf(key: string, make: () => Stamps): Stamps {
  if (made?.key !== key) made = { key, stamps: make() };
  return made.stamps;
}

/** The class name is the mark. */
const lettered = ({ data, restricted }: Scene): boolean =>
  data.k > MARKS && !restricted && data.classNames.every((name) => name.length <= 2);

/** Draws one sample. */
function artist(c: Colours, scene: Scene, size: (typeof SIZES)["few"], family: string) {
  const { data } = scene;
  const style = styleOf(scene, c.dark);
  const letters = lettered(scene);
  const edge = c.dark ? "#0b0c0d" : "#30363d";
  return (g: G, { k, right, faint, chosen }: Look, x: number, y: number) => {
    g.globalAlpha = faint ? FAINT : 1;
    const { shape, hue } = style(k);
    if (letters) {
      g.font = `9px ${family}`;
      g.textAlign = "center";
      g.textBaseline = "middle";
      drawLetter(g, c, data.classNames[k]!, x, y, right);
    } else {
      const radius = size.radius + Number(chosen);
      if (right) mark(g, shape, x, y, radius, hue, edge, 0.6 * size.line);
      else mark(g, shape, x, y, radius, c.bg, c.fg, size.line);
    }
  };
}

/** The class name as the mark; of a wrong sample in the error colour on a plate, that is "hollow". */
export function drawLetter(g: G, c: Colours, name: string, x: number, y: number, right: boolean): void {
  if (!right) {
    g.fillStyle = c.bg;
    g.beginPath();
    g.arc(x, y, 5.5, 0, 2 * Math.PI);
    g.fill();
    g.strokeStyle = c.gap;
    g.lineWidth = 1;
    g.stroke();
  }
  g.fillStyle = right ? c.fg : c.gap;
  g.fillText(name, x, y + 0.5);
}

/** Colours that carry meaning: told apart by colour-blind eyes, and seen against their ground. */

import { expect, it } from "vitest";
import css from "../src/draw/clsviz.css?raw";
import { classColour } from "../src/draw/theme";

type Rgb = [number, number, number];
const rgb = (hex: string): Rgb => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255) as Rgb;
const linear = (c: Rgb): Rgb =>
  c.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)) as Rgb;
const times = (m: number[][], v: Rgb): Rgb =>
  m.map((row) => row.reduce((s, a, i) => s + a * v[i]!, 0)) as Rgb;

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB. */
const EYES: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** OKLab (Ottosson 2020) of a colour as an eye sees it. */
function seen(hex: string, eye: string): Rgb {
  const c = times(EYES[eye]!, linear(rgb(hex))).map((v) => Math.min(1, Math.max(0, v))) as Rgb;
  const lms = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    c,
  ).map(Math.cbrt) as Rgb;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    lms,
  );
}
const distance = (a: string, b: string, eye: string) => {
  const [p, q] = [seen(a, eye), seen(b, eye)];
  return Math.hypot(...p.map((v, i) => v - q[i]!));
};
const luminance = (hex: string) => times([[0.2126, 0.7152, 0.0722]], linear(rgb(hex)))[0]!;
const contrast = (a: string, b: string) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number];
  return (x + 0.05) / (y + 0.05);
};

const APART = 0.04; // OKLab; 0.02 is just noticeable side by side, and a shape says the class too
const GROUNDS = { light: "#ffffff", dark: "#17191c" };

/** Fallback values of our tokens in clsviz.css: light first, then dark where it differs. */
function token(name: string, dark: boolean): string {
  const found = [...css.matchAll(new RegExp(`--clsviz-${name}:[^;]*?(#[0-9a-f]{6}|#[0-9a-f]{3})`, "g"))];
  const hex = (found[dark ? found.length - 1 : 0] ?? [])[1]!;
  return hex.length === 4 ? `#${[...hex.slice(1)].map((c) => c + c).join("")}` : hex;
}

for (const [theme, ground] of Object.entries(GROUNDS)) {
  const dark = theme === "dark";
  const hues = Array.from({ length: 10 }, (_, k) => classColour(k, dark));

  it(`the first six classes differ for every eye, ${theme}`, () => {
    for (const eye of Object.keys(EYES))
      for (let a = 0; a < 6; a++)
        for (let b = a + 1; b < 6; b++)
          expect(distance(hues[a]!, hues[b]!, eye), `${eye}: ${hues[a]} ${hues[b]}`).toBeGreaterThan(APART);
  });

  it(`classes of the same shape differ for every eye, ${theme}`, () => {
    for (const eye of Object.keys(EYES))
      for (let a = 0; a + 6 < hues.length; a++)
        expect(distance(hues[a]!, hues[a + 6]!, eye), `${eye}: ${hues[a]}`).toBeGreaterThan(APART);
  });

  it(`words, bars and errors stand out from their ground, ${theme}`, () => {
    expect(contrast(token("fg", dark), ground)).toBeGreaterThan(7);
    expect(contrast(token("fg2", dark), ground)).toBeGreaterThan(4.5);
    for (const name of ["accent", "bar", "gap"]) {
      expect(contrast(token(name, dark), ground), name).toBeGreaterThan(3);
    }
  });

  it(`errors and quantities differ for every eye, ${theme}`, () => {
    for (const eye of Object.keys(EYES))
      expect(distance(token("bar", dark), token("gap", dark), eye), eye).toBeGreaterThan(APART);
  });
}

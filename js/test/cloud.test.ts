import { expect, it, test } from "vitest";
import { Hits } from "../src/core/hits";
import { PARTS, placesOf, stampAll } from "../src/draw/cloud";
import { fillAll } from "../src/draw/triangles";

const dots = Float64Array.from({ length: 2000 }, (_, i) => 10 * Math.sin(i * i) * Math.sin(i));

test("the nearest point is the one that looking at all of them finds, within reach only", () => {
  const hits = new Hits(dots);
  const scale = [30, -12] as const; // px per unit
  let found = 0;
  for (let i = 0; i < 300; i++) {
    const [x, y] = [11 * Math.sin(7 * i), 11 * Math.cos(3 * i)];
    let [best, least]: [number | null, number] = [null, 12];
    for (let p = 0; p < dots.length / 2; p++) {
      const distance = Math.hypot((dots[2 * p]! - x) * scale[0], (dots[2 * p + 1]! - y) * scale[1]);
      if (distance <= least) [best, least] = [p, distance];
    }
    expect(hits.nearest(x, y, 12, scale)).toBe(best);
    found += Number(best !== null);
  }
  expect(found).toBeGreaterThan(20);
  expect(found).toBeLessThan(280);
});

test("points in one place, on one line and none at all are looked through as well", () => {
  expect(new Hits([1, 1, 1, 1, 1, 1]).nearest(1, 1.5, 1)).toBe(2); // ties: the one drawn last
  expect(new Hits([0, 5, 1, 5, 2, 5]).nearest(1.2, 5, 1)).toBe(1);
  expect(new Hits([]).nearest(0, 0, 1)).toBeNull();
});

const at = (x: number, y: number, kind = 0) => [
  ...placesOf(
    { x: Float32Array.of(x), y: Float32Array.of(y), kind: Uint16Array.of(kind) },
    { cell: 5, middle: 2 },
    2,
    10,
    20,
  ),
];

it("sets a stamp down at the nearest quarter of a pixel", () => {
  expect(at(5, 10)).toEqual([-2, -2, 0, 0]); // the upper left corner of the picture
  expect(at(6, 10)).toEqual([0, -2, 0, 0]);
  expect(at(6.125, 10.25)).toEqual([0, -2, (1 + PARTS * 2) * 5, 0]);
  expect(at(5 - 0.125, 10, 3)).toEqual([-3, -2, 3 * 5, 15]); // a quarter to the left: three quarters of the one before
  expect(at(-1e9, 1e9)[0]).toBeLessThan(-9000); // far outside stays there
});

it("lays stamps over one another as a canvas does, and cuts them off at the edges", () => {
  const data = new Uint8ClampedArray(4 * 4 * 3);
  const picture = { data, width: 4, height: 3 };
  // two kinds of one cell of 2 x 2: opaque red, half green
  const image = {
    width: 2,
    data: new Uint8ClampedArray(
      [...Array(4).fill([255, 0, 0, 255]), ...Array(4).fill([0, 255, 0, 128])].flat(),
    ),
  };
  stampAll(picture, Int16Array.from([0, 0, 0, 0, 1, 1, 0, 2, 3, 2, 0, 2, -1, -9, 0, 0]), { image, cell: 2 });
  const pixel = (x: number, y: number) => [...data.subarray(4 * (y * 4 + x), 4 * (y * 4 + x) + 4)];
  expect(pixel(0, 0)).toEqual([255, 0, 0, 255]);
  expect(pixel(1, 1)).toEqual([127, 128, 0, 255]);
  expect(pixel(2, 2)).toEqual([0, 255, 0, 128]);
  expect(pixel(3, 2)).toEqual([0, 255, 0, 128]);
  expect(pixel(3, 0)).toEqual([0, 0, 0, 0]);
  stampAll(picture, Int16Array.from([2, 1, 0, 2]), { image, cell: 2 });
  expect(pixel(2, 2)).toEqual([0, 255, 0, 192]);
});

it("fills the pixels whose centres a triangle covers, whichever way round it is given", () => {
  const one = (corners: number[]) => {
    const out = new Uint32Array(16);
    fillAll(out, 4, 4, { corners: Float32Array.from(corners), colours: Uint32Array.of(7) });
    return [...out];
  };
  const half = [7, 7, 7, 7, 7, 7, 7, 0, 7, 7, 0, 0, 7, 0, 0, 0]; // a triangle over the upper left half
  expect(one([0, 0, 4, 0, 0, 4])).toEqual(half);
  expect(one([0, 0, 0, 4, 4, 0])).toEqual(half);
  expect(one([-9, -9, 40, -9, -9, 40])).toEqual(Array(16).fill(7));
  expect(one([0, 0, 2, 2, 4, 4])).toEqual(Array(16).fill(0));
  expect(one([0, 0, Number.NaN, 2, 4, 4])).toEqual(Array(16).fill(0));
});

it("paints later triangles over earlier ones and leaves no gap between neighbours", () => {
  const out = new Uint32Array(64);
  const corners = Float32Array.from([0, 0, 8, 0, 0, 8, 8, 8, 0, 8, 8, 0, 0, 0, 3, 0, 0, 3]);
  fillAll(out, 8, 8, { corners, colours: Uint32Array.of(1, 2, 3) });
  expect(out.includes(0)).toBe(false);
  expect(out[0]).toBe(3);
  expect(out[63]).toBe(2);
});

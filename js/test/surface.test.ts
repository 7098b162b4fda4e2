import { expect, it } from "vitest";
import { corners, extent, mesh, pick, project } from "../src/core/surface";

const N = 9;
const heights = Float64Array.from({ length: N * N }, (_, p) => ((p % N) / (N - 1)) ** 2);

it("stays inside its box at every angle", () => {
  for (let yaw = 0; yaw < 6.3; yaw += 0.37) {
    for (const pitch of [0.15, 0.7, 1.45]) {
      const [w, h] = extent(pitch);
      const m = mesh(heights, N, N, { yaw, pitch });
      for (let p = 0; p < N * N; p++) {
        expect(Math.abs(m.points[2 * p]!)).toBeLessThanOrEqual(w + 1e-12);
        expect(Math.abs(m.points[2 * p + 1]!)).toBeLessThanOrEqual(h + 1e-12);
      }
    }
  }
});

it("paints every cell once, the farther before the nearer", () => {
  for (const yaw of [0.3, 1.9, 3.5, 5.2]) {
    const m = mesh(heights, N, N, { yaw, pitch: 0.6 });
    expect(new Set(m.order).size).toBe((N - 1) * (N - 1));
    const away = (cell: number) => (cell % N) * Math.sin(yaw) + Math.floor(cell / N) * Math.cos(yaw);
    const seen = new Set<number>();
    for (const cell of m.order) {
      for (const neighbour of [cell - 1, cell + 1, cell - N, cell + N]) {
        const sideways = Math.abs((neighbour % N) - (cell % N)) > 1;
        if (!sideways && seen.has(neighbour)) expect(away(neighbour)).toBeGreaterThan(away(cell));
      }
      seen.add(cell);
    }
  }
});

it("picks the grid place it drew", () => {
  const m = mesh(heights, N, N, { yaw: 0.6, pitch: 1 });
  for (const cell of [0, 13, 40, N * (N - 1) - 2]) {
    const four = corners(N, cell).map((p) => [m.points[2 * p]!, m.points[2 * p + 1]!] as const);
    const [u, v] = [0, 1].map((q) => four.reduce((sum, p) => sum + p[q]! / 4, 0)) as [number, number];
    const found = pick(m, u, v)!;
    expect(found.i).toBeCloseTo((cell % N) + 0.5, 1);
    expect(found.j).toBeCloseTo(Math.floor(cell / N) + 0.5, 1);
  }
  expect(pick(m, 3, 3)).toBeNull();
});

it("looks straight down at pitch pi / 2, x to the right and y up", () => {
  const [u, v] = project({ yaw: 0, pitch: Math.PI / 2 }, 0.3, -0.4, 0.9);
  expect(u).toBeCloseTo(0.3, 12);
  expect(v).toBeCloseTo(-0.4, 12);
});

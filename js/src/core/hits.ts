/** Finds points near a place without looking at all of them: a grid of cells over their box. */

const PER_CELL = 4; // points, on average

export class Hits {
  private readonly starts: Int32Array; // of each cell in `order`, and the end
  private readonly order: Int32Array; // points by cell
  private readonly side: number; // cells along each axis
  private readonly low: [number, number];
  private readonly step: [number, number];

  /** `coords`: (n, 2). */
  constructor(private readonly coords: ArrayLike<number>) {
    const n = coords.length / 2;
    this.side = Math.max(1, Math.ceil(Math.sqrt(n / PER_CELL)));
    const [lowX, stepX] = this.axis(0);
    const [lowY, stepY] = this.axis(1);
    this.low = [lowX, lowY];
    this.step = [stepX, stepY];
    const cells = new Int32Array(n);
    this.starts = new Int32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) {
      cells[i] = this.cell(0, coords[2 * i]!) + this.side * this.cell(1, coords[2 * i + 1]!);
      this.starts[cells[i]! + 1]!++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1]! += this.starts[c]!;
    const free = this.starts.slice();
    this.order = new Int32Array(n);
    for (let i = 0; i < n; i++) this.order[free[cells[i]!]!++] = i;
  }

  /**
   * The point nearest to (x, y), ties to the last; null where none is within `reach`. Distances are measured after
   * multiplying the axes by `scale`, and `reach` is in those units.
   */
  nearest(x: number, y: number, reach: number, [sx, sy]: readonly [number, number] = [1, 1]): number | null {
    let [best, least]: [number | null, number] = [null, reach];
    const [dx, dy] = [reach / Math.abs(sx), reach / Math.abs(sy)];
    for (let j = this.cell(1, y - dy); j <= this.cell(1, y + dy); j++) {
      for (let i = this.cell(0, x - dx); i <= this.cell(0, x + dx); i++) {
        const c = i + this.side * j;
        for (let o = this.starts[c]!; o < this.starts[c + 1]!; o++) {
          const p = this.order[o]!;
          const distance = Math.hypot((this.coords[2 * p]! - x) * sx, (this.coords[2 * p + 1]! - y) * sy);
          if (distance < least || (distance === least && p > (best ?? -1))) [best, least] = [p, distance];
        }
      }
    }
    return best;
  }

  private axis(from: 0 | 1): [low: number, step: number] {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = from; i < this.coords.length; i += 2) {
      low = Math.min(low, this.coords[i]!);
      high = Math.max(high, this.coords[i]!);
    }
    return [low, (high - low) / this.side || 1];
  }

  private cell(axis: 0 | 1, v: number): number {
    return Math.min(this.side - 1, Math.max(0, Math.floor((v - this.low[axis]!) / this.step[axis]!)));
  }
}

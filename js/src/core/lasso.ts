/** Points inside a closed path by the even-odd rule, kept up as the path grows. */

/** Does the edge from (ax, ay) to (bx, by) cross the ray from (x, y) to the right? */
function crosses(ax: number, ay: number, bx: number, by: number, x: number, y: number): boolean {
  if (ay > y === by > y) return false;
  if (ay > by) return crosses(bx, by, ax, ay, x, y); // the same rounding there and back
  return x < ax + ((y - ay) / (by - ay)) * (bx - ax);
}

/**
 * A lasso thrown over points. Each new corner costs one look at each point, however long the path is: the edges
 * so far are counted once, only the edge that closes the path is new each time.
 */
export class Lasso {
  private readonly odd: Uint8Array; // crossings of the open path, modulo 2
  private corners = 0;
  private first = { x: 0, y: 0 };
  private last = { x: 0, y: 0 };

  /** Coordinates (n,) of the points, in the units of the corners. */
  constructor(
    private readonly xs: Float64Array,
    private readonly ys: Float64Array,
  ) {
    this.odd = new Uint8Array(xs.length);
  }

  extend(x: number, y: number): void {
    if (this.corners++ === 0) this.first = { x, y };
    else {
      const { x: ax, y: ay } = this.last;
      for (let i = 0; i < this.odd.length; i++)
        if (crosses(ax, ay, x, y, this.xs[i]!, this.ys[i]!)) this.odd[i]! ^= 1;
    }
    this.last = { x, y };
  }

  /** Places of the points inside, ascending. */
  inside(): number[] {
    const { first, last } = this;
    const out: number[] = [];
    for (let i = 0; i < this.odd.length; i++) {
      const closing = crosses(last.x, last.y, first.x, first.y, this.xs[i]!, this.ys[i]!);
      if (Boolean(this.odd[i]) !== closing) out.push(i);
    }
    return out;
  }
}

/** Places of the points in the rectangle with two opposite corners. */
export function insideBox(
  xs: Float64Array,
  ys: Float64Array,
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
): number[] {
  const [left, right] = [Math.min(ax, bx), Math.max(ax, bx)];
  const [top, bottom] = [Math.min(ay, by), Math.max(ay, by)];
  const out: number[] = [];
  for (let i = 0; i < xs.length; i++) {
    const [x, y] = [xs[i]!, ys[i]!];
    if (x >= left && x <= right && y >= top && y <= bottom) out.push(i);
  }
  return out;
}

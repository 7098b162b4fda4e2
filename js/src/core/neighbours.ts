/** The samples nearest to one, by Euclidean distance in the input. */

export interface Neighbours {
  index: Int32Array; // sample indices, nearest first
  distance: Float64Array; // in the units of X
}

/**
 * The `count` nearest of `candidates` to sample `sample` of the (n, d) array X. Equal distances keep the order
 * of the candidates; the sample itself is left out.
 */
export function nearest(
  X: ArrayLike<number>,
  d: number,
  sample: number,
  candidates: ArrayLike<number>,
  count: number,
): Neighbours {
  const index: number[] = [];
  const squares: number[] = [];
  for (let c = 0; c < candidates.length; c++) {
    const other = candidates[c]!;
    if (other === sample) continue;
    const worst = squares.length < count ? Number.POSITIVE_INFINITY : squares[squares.length - 1]!;
    let square = 0;
    for (let j = 0; j < d && square < worst; j++) {
      const difference = X[sample * d + j]! - X[other * d + j]!;
      square += difference * difference;
    }
    if (!(square < worst)) continue;
    let place = squares.length;
    while (place > 0 && squares[place - 1]! > square) place--;
    squares.splice(place, 0, square);
    index.splice(place, 0, other);
    if (squares.length > count) {
      squares.pop();
      index.pop();
    }
  }
  return { index: Int32Array.from(index), distance: Float64Array.from(squares, Math.sqrt) };
}

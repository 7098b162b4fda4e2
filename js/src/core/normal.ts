/** The standard normal distribution function, to 1e-15. */

const FAR = 5; // beyond it the series needs many terms

export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return x;
  const density = Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) < FAR) {
    let [term, sum] = [x, x];
    for (let k = 3; Math.abs(term) > 1e-18; k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + density * sum;
  }
  if (!(density > 0)) return x > 0 ? 1 : 0;
  let fraction = Math.abs(x);
  for (let k = 60; k > 0; k--) fraction = Math.abs(x) + k / fraction;
  const tail = density / fraction;
  return x > 0 ? 1 - tail : tail;
}

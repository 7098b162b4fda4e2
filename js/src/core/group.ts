/** Linked views: what one of a group changes, the others take over, in the browser. */

import type { Dataset } from "./session";
import { type How, SHARED } from "./store";

/** A linked view's state, as its group sees it. */
export interface Member {
  stream: string; // views of one source share it
  dataset(): Dataset | null;
  /** This view has this key. */
  has(key: string): boolean;
  get(key: string): unknown;
  /** Takes over a value; must not tell the group of it. */
  accept(key: string, value: unknown, how: How): void;
}

/** Keys that views of different sources share: always, with equal classes, with equal samples. */
const ALWAYS = new Set(["temperature", "score", "reliability_n_bins", "reliability_scheme"]);
const OF_CLASSES = new Set(["pair", "tilt"]);
const OF_SAMPLES = new Set(["selection", "marked"]);
export const LINKED: readonly string[] = [...SHARED.filter((key) => key !== "catalogue"), ...ALWAYS];

export class Group {
  private readonly members = new Set<Member>();

  get size(): number {
    return this.members.size;
  }

  /** From now on `member` is linked: it takes over what the views before it show. Ends with the returned function. */
  join(member: Member): () => void {
    this.adopt(member);
    this.members.add(member);
    return () => {
      this.members.delete(member);
    };
  }

  /** Gives `member` the values of those that joined before it. */
  adopt(member: Member): void {
    for (const key of new Set(LINKED)) {
      for (const other of this.members) {
        if (other === member) break;
        if (!other.has(key) || !member.has(key) || !share(other, member, key)) continue;
        const value = other.get(key);
        if (!sameValue(member.get(key), value)) member.accept(key, value, "final");
        break;
      }
    }
  }

  /** `from` shows a new value. */
  tell(from: Member, key: string, value: unknown, how: How): void {
    if (!this.members.has(from)) return;
    for (const other of [...this.members]) {
      if (other === from || !this.members.has(other) || !other.has(key) || !share(from, other, key)) continue;
      // a final value goes out even where the live one before it was the same: the kernel has not heard of that
      if (how === "final" || !sameValue(other.get(key), value)) other.accept(key, value, how);
    }
  }
}

/** May the key mean the same to both? */
function share(a: Member, b: Member, key: string): boolean {
  if (ALWAYS.has(key)) return true;
  if (!LINKED.includes(key)) return false;
  if (a.stream === b.stream) return true;
  const [p, q] = [a.dataset(), b.dataset()];
  if (!p || !q) return false;
  if (OF_CLASSES.has(key)) return p.classNames.join("\n") === q.classNames.join("\n");
  return OF_SAMPLES.has(key) && sameSamples(p, q);
}

const compared = new WeakMap<Dataset, WeakMap<Dataset, boolean>>();

/** The same samples in the same order, whatever noise their labels have. */
export function sameSamples(p: Dataset, q: Dataset): boolean {
  if (p === q) return true;
  if (p.n !== q.n || p.d !== q.d || p.k !== q.k) return false;
  const of = compared.get(p) ?? new WeakMap<Dataset, boolean>();
  compared.set(p, of);
  let same = of.get(q);
  if (same === undefined) {
    same = sameNumbers(p.yClean, q.yClean) && sameNumbers(p.X, q.X);
    of.set(q, same);
  }
  return same;
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** Equal in content: numbers, short lists, index arrays, plain objects. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b))
    return (
      a.constructor === b.constructor &&
      sameNumbers(a as unknown as ArrayLike<number>, b as unknown as ArrayLike<number>)
    );
  const [p, q] = [Object.entries(a), Object.entries(b)];
  return p.length === q.length && p.every(([key, value]) => sameValue(value, (b as never)[key]));
}

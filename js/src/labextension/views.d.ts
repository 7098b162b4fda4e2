/** What build.mjs makes of js/src/widgets/saved.ts. */

export interface Saved {
  version: number;
  view: string;
  name: string;
  state?: Record<string, unknown>;
  data?: string;
  left_out?: string[];
}
export function show(el: HTMLElement, saved: Saved): Promise<() => void>;
export class Keeper {
  constructor(root: HTMLElement, view: string, name: string, saved?: Saved);
  entries(): { data: Record<string, unknown>; stale: boolean } | null;
  refresh(): Promise<void>;
}

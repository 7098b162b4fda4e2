/** One animation frame for all views, however many values changed: pictures first, then the words. */

export interface Frame {
  ask(): void;
  cancel(): void;
}

const due = new Set<() => void>();
let writes: (() => void)[] = [];
let id = 0;
let drawing = false;

function run(): void {
  id = 0;
  const draws = [...due];
  due.clear();
  drawing = true;
  draws.forEach(attempt);
  drawing = false;
  const after = writes;
  writes = [];
  after.forEach(attempt);
}

/** Who shows what a frame throws (views/guarded.ts). */
export const onFrameFault = new Set<(error: unknown) => void>();

/** One view that fails does not take the others along. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (onFrameFault.size === 0) reportError(error);
    for (const show of onFrameFault) show(error);
  }
}

export function onFrame(draw: () => void): Frame {
  return {
    ask() {
      due.add(draw);
      if (!id) id = requestAnimationFrame(run);
    },
    cancel() {
      due.delete(draw);
    },
  };
}

/**
 * Changes the page once all pictures of this frame are drawn, and at once outside a frame: words that are drawn on
 * a canvas make the browser lay out whatever changed before them, once for every view.
 */
export function afterDrawing(write: () => void): void {
  if (drawing) writes.push(write);
  else write();
}

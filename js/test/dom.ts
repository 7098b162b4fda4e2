/** vitest's jsdom with the parts of a browser that drawing needs: frames on demand, sizes, a canvas that takes anything. */

import { vi } from "vitest";

let frames: (() => void)[] = [];

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

/** A drawing context: every method does nothing, every number is 10, what is set can be read. */
function context(canvas: unknown): unknown {
  const known: Record<string, unknown> = { canvas, fillStyle: "#000000" };
  const image = (w: number, h: number) => ({
    width: w,
    height: h,
    data: new Uint8ClampedArray(4 * Math.max(1, w) * Math.max(1, h)),
  });
  known.createImageData = image;
  known.getImageData = (_x: number, _y: number, w: number, h: number) => image(w, h);
  known.measureText = (words: string) => ({ width: 6 * words.length });
  known.createLinearGradient = () => ({ addColorStop() {} });
  return new Proxy(known, { get: (all, name) => all[name as string] ?? (() => undefined) });
}

/** Puts a page into the globals; returns its root element. */
export function openPage(): HTMLElement {
  frames = [];
  const globals: Record<string, unknown> = {
    requestAnimationFrame: (draw: () => void) => frames.push(draw),
    cancelAnimationFrame: (id: number) => {
      if (id) frames[id - 1] = () => {};
    },
    ResizeObserver: Observer,
    IntersectionObserver: Observer,
    MutationObserver: Observer,
    matchMedia: () => ({ matches: false, addEventListener() {}, removeEventListener() {} }),
    devicePixelRatio: 1,
    reportError: (error: unknown) => {
      throw error; // nobody caught it
    },
    ImageData: class {
      constructor(
        readonly data: Uint8ClampedArray,
        readonly width: number,
        readonly height: number,
      ) {}
    },
    OffscreenCanvas: undefined,
    Path2D: class {
      rect(): void {}
      moveTo(): void {}
      lineTo(): void {}
      arc(): void {}
      closePath(): void {}
      addPath(): void {}
    },
  };
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function (
    this: unknown,
    kind: string,
  ) {
    return (kind === "2d" ? context(this) : null) as never;
  });
  const size = { width: 400, height: 300, left: 0, top: 0, right: 400, bottom: 300, x: 0, y: 0 };
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(size as DOMRect);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(400);
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(300);
  document.head.innerHTML = "<style>canvas { font-size: 12px }</style>"; // pictures are laid out by it
  const root = document.createElement("div");
  document.body.replaceChildren(root);
  return root;
}

/** Runs the frames that were asked for, and those they ask for, as far as `most`. */
export function drawFrames(most = 3): void {
  for (let i = 0; i < most && frames.length > 0; i++) {
    const due = frames;
    frames = [];
    for (const draw of due) draw();
  }
}

/** Sizes and fonts of elements, remembered: to ask the page for them between two drawings costs a layout each. */

import { onTheme } from "./theme";

export interface Size {
  w: number; // CSS pixels of the content box
  h: number;
}
export interface Font {
  family: string;
  size: number; // px
}

const sizes = new WeakMap<Element, Size>();
let fonts = new WeakMap<Element, Font>();
const lenders = new WeakMap<Element, Element>();
let observer: ResizeObserver | undefined;

function watch(el: Element): void {
  if (!observer) {
    observer = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        sizes.set(target, { w: contentRect.width, h: contentRect.height });
        fonts.delete(target); // large type comes with other sizes
      }
    });
    onTheme(() => {
      fonts = new WeakMap();
    });
  }
  observer.observe(el);
}

/** Size of an element as the page laid it out last; who draws by it is drawn again when it changes (redraw.ts). */
export function sizeOf(el: Element): Size {
  const found = sizes.get(el);
  if (found) return found;
  watch(el);
  const { width, height } = el.getBoundingClientRect();
  const { paddingLeft, paddingRight, paddingTop, paddingBottom } = getComputedStyle(el);
  const inner = (size: number, ...paddings: string[]) =>
    Math.max(
      0,
      paddings.reduce((left, p) => left - (Number.parseFloat(p) || 0), size),
    );
  const size = { w: inner(width, paddingLeft, paddingRight), h: inner(height, paddingTop, paddingBottom) };
  if (size.w > 0 && size.h > 0) sizes.set(el, size);
  return size;
}

/** The font that words on a canvas are written in. */
export function fontOf(el: Element): Font {
  const from = lenders.get(el) ?? el;
  const found = fonts.get(from);
  if (found) return found;
  const { fontFamily, fontSize } = getComputedStyle(from);
  const font = { family: fontFamily || "sans-serif", size: Number.parseFloat(fontSize) };
  if (from.isConnected) fonts.set(from, font);
  return font;
}

/** A canvas outside the page is written on in the font of another. */
export function lendFont(to: Element, from: Element): void {
  lenders.set(to, from);
}

/** A view on the page as a PNG: its canvases, words and sliders, painted where they stand. */

const MOST_WIDTH = 800; // px of the picture
const LEVELS = 0xf0; // of each colour channel: few colours make a small file

type G = CanvasRenderingContext2D;

/** Data of a PNG in base64 (without "data:"), or null where there is nothing to see. */
export function pictureOf(root: HTMLElement): string | null {
  const page = root.getBoundingClientRect();
  if (page.width < 50 || page.height < 50) return null;
  const scale = Math.min(1, MOST_WIDTH / page.width);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(page.width * scale);
  canvas.height = Math.round(page.height * scale);
  const g = canvas.getContext("2d")!;
  g.fillStyle = background(root);
  g.fillRect(0, 0, canvas.width, canvas.height);
  g.scale(scale, scale);
  g.translate(-page.left, -page.top);
  paint(g, root);
  coarsen(g, canvas);
  return canvas.toDataURL("image/png").split(",")[1] ?? null;
}

/** The first ground behind an element that is not see-through. */
function background(el: HTMLElement | null): string {
  for (let at = el; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return colour;
  }
  return "#fff";
}

function paint(g: G, el: Element): void {
  const style = getComputedStyle(el);
  const box = el.getBoundingClientRect();
  if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return;
  if (box.width && box.height) paintBox(g, style, box);
  if (el instanceof HTMLCanvasElement) {
    if (el.width && el.height) g.drawImage(el, box.left, box.top, box.width, box.height);
  } else if (el instanceof HTMLInputElement) {
    paintInput(g, el, style, box);
  } else if (el instanceof HTMLSelectElement) {
    const word = el.selectedOptions[0]?.textContent ?? "";
    g.save();
    g.beginPath();
    g.rect(box.left, box.top, box.width - 4, box.height);
    g.clip();
    paintWords(g, word, style, box.left + 6, box.top + box.height / 2);
    g.restore();
  } else {
    for (const child of el.childNodes) {
      if (child instanceof Element) paint(g, child);
      else if (child instanceof Text) paintText(g, child, style);
    }
  }
}

function paintBox(g: G, style: CSSStyleDeclaration, box: DOMRect): void {
  g.beginPath();
  g.roundRect(box.left, box.top, box.width, box.height, Number.parseFloat(style.borderTopLeftRadius) || 0);
  g.fillStyle = style.backgroundColor;
  g.fill();
  const width = Number.parseFloat(style.borderTopWidth);
  if (width && style.borderTopStyle !== "none") {
    g.lineWidth = width;
    g.strokeStyle = style.borderTopColor;
    g.stroke();
  }
}

/** A slider as a line with a disc; other fields by their text. */
function paintInput(g: G, el: HTMLInputElement, style: CSSStyleDeclaration, box: DOMRect): void {
  const middle = box.top + box.height / 2;
  if (el.type !== "range") {
    if (el.type !== "checkbox") paintWords(g, el.value, style, box.left + 4, middle);
    return;
  }
  const share = (el.valueAsNumber - Number(el.min)) / (Number(el.max) - Number(el.min) || 1);
  g.fillStyle = style.color;
  g.globalAlpha = 0.35;
  g.fillRect(box.left, middle - 1.5, box.width, 3);
  g.globalAlpha = 1;
  g.beginPath();
  g.arc(box.left + 7 + share * (box.width - 14), middle, 6, 0, 2 * Math.PI);
  g.fill();
}

/** Text line by line, as the browser has broken it. */
function paintText(g: G, node: Text, style: CSSStyleDeclaration): void {
  if (!node.data.trim()) return;
  const range = document.createRange();
  range.selectNodeContents(node);
  const lines = range.getClientRects();
  if (lines.length <= 1) {
    const line = lines[0];
    if (line) paintWords(g, node.data, style, line.left, line.top + line.height / 2, line.width);
    return;
  }
  let begin = 0;
  for (const line of lines) {
    let end = begin + 1;
    for (; end <= node.length; end++) {
      range.setStart(node, end - 1);
      range.setEnd(node, end);
      const letter = range.getBoundingClientRect();
      if (letter.width && letter.top > line.bottom - 2) break;
    }
    const words = node.data.slice(begin, end - 1);
    paintWords(g, words, style, line.left, line.top + line.height / 2, line.width);
    begin = end - 1;
  }
}

/** Words at a place, the middle of their height at `y`; squeezed where the canvas sets them wider than the page. */
function paintWords(
  g: G,
  text: string,
  style: CSSStyleDeclaration,
  x: number,
  y: number,
  width?: number,
): void {
  g.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  g.fillStyle = style.color;
  g.textBaseline = "middle";
  let words = text.replace(/\s+/g, " ");
  // a blank at the end of a line takes no room on the page
  if (width === undefined || g.measureText(words).width > width + 1) words = words.trim();
  g.fillText(words, x, y, width === undefined ? undefined : width + 1);
}

function coarsen(g: G, { width, height }: HTMLCanvasElement): void {
  const image = g.getImageData(0, 0, width, height);
  const v = image.data;
  for (let i = 0; i < v.length; i++) v[i] = (v[i]! & LEVELS) | (v[i]! >> 4);
  g.putImageData(image, 0, 0);
}

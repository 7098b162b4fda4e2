/** The computed colours of a view, for canvas code, and word of a theme change. */

const TOKENS = ["fg", "fg2", "bg", "bg2", "line", "grid", "accent", "bar", "bar2", "gap", "halo"] as const;
export type Colours = Record<(typeof TOKENS)[number], string> & { dark: boolean };

const OKABE_ITO = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#d55e00",
  "#f0e442",
  "#8c6bb1",
  "#999999",
  "#7f3b08",
];
const OKABE_ITO_DARK = [
  "#4aa3df",
  "#e69f00",
  "#2fbf95",
  "#e59ac4",
  "#8fd0f7",
  "#f2703a",
  "#f0e442",
  "#b49ad6",
  "#c8c8c8",
  "#c98a5a",
];

/** Hue of class k; beyond ten the hues repeat, and the class name stands beside the mark. */
export function classColour(k: number, dark: boolean): string {
  const hues = dark ? OKABE_ITO_DARK : OKABE_ITO;
  return hues[k % hues.length]!;
}

let known = new WeakMap<Element, Colours>();
let following = false;

/** The same object until the theme changes. */
export function colours(el: HTMLElement): Colours {
  const found = known.get(el);
  if (found) return found;
  if (!following) {
    following = true;
    onTheme(() => {
      known = new WeakMap();
    });
  }
  const css = getComputedStyle(el);
  const out = {} as Colours;
  for (const t of TOKENS) out[t] = css.getPropertyValue(`--clsviz-${t}`).trim();
  out.dark = luminance(out.bg) < 0.4;
  if (el.isConnected) known.set(el, out);
  return out;
}

type Rgb = readonly [number, number, number];
const parsed = new Map<string, Rgb>();

/** [r, g, b] in 0..255 of any CSS colour. */
export function rgb(colour: string): Rgb {
  const found = parsed.get(colour) ?? parse(colour);
  parsed.set(colour, found);
  return found;
}

function parse(colour: string): Rgb {
  const probe = document.createElement("canvas").getContext("2d")!;
  probe.fillStyle = colour;
  const hex = probe.fillStyle;
  const numbers = hex.startsWith("#")
    ? [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16))
    : (hex.match(/[\d.]+/g) ?? ["0", "0", "0"]).slice(0, 3).map(Number);
  return numbers as unknown as Rgb;
}

function luminance(colour: string): number {
  const [r, g, b] = rgb(colour);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

/** Calls back when JupyterLab, VS Code or the system switches theme; returns the stop. */
export function onTheme(callback: () => void): () => void {
  const observer = new MutationObserver(callback);
  for (const el of [document.documentElement, document.body]) {
    // style: JupyterLab hides the body while it changes theme, and shows it again last
    observer.observe(el, {
      attributes: true,
      attributeFilter: [
        "data-jp-theme-light",
        "data-jp-theme-name",
        "class",
        "style",
        "data-vscode-theme-kind",
      ],
    });
  }
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", callback);
  };
}

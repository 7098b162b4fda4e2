/**
 * One WebGL2 context for all views of a page: browsers allow about sixteen, and a notebook shows more views than that.
 * Each picture is copied onto the view's own canvas as soon as it is drawn, so that a lost context takes none away.
 * Where there is no context (or only a software renderer, slower than our own loops) callers draw without it.
 */

export type GL = WebGL2RenderingContext;

/** In the page's storage: "webgl" uses it even on a software renderer, "canvas" never. For tests and broken drivers. */
const CHOICE = "clsviz:renderer";
const PAGE = Symbol.for("clsviz:webgl"); // bundles on one page share it

function open(): GL | null {
  let choice: string | null = null;
  try {
    choice = localStorage.getItem(CHOICE);
  } catch {
    // a page without storage: as seems best
  }
  if (choice === "canvas") return null;
  const canvas = document.createElement("canvas");
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault()); // else it is never restored
  const gl = canvas.getContext("webgl2", {
    antialias: false,
    depth: false,
    failIfMajorPerformanceCaveat: choice !== "webgl",
  });
  if (!gl || choice === "webgl" || !SOFTWARE.test(rendererOf(gl))) return gl;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return null;
}

/** Renderers without a graphics card; Chromium does not always say that they are slow. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function rendererOf(gl: GL): string {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

interface Kept {
  gl: GL;
  programs: Map<string, WebGLProgram>;
  textures: Map<object, WebGLTexture>; // the last used last
}
let kept: Kept | null = null;
const TEXTURES = 6;

/** The page's context, or null while there is none to draw with. */
export function webgl(): GL | null {
  const page = globalThis as { [PAGE]?: GL | null };
  if (page[PAGE] === undefined) page[PAGE] = open();
  const gl = page[PAGE];
  if (!gl || gl.isContextLost()) return null;
  if (kept?.gl !== gl) {
    const renew = () => {
      kept = { gl, programs: new Map(), textures: new Map() }; // what there was went with the old context
    };
    renew();
    gl.canvas.addEventListener("webglcontextrestored", renew);
  }
  return gl;
}

/** Compiles a program once. */
export function programOf(gl: GL, name: string, vertex: string, fragment: string): WebGLProgram {
  const found = kept!.programs.get(name);
  if (found) return found;
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(type)!;
    gl.shaderSource(shader, `#version 300 es\nprecision highp float;\nprecision highp int;\n${source}`);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`WebGL program ${name}: ${gl.getProgramInfoLog(program)}`);
  kept!.programs.set(name, program);
  return program;
}

/** Binds the texture of `owner` to `unit`; `fill` loads its numbers the first time. Texels are read one by one. */
export function bindTexture(gl: GL, unit: number, owner: object, fill: () => void): void {
  const { textures } = kept!;
  gl.activeTexture(gl.TEXTURE0 + unit);
  const found = textures.get(owner);
  const texture = found ?? gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  if (!found) {
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T])
      gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    fill();
  }
  textures.delete(owner);
  textures.set(owner, texture);
  const [oldest] = textures;
  if (textures.size > TEXTURES && oldest) {
    gl.deleteTexture(oldest[1]);
    textures.delete(oldest[0]);
  }
}

/** Room for a picture of w by h pixels, cleared; false where the device has no room for it. */
export function beginPicture(gl: GL, w: number, h: number): boolean {
  if (Math.max(w, h) > (gl.getParameter(gl.MAX_TEXTURE_SIZE) as number)) return false;
  const { canvas } = gl;
  if (canvas.width < w) canvas.width = w;
  if (canvas.height < h) canvas.height = h;
  gl.viewport(0, 0, w, h);
  gl.disable(gl.SCISSOR_TEST);
  gl.disable(gl.BLEND);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT);
  return true;
}

/** Lays the finished picture, whose first row is the lowest, over (x, y, w, h) of `to`; false if it was lost meanwhile. */
export function takePicture(
  gl: GL,
  to: CanvasRenderingContext2D,
  w: number,
  h: number,
  place: readonly [x: number, y: number, w: number, h: number] = [0, 0, w, h],
): boolean {
  if (gl.isContextLost()) return false;
  to.drawImage(gl.canvas as HTMLCanvasElement, 0, gl.canvas.height - h, w, h, ...place);
  return true;
}

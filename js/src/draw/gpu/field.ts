/** A class field by the graphics card: the logits stay there, so that a temperature costs one number. */

import type { Field } from "../../core/field";
import { beginPicture, bindTexture, programOf, takePicture, webgl } from "./context";

const VERTEX = `
void main() { gl_Position = vec4(vec2((gl_VertexID << 1) & 2, gl_VertexID & 2) * 2.0 - 1.0, 0.0, 1.0); }`;

const FRAGMENT = `
uniform sampler2D logits; // (ny, nx * k)
uniform sampler2D shades; // (k, shades)
uniform int k;
uniform int count; // of shades
uniform float beta; // 1 / temperature
out vec4 colour;
void main() {
  ivec2 p = ivec2(gl_FragCoord.xy);
  int from = p.x * k, top = 0;
  float best = texelFetch(logits, ivec2(from, p.y), 0).r;
  for (int j = 1; j < k; j++) {
    float z = texelFetch(logits, ivec2(from + j, p.y), 0).r;
    if (z > best) { best = z; top = j; }
  }
  float sum = 0.0;
  for (int j = 0; j < k; j++) sum += exp((texelFetch(logits, ivec2(from + j, p.y), 0).r - best) * beta);
  float chance = 1.0 / float(k);
  float share = (1.0 / sum - chance) / (1.0 - chance);
  int shade = clamp(int(floor(share * float(count - 1) + 0.5)), 0, count - 1);
  colour = texelFetch(shades, ivec2(shade, top), 0);
}`;

/** Paints the field, one pixel per grid point; false where that must be done without the graphics card. */
export function fieldOnGpu(
  g: CanvasRenderingContext2D,
  f: Field,
  temperature: number,
  shades: readonly Uint32Array[],
): boolean {
  const gl = webgl();
  const { nx, ny, k } = f;
  if (!gl || nx * k > (gl.getParameter(gl.MAX_TEXTURE_SIZE) as number)) return false;
  if (!beginPicture(gl, nx, ny)) return false;
  const program = programOf(gl, "field", VERTEX, FRAGMENT);
  gl.useProgram(program);
  const at = (name: string) => gl.getUniformLocation(program, name);
  bindTexture(gl, 0, f.logits, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, nx * k, ny, 0, gl.RED, gl.FLOAT, f.logits),
  );
  const count = shades[0]!.length;
  bindTexture(gl, 1, shades, () => {
    const bytes = new Uint8Array(shades.flatMap((s) => [...new Uint8Array(s.buffer)]));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, count, k, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  });
  gl.uniform1i(at("logits"), 0);
  gl.uniform1i(at("shades"), 1);
  gl.uniform1i(at("k"), k);
  gl.uniform1i(at("count"), count);
  gl.uniform1f(at("beta"), 1 / temperature);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  return takePicture(gl, g, nx, ny);
}

/** Many one-coloured triangles by the graphics card, in their order. */

import type { Triangles } from "../triangles";
import { beginPicture, programOf, takePicture, webgl } from "./context";

const VERTEX = `
in vec2 at; // px
in vec4 paint;
uniform vec2 size;
flat out vec4 shade;
void main() {
  shade = paint;
  gl_Position = vec4(at.x / size.x * 2.0 - 1.0, 1.0 - at.y / size.y * 2.0, 0.0, 1.0);
}`;

const FRAGMENT = `
flat in vec4 shade;
out vec4 colour;
void main() { colour = shade; }`;

/** Draws into w by h pixels and lays them over `place`; false where that must be done without the graphics card. */
export function trianglesOnGpu(
  g: CanvasRenderingContext2D,
  { corners, colours }: Triangles,
  w: number,
  h: number,
  place: readonly [number, number, number, number],
): boolean {
  const gl = webgl();
  if (!gl || !beginPicture(gl, w, h)) return false;
  const program = programOf(gl, "triangles", VERTEX, FRAGMENT);
  gl.useProgram(program);
  gl.uniform2f(gl.getUniformLocation(program, "size"), w, h);
  const paint = new Uint32Array(3 * colours.length);
  for (let i = 0; i < paint.length; i++) paint[i] = colours[Math.floor(i / 3)]!;
  const buffers = (
    [
      ["at", corners, 2, gl.FLOAT],
      ["paint", paint, 4, gl.UNSIGNED_BYTE],
    ] as const
  ).map(([name, numbers, size, type]) => {
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, numbers, gl.STREAM_DRAW);
    const at = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, type === gl.UNSIGNED_BYTE, 0, 0);
    gl.vertexAttribDivisor(at, 0);
    return { buffer, at };
  });
  gl.drawArrays(gl.TRIANGLES, 0, 3 * colours.length);
  for (const { buffer, at } of buffers) {
    gl.disableVertexAttribArray(at);
    gl.deleteBuffer(buffer);
  }
  return takePicture(gl, g, w, h, place);
}

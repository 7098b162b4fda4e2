/** Crowds of samples by the graphics card: one small square per sample, filled from the image of stamps. */

import type { Places, Stamps } from "../cloud";
import { beginPicture, bindTexture, programOf, takePicture, webgl } from "./context";

const VERTEX = `
in vec4 place; // upper left pixel, and where the stamp stands in the image
uniform vec2 size; // of the picture, px
uniform float cell;
out vec2 texel;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * cell;
  texel = place.zw + corner;
  vec2 at = (place.xy + corner) / size;
  gl_Position = vec4(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
}`;

const FRAGMENT = `
in vec2 texel;
uniform sampler2D stamps;
out vec4 colour;
void main() {
  vec4 ink = texelFetch(stamps, ivec2(texel), 0);
  colour = vec4(ink.rgb * ink.a, ink.a);
}`;

/** Lays the crowd over (x, y, w, h) of `g`, device pixels; false where that must be done without the graphics card. */
export function cloudOnGpu(
  g: CanvasRenderingContext2D,
  places: Places,
  stamps: Stamps,
  [x, y, w, h]: readonly [number, number, number, number],
): boolean {
  const gl = webgl();
  if (!gl) return false;
  const { image, cell } = stamps;
  const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
  if (Math.max(image.width, image.height) > most || !beginPicture(gl, w, h)) return false;
  const program = programOf(gl, "cloud", VERTEX, FRAGMENT);
  gl.useProgram(program);
  bindTexture(gl, 0, stamps, () =>
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image),
  );
  gl.uniform1i(gl.getUniformLocation(program, "stamps"), 0);
  gl.uniform2f(gl.getUniformLocation(program, "size"), w, h);
  gl.uniform1f(gl.getUniformLocation(program, "cell"), cell);
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, places, gl.STREAM_DRAW);
  const at = gl.getAttribLocation(program, "place");
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, 4, gl.SHORT, false, 0, 0);
  gl.vertexAttribDivisor(at, 1);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, places.length / 4);
  gl.disableVertexAttribArray(at);
  gl.deleteBuffer(buffer);
  return takePicture(gl, g, w, h, [x, y, w, h]);
}

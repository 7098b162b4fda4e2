/** One animation frame, however many values changed. */

export interface Frame {
  ask(): void;
  cancel(): void;
}

export function onFrame(draw: () => void): Frame {
  let id = 0;
  return {
    ask() {
      if (!id)
        id = requestAnimationFrame(() => {
          id = 0;
          draw();
        });
    },
    cancel() {
      cancelAnimationFrame(id);
      id = 0;
    },
  };
}

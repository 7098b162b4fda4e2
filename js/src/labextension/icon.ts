import { LabIcon } from "@jupyterlab/ui-components";

// Two classes, two marks, and the boundary between them. The colours follow JupyterLab's theme.
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" d="M4 20C8 12 16 13 20 4"/>
  <circle fill="#0072b2" cx="7" cy="8" r="3"/>
  <rect fill="#e69f00" x="14" y="14" width="5.5" height="5.5"/>
</svg>`;

/** For places that take an address of a picture: the launcher's cards for notebooks. */
export const labIconUrl = `data:image/svg+xml,${encodeURIComponent(SVG)}`;

export const labIcon = new LabIcon({ name: "clsviz:lab", svgstr: SVG });

// How sites look: each has a hue and a mark of its own, so that clients say by both whom they reach.
// Eight of each; sites beyond that share the last.
import { html } from "htm/preact";

// Of about the same weight, round 0,0, some 10 units wide.
const MARKS = [
  "M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z",
  "M-4.4 -4.4H4.4V4.4H-4.4Z",
  "M0 -5.8L5.6 4.2H-5.6Z",
  "M0 -6.2L6.2 0L0 6.2L-6.2 0Z",
  "M0 5.8L5.6 -4.2H-5.6Z",
  "M-1.9 -5.6H1.9V-1.9H5.6V1.9H1.9V5.6H-1.9V1.9H-5.6V-1.9H-1.9Z",
  "M0 -5.9L5.6 -1.8L3.5 4.8H-3.5L-5.6 -1.8Z",
  "M0 -6.6L1.9 -2.2L6.4 -2L2.9 0.9L4.1 5.4L0 2.9L-4.1 5.4L-2.9 0.9L-6.4 -2L-1.9 -2.2Z",
];
const NOBODY = "M-5 -3.2L-3.2 -5L0 -1.8L3.2 -5L5 -3.2L1.8 0L5 3.2L3.2 5L0 1.8L-3.2 5L-5 3.2L-1.8 0Z";

export const NAMES = ["circle", "square", "triangle", "diamond", "triangle down", "plus", "pentagon", "star"];

// Names to numbers from 1, in the order of the names; 0 is nobody. A site keeps its look as long as the set
// of sites stays.
export function looks(names) {
  return new Map([...new Set(names)].sort().map((name, i) => [name, Math.min(i, MARKS.length - 1) + 1]));
}

export const markPath = (look) => (look ? MARKS[look - 1] : NOBODY);

// Beside text.
export function Mark({ look }) {
  return html`<svg class="mark h${look ?? 0}" viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true"><path d=${markPath(look ?? 0)} /></svg>`;
}

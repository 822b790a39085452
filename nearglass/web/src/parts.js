// What several views are made of.
import { html } from "htm/preact";
import { STATES } from "./words.js";

export function State({ is, children }) {
  const s = STATES[is] ?? STATES.unknown;
  return html`<span class="state ${is}"><span aria-hidden="true">${s.shape}</span> ${children ?? s.word}</span>`;
}

// A head that begins with # stands over numbers.
export function Table({ caption, head, rows, empty }) {
  if (rows.length === 0) return html`<p class="quiet">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table>
    <caption>${caption}</caption>
    <thead><tr>${head.map((h) => (h[0] === "#" ? html`<th scope="col" class="number">${h.slice(1)}</th>` : html`<th scope="col">${h}</th>`))}</tr></thead>
    <tbody>${rows}</tbody></table></div>`;
}

export const Empty = ({ children }) => html`<p class="quiet">${children}</p>`;

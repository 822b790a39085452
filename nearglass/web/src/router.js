// Every view has a URL; links do not load the page anew.
import { signal } from "@preact/signals";

export const place = signal(location.pathname + location.search);

// Another place without an entry in the browser's history: while a slider is dragged.
export function replace(url) {
  history.replaceState(null, "", url);
  place.value = url;
}

// stay: the same view, and the focus is where it was.
export function go(url, stay) {
  history.pushState(null, "", url);
  place.value = url;
  if (stay) return;
  document.querySelector("main")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

export function link(e) {
  if (e.button || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault();
  go(e.currentTarget.getAttribute("href"));
}

export const path = () => new URL(place.value, location.origin).pathname;
export const query = () => new URL(place.value, location.origin).searchParams;

addEventListener("popstate", () => { place.value = location.pathname + location.search; });

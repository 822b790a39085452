// Every view has a URL; links do not load the page anew.
import { signal } from "@preact/signals";

export const place = signal(location.pathname + location.search);

export function go(url) {
  history.pushState(null, "", url);
  place.value = url;
  document.querySelector("main")?.focus();
}

export function link(e) {
  if (e.button || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault();
  go(e.currentTarget.getAttribute("href"));
}

export const path = () => new URL(place.value, location.origin).pathname;
export const query = () => new URL(place.value, location.origin).searchParams;

addEventListener("popstate", () => { place.value = location.pathname + location.search; });

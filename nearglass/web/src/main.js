import { render } from "preact";
import { html } from "htm/preact";
import { start, status } from "./api.js";
import { Probe } from "./probe.js";
import { link, path, place } from "./router.js";
import { Clients } from "./clients.js";
import { History } from "./history.js";
import { Fleet, Freshness, Headline, Neighbours, Overview, Routes, Timeline } from "./views.js";

const VIEWS = [
  { url: "/", name: "Overview", view: () => html`<${Overview} />` },
  { url: "/clients", name: "Clients", view: () => html`<${Clients} />`, if: () => status.value?.catchment?.configured },
  { url: "/routes", name: "Routes", view: () => html`<${Routes} />` },
  { url: "/probe", name: "Probe", view: () => html`<${Probe} />` },
  { url: "/fleet", name: "Fleet", view: () => html`<${Fleet} whole />` },
  { url: "/neighbours", name: "Neighbours", view: () => html`<${Neighbours} />` },
  { url: "/events-page", name: "Events", view: () => html`<${Timeline} limit=${1000} />` },
  { url: "/history", name: "History", view: () => html`<${History} />`, if: () => status.value?.history?.configured },
];

function App() {
  const here = VIEWS.find((v) => v.url === path()) ?? VIEWS[0];
  const site = status.value?.site ?? status.value?.daemon?.status?.site ?? "";
  document.title = `${here.name} — ${site || "nearglass"}`;
  return html`<a class="skip" href="#main">Skip to the content</a>
    <header><h1><a href="/" onClick=${link}>nearglass</a> <span class="quiet">${site}</span></h1>
      <nav aria-label="Views">${VIEWS.filter((v) => v === here || !v.if || v.if()).map((v) => html`<a href=${v.url} onClick=${link} aria-current=${v === here ? "page" : null}>${v.name}</a>`)}</nav></header>
    ${here.url === "/history" ? "" : html`<${Headline} /><${Freshness} />`}
    <main id="main" tabindex="-1" key=${path()}><h2 class="view">${here.name}</h2>${here.view()}</main>
    <footer class="quiet">Everything here can be <a href="/api/v1/">asked for as JSON</a>, <a href="/metrics">scraped</a> or <a href="/events">followed</a>.</footer>`;
}

const root = document.getElementById("app");
root.replaceChildren(); // "Loading"
render(html`<${App} />`, root);
start();

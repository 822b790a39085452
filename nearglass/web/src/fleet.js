// A fleet too large to be shown at once: its sums, and its rows in pages.
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { ask, heard, status } from "./api.js";
import { go, link, query } from "./router.js";

const KEYS = ["service", "site", "state", "page"];
const STATES = ["up", "degraded", "down", "drained", "lost", "unknown", "wrong"];
const WORDS = { wrong: "announced against its health" };
const LIMIT = 100;

export const isLarge = () => status.value?.fleet?.rows > 0 && status.value.fleet.nodes.length === 0;

const address = (args) => {
  const p = new URLSearchParams(Object.entries(args).filter(([, v]) => v));
  return `/fleet${p.size ? `?${p}` : ""}`;
};

// One line a service; each number leads to its rows.
export function Sums({ Table }) {
  const sums = status.value?.daemon?.status?.fleet_services ?? [];
  const cell = (s, state, n) => html`<td class="number">${n ? html`<a href=${address({ service: s.service, state })} onClick=${link}>${n.toLocaleString()}</a>` : "0"}</td>`;
  return html`<${Table} caption="The fleet, service by service"
    head=${["service", "sites", "nodes", "lost", "up", "degraded", "down", "announced", "demoted", "withdrawn"]}
    rows=${sums.map((s) => html`<tr><th scope="row"><a href=${address({ service: s.service })} onClick=${link}>${s.service}</a></th>
      <td class="number">${s.sites.toLocaleString()}</td><td class="number">${s.nodes.toLocaleString()}</td>
      ${cell(s, "lost", s.lost)}${cell(s, "up", s.health.up)}${cell(s, "degraded", s.health.degraded)}${cell(s, "down", s.health.down)}
      <td class="number">${s.announce.announced.toLocaleString()}</td><td class="number">${s.announce.demoted.toLocaleString()}</td>
      <td class="number">${s.announce.withdrawn.toLocaleString()}</td></tr>`)}
    empty="nearcastd has not said anything of it yet." />`;
}

function Choice({ name, title, any, values, chosen, words = {} }) {
  return html`<select name=${name} key=${`${name} ${chosen}`} aria-label=${title}><option value="">${any}</option>
    ${values.map((v) => html`<option value=${v} selected=${v === chosen}>${words[v] ?? v}</option>`)}</select>`;
}

// table(rows): how rows are drawn.
export function Pages({ table }) {
  const q = query();
  const asked = Object.fromEntries(KEYS.map((k) => [k, q.get(k) ?? ""]));
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState("");
  const fleet = status.value.fleet;
  const key = new URLSearchParams({ ...asked, limit: LIMIT }).toString();
  useEffect(() => {
    let current = true;
    const given = [...new URLSearchParams(key)].filter(([, v]) => v);
    ask(`/api/v1/fleet?${new URLSearchParams(given)}`)
      .then((a) => { if (current) { setAnswer(a); setError(""); } })
      .catch((e) => { if (current) { setAnswer(null); setError(e.message); } });
    return () => { current = false; };
  }, [key, heard.value]);
  const submit = (e) => {
    e.preventDefault();
    go(address(Object.fromEntries([...new FormData(e.target)].map(([k, v]) => [k, v.trim()]))));
  };
  const page = Number(asked.page) || 0;
  const total = answer?.meta.total_results ?? 0;
  const to = (n) => address({ ...asked, page: n ? String(n) : "" });
  return html`<form onSubmit=${submit}><label for="site">Site</label>
      <div class="row"><input id="site" name="site" key=${asked.site} defaultValue=${asked.site} placeholder="any" autocomplete="off" spellcheck=${false} />
      <${Choice} name="service" title="Service" any="every service" values=${fleet.services.map((s) => s.service)} chosen=${asked.service} />
      <${Choice} name="state" title="State" any="every state" values=${STATES} chosen=${asked.state} words=${WORDS} />
      <button>Show</button></div></form>
    ${error ? html`<p class="problem" role="alert">${error}</p>` : ""}
    ${answer ? html`<p role="status">${total.toLocaleString()} of ${fleet.rows.toLocaleString()} rows${total > LIMIT ? `; ${(page * LIMIT + 1).toLocaleString()} to ${Math.min(total, (page + 1) * LIMIT).toLocaleString()}` : ""}</p>
      ${table(answer.nodes)}
      <p>${page > 0 ? html`<a href=${to(page - 1)} onClick=${link}>Before</a> ` : ""}${(page + 1) * LIMIT < total ? html`<a href=${to(page + 1)} onClick=${link}>After</a>` : ""}</p>` : ""}`;
}

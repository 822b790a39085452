// Asking the glass, and hearing from it.
import { batch, signal } from "@preact/signals";

export const status = signal(null); // /api/v1/status
export const events = signal([]);   // oldest first
export const heard = signal(0);     // when the status came, in ms of this machine
export const problem = signal("");  // why there is no fresh data; "": there is
export const clock = signal(Date.now());
// /api/v1/catchment: its first clients, when they came (ms of this machine), and how many there are.
export const catchment = signal({ clients: [], total: 0, more: false, heard: Date.now() });

const KEPT = 1000;
const CLIENTS = 2000;

export async function ask(path) {
  const reply = await fetch(path, { headers: { accept: "application/json" } });
  const body = await reply.json().catch(() => ({ message: `${reply.status} ${reply.statusText}` }));
  if (!reply.ok) throw new Error(body.message || reply.statusText);
  return body;
}

let asking = false;
let again = false;

// One question at a time; what happens meanwhile is asked for once more.
export async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const s = await ask("/api/v1/status");
    batch(() => {
      status.value = s;
      heard.value = Date.now();
      problem.value = "";
    });
    if (s.catchment?.configured) refreshClients();
  } catch (e) {
    problem.value = e.message;
  }
  asking = false;
  if (again) {
    again = false;
    setTimeout(refresh, 100);
  }
}

// The same for the clients.
let landing = false;
let landed = false;
async function refreshClients() {
  if (landing) {
    landed = true;
    return;
  }
  landing = true;
  try {
    const a = await ask(`/api/v1/catchment?limit=${CLIENTS}`);
    catchment.value = { clients: a.clients, total: a.meta.total_results, more: Boolean(a.meta.next), heard: Date.now() };
  } catch (e) {
    problem.value = e.message;
  }
  landing = false;
  if (landed) {
    landed = false;
    setTimeout(refreshClients, 100);
  }
}

function take(text) {
  const event = JSON.parse(text);
  events.value = [...events.value, event].slice(-KEPT);
  if (event.type === "catchment") refreshClients();
}

let soon = 0;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refresh, 120);
}

export async function start() {
  await refresh();
  let last = "";
  try {
    const old = await ask("/api/v1/events?limit=500");
    events.value = old.events;
    last = old.last_id;
  } catch (e) {
    problem.value = e.message;
  }
  const stream = new EventSource("/events" + (last ? `?after=${encodeURIComponent(last)}` : ""));
  stream.onmessage = (m) => {
    take(m.data);
    refreshSoon();
  };
  stream.onopen = refreshSoon;
  stream.onerror = () => { problem.value = "the connection to the glass is lost; trying again"; };
  setInterval(refresh, 5000);
  setInterval(() => { clock.value = Date.now(); }, 1000);
}

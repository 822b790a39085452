// Asking the glass, and hearing from it.
import { batch, computed, signal } from "@preact/signals";

export const status = signal(null); // /api/v1/status
export const events = signal([]);   // oldest first
export const heard = signal(0);     // when the status came, in ms of this machine
// Why there is no fresh data, of what was asked and of the stream; "": there is.
const unanswered = signal("");
const untold = signal("");
export const problem = computed(() => untold.value || unanswered.value);
export const clock = signal(Date.now());
// /api/v1/catchment: its first clients, when they came (ms of this machine), and how many there are.
export const catchment = signal({ clients: [], total: 0, more: false, heard: Date.now() });

const KEPT = 1000;
const CLIENTS = 2000;
const PATIENCE_MS = 10000;
const AGAIN_MS = 3000;

export async function ask(path, signal) {
  const reply = await fetch(path, { headers: { accept: "application/json" }, signal });
  const body = await reply.json().catch(() => ({ message: `${reply.status} ${reply.statusText}` }));
  if (!reply.ok) throw new Error(body.message || reply.statusText);
  return body;
}

// What is asked again and again: a glass that hangs must not hold up the next question.
async function askSoon(path) {
  try {
    return await ask(path, AbortSignal.timeout(PATIENCE_MS));
  } catch (e) {
    throw e.name === "TimeoutError" ? new Error(`the glass has not answered for ${PATIENCE_MS / 1000} s`) : e;
  }
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
    const s = await askSoon("/api/v1/status");
    batch(() => {
      status.value = s;
      heard.value = Date.now();
      unanswered.value = "";
    });
    if (s.catchment?.configured) refreshClients();
  } catch (e) {
    unanswered.value = e.message;
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
    const a = await askSoon(`/api/v1/catchment?limit=${CLIENTS}`);
    catchment.value = { clients: a.clients, total: a.meta.total_results, more: Boolean(a.meta.next), heard: Date.now() };
  } catch (e) {
    unanswered.value = e.message;
  }
  landing = false;
  if (landed) {
    landed = false;
    setTimeout(refreshClients, 100);
  }
}

// A glass that was started again tells once more what its nearcastd remembers.
const known = new Set();
const keyOf = (e) => [e.time, e.site, e.type, e.subject, e.upstream, e.seq].join(" ");

function take(event) {
  if (known.has(keyOf(event))) return;
  events.value = [...events.value, event].slice(-KEPT);
  if (known.size > 2 * KEPT) known.clear();
  if (known.size === 0) events.value.forEach((e) => known.add(keyOf(e)));
  known.add(keyOf(event));
}

// After an event. The glass hears of it before it hears what is so by then, which takes it a moment: hence once more.
const SOON_MS = 120;
const LATER_MS = [500, 2000];
let soon = 0;
let later = [];
function refreshSoon() {
  soon ||= setTimeout(() => { soon = 0; refresh(); }, SOON_MS);
  later.forEach(clearTimeout);
  later = LATER_MS.map((ms) => setTimeout(refresh, ms));
}

let last = ""; // id of the latest event

// Goes on by itself when the connection breaks, but takes an answer that is no stream as final: a web
// server gives one while its glass is away.
function follow() {
  const stream = new EventSource("/events" + (last ? `?after=${encodeURIComponent(last)}` : ""));
  stream.onmessage = (m) => {
    const event = JSON.parse(m.data);
    last = m.lastEventId;
    take(event);
    if (event.type === "catchment") refreshClients();
    refreshSoon();
  };
  stream.onopen = () => {
    untold.value = "";
    refreshSoon();
  };
  stream.onerror = () => {
    untold.value = "the connection to the glass is lost; trying again";
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN_MS);
  };
}

export async function start() {
  await refresh();
  try {
    const old = await askSoon("/api/v1/events?limit=500");
    batch(() => old.events.forEach(take));
    last = old.last_id;
  } catch (e) {
    unanswered.value = e.message;
  }
  follow();
  setInterval(refresh, 5000);
  setInterval(() => { clock.value = Date.now(); }, 1000);
}

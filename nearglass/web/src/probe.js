// Ping and traceroute: asked for by a person, never by loading the page.
import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Table } from "./parts.js";
import { go, query } from "./router.js";
import { status } from "./api.js";

const RESULTS = { reply: "answered", hop: "passed on", unreachable: "unreachable", "no-answer": "no answer" };

// Each result of the stream, as it comes; false: it broke off. Not an EventSource, which would ask once more
// at the end.
async function run(url, signal, take) {
  const reply = await fetch(url, { signal });
  if (!reply.ok) throw new Error((await reply.json()).message);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let ended = false;
  for (;;) {
    const { value, done } = await reader.read().catch((e) => {
      if (signal.aborted) throw e;
      return { done: true };
    });
    if (done) return ended;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const e of events.filter((x) => x.startsWith("data: "))) {
      const result = JSON.parse(e.slice(6));
      ended ||= result.kind === "end";
      take(result);
    }
  }
}

const ms = (list) => list.map((r) => (r == null ? "–" : r.toFixed(2))).join(" · ");

function Outcome({ end, kind, running }) {
  if (!end && !running) return "";
  if (!end) return html`<p role="status">Running.</p>`;
  if (kind !== "ping") return html`<p role="status">Ended: ${end.reason}.</p>`;
  return html`<p role="status">${end.received} of ${end.sent} answered${end.received
    ? `; ${end.min_ms.toFixed(2)} / ${end.avg_ms.toFixed(2)} / ${end.max_ms.toFixed(2)} ms least, mean, most` : ""}.</p>`;
}

export function Probe() {
  const kind = query().get("kind") === "traceroute" ? "traceroute" : "ping";
  const target = query().get("target") ?? "";
  const [results, setResults] = useState(null);
  const [error, setError] = useState("");
  const running = useRef(null);
  useEffect(() => () => running.current?.abort(), []);
  const submit = async (e) => {
    e.preventDefault();
    const data = new FormData(e.target);
    const p = new URLSearchParams({ kind: data.get("kind"), target: data.get("target").trim() });
    go(`/probe?${p}`);
    running.current?.abort();
    const mine = (running.current = new AbortController());
    setError("");
    setResults([]);
    try {
      const ended = await run(`/api/v1/probe?${p}`, mine.signal, (r) => setResults((old) => [...old, r]));
      if (!ended) setError("The answer was broken off: the glass may have ended");
    } catch (problem) {
      if (mine.signal.aborted) return;
      setResults(null);
      setError(problem.message);
    }
  };
  const rows = (results ?? []).filter((r) => r.kind !== "end").map((r) => html`<tr>
    <th scope="row">${r.hop ?? r.sequence}</th><td>${r.from ?? "–"}</td><td>${RESULTS[r.result] ?? r.result}</td>
    <td class="number">${ms(r.rtt_ms)}</td></tr>`);
  if (status.value && !status.value.probes) return html`<p class="quiet">This glass does no probes.</p>`;
  return html`<form onSubmit=${submit}>
      <label for="target">Address to probe from this site</label>
      <div class="row"><input id="target" name="target" key=${target} defaultValue=${target} autocomplete="off" spellcheck=${false} required />
      <select name="kind" key=${kind} aria-label="Kind of probe">${["ping", "traceroute"].map((k) => html`<option value=${k} selected=${k === kind}>${k}</option>`)}</select>
      <button>Start</button></div></form>
    ${error ? html`<p class="problem" role="alert">${error}</p>` : ""}
    ${results ? html`<${Outcome} end=${results.find((r) => r.kind === "end")} kind=${kind} running=${!error} />
      <${Table} caption=${`${kind} ${target}`} head=${[kind === "ping" ? "request" : "hop", "from", "result", "ms"]}
        rows=${rows} empty="Nothing yet." />` : ""}`;
}

// What the page makes of the data, without a browser: TAP on standard output.
//
// usage: node words.mjs
import assert from "node:assert/strict";
import { chains, headline, mismatch, nodes, sites } from "../../nearglass/web/src/words.js";

const prefix = (announce, ...told) => ({ prefix: "198.51.100.0/24", announce, upstreams: told.map((announced, i) => ({ name: `u${i}`, announced })) });
const daemon = (site, health, ...prefixes) => ({ configured: true, connected: true,
  status: { site, node: site, location: { lat: 1, lon: 2 }, services: [{ name: "dns", health, admin: "active", prefixes }] } });
const event = (seq, site, type, ms, more = {}) => ({ seq, site, type, subject: "dns", time: `2026-01-02T03:04:05.${String(ms).padStart(3, "0")}000Z`, ...more });
const shape = (items) => items.map((i) => [i.event.type, ...(i.effects.length ? [shape(i.effects)] : [])]);

const cases = {
  "a site that no upstream hears announces nothing, loudly"() {
    const status = { daemon: daemon("fra1", "up", prefix("announced", false, false)) };
    assert.match(mismatch(nodes(status)[0]), /announced to nobody/);
    const h = headline(status, [], 0);
    assert.match(h.text, /^fra1 announces nothing\. fra1: no upstream hears of it/);
    assert.equal(h.state, "down");
    assert.equal(sites(status)[0].announces, false);
  },
  "one upstream of two is enough, and none is asked of a site that is to be silent"() {
    const some = { daemon: daemon("fra1", "up", prefix("announced", true, false)) };
    assert.equal(mismatch(nodes(some)[0]), "");
    assert.deepEqual([headline(some, [], 0).text, headline(some, [], 0).state], ["fra1 announces.", "up"]);
    const none = { daemon: daemon("fra1", "down", prefix("withdrawn", false)) };
    assert.equal(mismatch(nodes(none)[0]), "");
  },
  "sites that are followed count where the fleet does not name them"() {
    const status = { daemon: daemon("fra1", "up", prefix("announced", true)), fleet: { rows: 0, nodes: [] }, sites: [
      { name: "nyc1", reachable: true, status: { daemon: daemon("nyc1", "down", prefix("withdrawn", false)) } },
      { name: "sin1", reachable: false, status: { daemon: daemon("sin1", "up", prefix("announced", true)) } },
      { name: "gru1", reachable: false, status: null }] };
    assert.deepEqual(sites(status).map((s) => [s.name, s.state, s.announces, s.place?.lat]),
      [["fra1", "up", true, 1], ["nyc1", "down", false, 1], ["sin1", "unknown", false, 1]]);
    assert.match(headline(status, [], 0).text, /^1 of 3 sites announce; nyc1 and sin1 do not\./);
  },
  "what a nearcastd said that is gone is not what is"() {
    const row = (site) => ({ site, node: site, service: "dns", health: "up", admin: "active", announce: "announced", lost: false });
    const status = { daemon: { ...daemon("fra1", "up", prefix("announced", true)), connected: false },
      fleet: { rows: 2, nodes: [row("fra1"), row("nyc1"), row("sin1")], sites: [] },
      sites: [{ name: "nyc1", reachable: true, status: { daemon: daemon("nyc1", "up", prefix("announced", true)) } }] };
    const states = () => sites(status).map((s) => [s.name, s.state, s.announces]);
    assert.deepEqual(states(), [["fra1", "unknown", false], ["nyc1", "up", true], ["sin1", "unknown", false]]);
    assert.match(headline(status, [], 0).text, /^nearcastd does not answer at this site\. 1 of 3 sites announce; fra1 and sin1 do not/);
    status.fleet = { rows: 2000, nodes: [], sites: [{ site: "fra1", state: "up", announces: true }] };
    assert.deepEqual(states(), [["fra1", "unknown", false]]);
    status.daemon.connected = true; // the control
    assert.deepEqual(states(), [["fra1", "up", true]]);
  },
  "who reaches nobody, and that nobody tells of clients, is said first of all"() {
    const said = (catchment, now = 0) => headline({ daemon: daemon("fra1", "up", prefix("announced", true)), catchment: { configured: true, listens: true, feeders: 1, heard_seconds: 1, ...catchment } }, [], now, 0);
    assert.deepEqual(said({ clients: 3, nobody: 0 }), { text: "fra1 announces.", state: "up" });
    assert.deepEqual(said({ clients: 3, nobody: 1 }), { text: "fra1 announces. 1 of 3 clients reaches nobody.", state: "down" });
    assert.match(said({ clients: 3000, nobody: 2000 }).text, /2,000 of 3,000 clients reach nobody\./);
    assert.match(said({ clients: 3, nobody: 3 }).text, /All 3 clients reach nobody\./);
    const silent = said({ clients: 3, nobody: 0, feeders: 0 }, 40000);
    assert.match(silent.text, /Nobody tells of clients any more: where they are shown is 41 s old\./);
    assert.equal(silent.state, "degraded");
    assert.equal(said({ clients: 3, nobody: 0, feeders: 0 }, 1000).state, "up"); // somebody may come back
    assert.equal(said({ clients: 3, nobody: 0, feeders: 0, listens: false }, 40000).state, "up"); // a file
  },
  "events of several sites are put in the order of their times"() {
    const items = chains([event(1, "a", "x", 5), event(1, "b", "y", 2), event(2, "b", "z", 3, { cause_seq: 1 })]);
    assert.deepEqual(shape(items), [["x"], ["y", [["z"]]]]);
  },
  "a move of clients stands under the decision of one of its sites, if that was just before"() {
    const move = (ms, from, to) => ({ site: "a", source: "glass", type: "catchment", from, to, time: event(0, "", "", ms).time });
    const fall = [event(1, "a", "socket_closed", 0), event(2, "a", "decided", 1, { cause_seq: 1 })];
    assert.deepEqual(shape(chains([...fall, move(200, "a", "b")])), [["socket_closed", [["decided", [["catchment"]]]]]]);
    assert.deepEqual(shape(chains([...fall, move(200, "b", "c")])), [["catchment"], ["socket_closed", [["decided"]]]]); // of others
    const late = { ...move(0, "a", "b"), time: "2026-01-02T03:04:55.000000Z" };
    assert.deepEqual(shape(chains([...fall, late])), [["catchment"], ["socket_closed", [["decided"]]]]);
  },
};

let failed = 0;
console.log(`1..${Object.keys(cases).length}`);
for (const [i, [name, run]] of Object.entries(cases).entries()) {
  try {
    run();
    console.log(`ok ${i + 1} - ${name}`);
  } catch (e) {
    failed += 1;
    console.log(`not ok ${i + 1} - ${name}\n${String(e.stack).split("\n").slice(0, 12).map((l) => `# ${l}`).join("\n")}`);
  }
}
process.exit(failed ? 1 : 0);

// A page in a real browser, Debian's Chromium: what its tests share.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const require = createRequire(new URL("../nearglass/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// A browser for the pages of base. ready: a selector of what every page has once it is drawn.
export async function launch(base, ready) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const complaints = []; // errors that pages logged or threw
  const foreign = []; // URLs of others that pages asked for

  // A page that notes what it should not do. options: of its context.
  async function open(path, options = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
    page.on("pageerror", (e) => complaints.push(e.message));
    page.on("request", (r) => r.url().startsWith(base) || foreign.push(r.url()));
    const response = await page.goto(base + path, { waitUntil: "load" });
    await page.locator(ready).first().waitFor({ timeout: 10000 });
    return { page, context, response };
  }

  function assertQuiet() {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  }

  return { browser, complaints, open, assertQuiet };
}

export async function assertAccessible(page) {
  await page.evaluate(axe); // what the policy keeps a page from doing, the debugger may
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${page.url()} ${v.id}: ${v.nodes[0].html}`), []);
}

export async function assertFits(page, width) {
  const is = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(is <= width, `${page.url()} is ${is} wide`);
}

// Runs the cases in their order, TAP on standard output, and ends the process.
export async function run({ browser }, cases) {
  let failed = 0;
  console.log(`1..${Object.keys(cases).length}`);
  for (const [i, [name, test]] of Object.entries(cases).entries()) {
    try {
      await test();
      console.log(`ok ${i + 1} - ${name}`);
    } catch (e) {
      failed += 1;
      console.log(`not ok ${i + 1} - ${name}`);
      console.log(String(e.stack ?? e).split("\n").slice(0, 12).map((l) => `# ${l}`).join("\n"));
    }
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
}

// A fleet of a thousand nodes on the page: TAP on standard output.
//
// usage: node page_fleet.mjs URL OUTDIR
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";

const [base, out] = process.argv.slice(2);
const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), "../../nearglass/web/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext();
const page = await context.newPage();
const complaints = [];
page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
page.on("pageerror", (e) => complaints.push(e.message));

try {
  const begin = Date.now();
  await page.goto(base + "/", { waitUntil: "load" });
  await page.locator(".headline", { hasText: "1001 sites announce" }).waitFor({ timeout: 5000 });
  const shown = Date.now() - begin;
  await page.locator("table", { hasText: "The fleet, service by service" }).waitFor();
  await page.getByRole("alert").filter({ hasText: /min-sites/ }).waitFor();
  assert.ok(await page.locator("main tr").count() < 60, "sums and not rows");
  await page.screenshot({ path: join(out, "fleet-large-overview.png"), fullPage: true });
  await page.goto(base + "/fleet", { waitUntil: "load" });
  await page.getByText("2,002 of 2,002 rows; 1 to 100").waitFor();
  await page.getByRole("link", { name: "After" }).click();
  await page.getByText("rows; 101 to 200").waitFor();
  assert.match(page.url(), /page=1$/);
  await page.getByLabel("State", { exact: true }).selectOption("down");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("1 of 2,002 rows").waitFor();
  assert.match(await page.locator("tr", { hasText: "s700" }).innerText(), /down/);
  const link = page.url();
  await page.goto(link, { waitUntil: "load" });
  await page.getByText("1 of 2,002 rows").waitFor();
  await page.getByLabel("Site", { exact: true }).fill("s500");
  await page.getByLabel("State", { exact: true }).selectOption("");
  await page.getByLabel("Service", { exact: true }).selectOption("web");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("1 of 2,002 rows").waitFor();
  await page.screenshot({ path: join(out, "fleet-large.png"), fullPage: true });
  await page.evaluate(axe);
  const faults = await page.evaluate(async () => (await globalThis.axe.run()).violations
    .filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes[0].html}`));
  assert.deepEqual(faults, []);
  assert.deepEqual(complaints, []);
  console.log(`# headline after ${shown} ms`);
} finally {
  await browser.close();
}

// A fleet of a thousand nodes on the page; exit status 0 when it is as it should be.
//
// usage: node page_fleet.mjs URL OUTDIR
import { join } from "node:path";
import assert from "node:assert/strict";
import { assertAccessible, launch } from "../browser.mjs";

const [base, out] = process.argv.slice(2);
const chromium = await launch(base, "main");

try {
  const begin = Date.now();
  const { page } = await chromium.open("/");
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
  await assertAccessible(page);
  chromium.assertQuiet();
  console.log(`# headline after ${shown} ms`);
} finally {
  await chromium.browser.close();
}

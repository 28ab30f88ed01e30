// What the pages cost: first and largest paint, bytes and requests of each, measured in Chromium over its DevTools protocol, on a demo of
// its own. `LANTAI_BROWSER=DIR node benches/pages.mjs [PROGRAM]`: DIR has node_modules/playwright-core, PROGRAM is the built lantai.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const RUNS = 7;
/** A weak machine on a mobile network, as Lighthouse has it: 1.6 Mbit/s, 150 ms, a quarter of the processor. */
const SLOW = { latency: 150, downloadThroughput: (1.6e6 / 8) * 0.9, uploadThroughput: 750e3 / 8, offline: false };

const packages = createRequire(join(process.env.LANTAI_BROWSER, "package.json"));
const { chromium } = packages("playwright-core");
const program = process.argv[2] ?? "target/release/lantai";
const folder = mkdtempSync(join(tmpdir(), "lantai-pages-"));
const server = spawn(program, ["demo", "--data", join(folder, "demo"), "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });

async function started() {
  let base;
  const passwords = {};
  for await (const line of createInterface({ input: server.stdout })) {
    const [name, , password] = line.trim().split(/\s+/);
    if (line.includes("http://")) base = line.slice(line.indexOf("http://")).trim();
    else if (line.startsWith("  ")) passwords[name] = password;
    else if (line.includes("Ctrl-C")) break;
  }
  while (!(await (await fetch(`${base}/metrics`)).text()).includes("lantai_jobs_waiting 0\n")) await new Promise((resolve) => setTimeout(resolve, 200));
  return { base, passwords };
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** One visit in a fresh window; a second one of the same window finds what it may keep. */
async function visit(browser, { base, token, path, slow, again }) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: "zh-CN" });
  await context.addCookies([{ name: "lantai_session", value: token, url: base }]);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  if (slow) {
    await devtools.send("Network.emulateNetworkConditions", SLOW);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  }
  await page.addInitScript(() => {
    globalThis.paints = {};
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (globalThis.paints[entry.name] = entry.startTime))).observe({ type: "paint", buffered: true });
    new PerformanceObserver((list) => (globalThis.paints.largest = list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true });
  });
  if (again) await page.goto(base + path, { waitUntil: "networkidle" });
  const counted = { bytes: 0, requests: 0 };
  devtools.on("Network.requestWillBeSent", () => (counted.requests += 1));
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (counted.bytes += encodedDataLength));
  await page.goto(base + path, { waitUntil: "networkidle" });
  await page.waitForFunction(() => globalThis.paints["first-contentful-paint"] > 0 && globalThis.paints.largest > 0);
  const paints = await page.evaluate(() => ({ first: globalThis.paints["first-contentful-paint"], largest: globalThis.paints.largest, answer: performance.getEntriesByType("navigation")[0].responseStart }));
  await context.close();
  return { ...counted, ...paints };
}

try {
  const { base, passwords } = await started();
  const call = async (path, options) => (await fetch(base + path, options)).json();
  const signed = await call("/api/v1/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user: "manager", password: passwords.manager }) });
  const headers = { authorization: `Bearer ${signed.token}` };
  const waiting = (await call("/api/v1/queue", { headers })).entries[0];
  const basket = await call(`/api/v1/cases/${waiting.id ?? waiting.case}`, { headers });
  const document = basket.checklist.items.flatMap((item) => item.documents)[0];
  const review = `/review/${basket.id}`;
  const isThere = (await fetch(base + review, { headers, redirect: "manual" })).status === 200;
  const pages = [
    ["queue", "/queue"],
    ["case", `/cases/${basket.id}`],
    ...(isThere ? [["review", review]] : []),
    ["document", `/documents/${document.id ?? document}`],
    ["search", "/search?q=合同"],
  ];
  const browser = await chromium.launch({ executablePath: process.env.LANTAI_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  console.log("| page | | answer | first paint | largest paint | KiB | requests |\n| --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, path] of pages) {
    for (const [how, options] of [["first visit", {}], ["next visit", { again: true }], ["first visit, slow", { slow: true }]]) {
      const runs = [];
      for (let run = 0; run < RUNS; run += 1) runs.push(await visit(browser, { base, token: signed.token, path, ...options }));
      const of = (member) => median(runs.map((one) => one[member] ?? 0));
      console.log(`| ${name} | ${how} | ${of("answer").toFixed(0)} ms | ${of("first").toFixed(0)} ms | ${of("largest").toFixed(0)} ms | ${(of("bytes") / 1024).toFixed(1)} | ${of("requests")} |`);
    }
  }
  await browser.close();
} finally {
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}

// A browser at the demo: who is signed in, and what must not happen at any page.
//
// The packages are outside of the tree, in the folder that LANTAI_BROWSER names.

import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const packages = createRequire(join(process.env.LANTAI_BROWSER, "package.json"));
const { chromium } = packages("playwright-core");

export const base = process.env.LANTAI_BASE;
/** Passwords by name. */
export const passwords = JSON.parse(process.env.LANTAI_SIGN_INS);
/** The source of axe-core. */
export const axeSource = packages("axe-core").source;
/** What is wrong, in the order in which it was found. */
export const wrong = [];

const screenshots = process.env.LANTAI_SCREENSHOTS;
mkdirSync(screenshots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.LANTAI_CHROMIUM,
  // A browser that runs as root, as in a container, has no sandbox; it opens nothing but our own pages.
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
});

/** Somebody's browser window: `name` of the demo's people, or nobody. */
export async function window({ name, lang = "zh", dark = false, width = 1280, height = 900, script = true }) {
  const context = await browser.newContext({
    locale: lang === "zh" ? "zh-CN" : "en-GB",
    timezoneId: "Asia/Shanghai",
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    viewport: { width, height },
    javaScriptEnabled: script,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(20_000);
  if (name !== undefined) await signIn(context, name);
  watch(context, name ?? "nobody");
  return context;
}

const sessions = new Map();

async function signIn(context, name) {
  if (!sessions.has(name)) {
    const answer = await context.request.post(`${base}/api/v1/session`, { data: { user: name, password: passwords[name] } });
    if (!answer.ok()) throw new Error(`${name} cannot sign in: ${answer.status()} ${await answer.text()}`);
    sessions.set(name, (await answer.json()).token);
  }
  await context.addCookies([{ name: "lantai_session", value: sessions.get(name), url: base, httpOnly: true, sameSite: "Lax" }]);
}

/** Notes every request to somewhere else, every error of a script, every violation of the content policy, every dialog. */
function watch(context, who) {
  const note = (what, page) => wrong.push(`${who} at ${page?.url().replace(base, "") ?? "?"}: ${what}`);
  const visited = new Set();
  context.on("request", (request) => {
    if (request.isNavigationRequest()) visited.add(request.url());
    if (new URL(request.url()).origin !== base) note(`a request to ${request.url()}`, request.frame()?.page());
  });
  context.on("console", (message) => {
    // A page that says "not found" in words has that status, too.
    const own = message.text().startsWith("Failed to load resource") && visited.has(message.location().url);
    if (message.type() === "error" && !own) note(`the console says: ${message.text()}`, message.page());
  });
  context.on("weberror", (error) => note(`an error of a script: ${error.error()}`, error.page()));
  context.on("dialog", async (dialog) => {
    note(`a dialog: ${dialog.message()}`, dialog.page());
    await dialog.dismiss();
  });
}

/** A page's address without ids, as a name. */
export function kindOf(address) {
  const { pathname, searchParams } = new URL(address, base);
  const parts = pathname.split("/").filter(Boolean);
  const isId = (part, at) => /^[0-9a-hjkmnp-tv-z]{26}$|^[0-9a-f]{64}$/.test(part) || (at === 1 && parts[0] === "workflows");
  const named = parts.map((part, at) => (isId(part, at) ? "id" : part)).join("-");
  // Searching makes another page of some; what else is asked for only another choice of the same.
  return (named || "home") + (searchParams.has("q") ? "-found" : "");
}

/** Keeps what a page looks like. */
export async function keep(page, name) {
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true, animations: "disabled" });
}

/** Fails with all that is wrong, or says what was seen. */
export async function finish(said) {
  await browser.close();
  if (wrong.length > 0) {
    console.error([...new Set(wrong)].join("\n"));
    process.exit(1);
  }
  console.log(said);
}

/** A thing that must be so. */
export function check(holds, what) {
  if (!holds) wrong.push(what);
}

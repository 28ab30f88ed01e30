// Every page, as everybody who sees it, in both languages, light and dark: axe-core finds nothing against WCAG 2.2 AA, nothing leaves
// the server, and what it looks like is kept.

import { axeSource, base, check, finish, keep, kindOf, passwords, window, wrong } from "./lib.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** What depends on colours alone is looked at again in the dark. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];
/** Pages of one kind that somebody looks at: a case looks different in each state, the others alike. */
const most = (kind) => (["cases-id", "review-id"].includes(kind) ? 4 : 1);

/** What one can go to from a page, but for files, other languages and signing out. */
async function links(page) {
  const found = await page.$$eval("a[href]", (all) => all.filter((a) => !a.hasAttribute("download")).map((a) => a.href));
  const own = found.map((href) => new URL(href)).filter((url) => url.origin === base && !/^\/(api|static|log)\//.test(url.pathname));
  return own.filter((url) => !url.searchParams.has("lang")).map((url) => url.pathname + url.search);
}

async function axe(page, where, rules) {
  await page.evaluate(axeSource);
  const runOnly = rules ? { type: "rule", values: rules } : { type: "tag", values: TAGS };
  const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ["violations"] }), runOnly);
  for (const { id, help, nodes } of violations) {
    for (const node of nodes.slice(0, 3)) wrong.push(`${where}: ${id} (${help}): ${node.html.slice(0, 200)}: ${node.failureSummary?.replaceAll("\n", " ")}`);
  }
}

async function look(page, path, name, lang) {
  const answer = await page.goto(base + path);
  const where = `${name} at ${path} (${lang})`;
  check(answer.status() === 200, `${where}: ${answer.status()}`);
  check((await page.getAttribute("html", "lang")) === (lang === "zh" ? "zh-CN" : "en"), `${where}: the language is not said`);
  const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
  check(wide <= 0, `${where}: it is wider than the window by ${wide} pixels`);
  return where;
}

/** Walks from link to link; the pages that were found. */
async function walk(name, lang) {
  const context = await window({ name, lang });
  const page = await context.newPage();
  const open = name === undefined ? ["/sign-in"] : ["/", "/delegations", "/nothing-here"];
  const counts = new Map();
  const found = [];
  while (open.length > 0) {
    const path = open.shift();
    const kind = kindOf(path);
    const count = counts.get(kind) ?? 0;
    if (found.includes(path) || count >= most(kind)) continue;
    if (path === "/nothing-here") {
      await page.goto(base + path);
      continue;
    }
    const where = await look(page, path, name, lang);
    counts.set(kind, count + 1);
    found.push(path);
    // The log names what its reader need not be permitted to see.
    const onward = kind.startsWith("log") ? [] : await links(page);
    for (const link of onward) if (!open.includes(link) && name !== undefined) open.push(link);
    if (path === "/search") open.push("/search?q=合同");
    for (const fold of await page.$$("details:not([open])")) await fold.evaluate((one) => (one.open = true));
    await axe(page, where);
    await keep(page, `${name ?? "nobody"}-${kind}${count > 0 ? `-${count + 1}` : ""}-${lang}`);
    await page.emulateMedia({ colorScheme: "dark" });
    await axe(page, `${where}, dark`, OF_COLOURS);
    if (count === 0) await keep(page, `${name ?? "nobody"}-${kind}-${lang}-dark`);
    await page.emulateMedia({ colorScheme: "light" });
  }
  await context.close();
  return found;
}

const narrowed = new Set();

/** A page may be read at 320 pixels without scrolling to the side (WCAG 1.4.10). */
async function narrow(name, paths) {
  const context = await window({ name, width: 320, lang: "en" });
  const page = await context.newPage();
  for (const path of paths) {
    if (narrowed.has(kindOf(path))) continue;
    narrowed.add(kindOf(path));
    await look(page, path, `${name}, 320 pixels`, "en");
  }
  await context.close();
}

const people = [undefined, ...Object.keys(passwords)];
const kinds = new Set();
let pages = 0;
const began = Date.now();
async function all(lang) {
  for (const name of people) {
    const found = await walk(name, lang);
    pages += found.length;
    found.forEach((path) => kinds.add(kindOf(path)));
    if (lang === "en") await narrow(name, found);
  }
}
await Promise.all([all("zh"), all("en")]);
const expected = ["sign-in", "home", "queue", "mine", "upload", "dossiers", "dossiers-id", "dossiers-new", "cases-id", "cases-id-cover", "documents-id", "documents-id-found"];
expected.push("search", "search-found", "penalties", "overview", "delegations", "workflows-id", "packs", "log", "admin", "admin-health", "admin-jobs");
for (const kind of expected) check(kinds.has(kind), `nobody came to a page of the kind ${kind}: ${[...kinds].join(" ")}`);
await finish(`${pages} visits to pages of ${kinds.size} kinds in ${Math.round((Date.now() - began) / 1000)} s: ${[...kinds].sort().join(" ")}`);

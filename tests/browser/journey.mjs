// One customer's papers, through the pages as people use them: handed in, returned, corrected, filed, found; a look granted and taken
// back. And what each of them must not see on the way.

import { base, check, finish, window } from "./lib.mjs";

const NUMBER = Date.now();
const CUSTOMER = `欧阳浏览${NUMBER}`;
const PAPERS = ["trust_contract", "risk_statement", "bank_receipt", "person_id", "interview_form", "contact_sheet"];
const NEVER = `这句话只在身份证里${NUMBER}`;

async function person(name, { lang = "zh", script = true } = {}) {
  const context = await window({ name, lang, script });
  const page = await context.newPage();
  return { name, context, page };
}

async function handIn(page, kind, text) {
  await page.selectOption("form.upload select[name=kind]", kind);
  await page.setInputFiles("form.upload input[type=file]", { name: `${kind}.txt`, mimeType: "text/plain", buffer: Buffer.from(text) });
  await page.click("form.upload button");
  await page.waitForSelector(".done[role=status]");
}

/** Takes an action that a form of the page offers. */
async function act(page, action, fill) {
  const form = page.locator(`form[action$="/actions/${action}"]`);
  const fold = page.locator("details.act", { has: page.locator(`form[action$="/actions/${action}"]`) });
  if (fill !== undefined) {
    if ((await fold.getAttribute("open")) === null) await fold.locator("summary").first().click();
    await fill(form);
  }
  await form.locator("button").last().click();
  await page.waitForLoadState();
}

/** The page cannot be had, and says so without a word of what it is about. */
async function refused(who, path, status = 403) {
  const answer = await who.page.goto(base + path);
  check(answer.status() === status, `${who.name} gets ${answer.status()} for ${path}`);
  const said = await who.page.textContent("body");
  check(!said.includes(CUSTOMER) && !said.includes(NEVER), `${who.name} sees something of ${path}`);
}

// Everything is a form: the adviser's browser runs no script at all.
const adviser = await person("adviser", { script: false });
const [manager, gm, auditor, station] = await Promise.all(["manager", "gm", "auditor", "station"].map((name) => person(name)));

// Signing in, by hand, comes back to where one was going.
const visitor = await window({});
const door = await visitor.newPage();
await door.goto(`${base}/dossiers`);
check(door.url().startsWith(`${base}/sign-in?next=`), `nobody is asked to sign in: ${door.url()}`);
await door.fill("#user", "adviser");
await door.fill("#password", JSON.parse(process.env.LANTAI_SIGN_INS).adviser);
await door.press("#password", "Enter");
await door.waitForURL(`${base}/dossiers`);
await door.click('form[action="/sign-out"] button');
await door.waitForURL(`${base}/sign-in`);
check((await door.goto(`${base}/dossiers`)).url().includes("/sign-in"), "whoever signed out is still in");

// The adviser opens a dossier and hands the papers in, all but one.
await adviser.page.goto(`${base}/dossiers/new`);
await adviser.page.fill("input[name=name]", CUSTOMER);
await adviser.page.check("input[name=kind][value=person]");
await adviser.page.click("button.primary");
await adviser.page.waitForURL(/\/dossiers\/[0-9a-z]{26}/);
const dossier = new URL(adviser.page.url()).pathname;
await adviser.page.selectOption("#workflow", "customer-intake");
await adviser.page.click(`form[action="${dossier}/cases"] button`);
await adviser.page.waitForURL(/\/cases\//);
const home = new URL(adviser.page.url()).pathname;
for (const kind of PAPERS.slice(0, 3)) await handIn(adviser.page, kind, `${kind} 第一份`);
await handIn(adviser.page, "person_id", `居民身份证复印件 ${CUSTOMER} ${NEVER}`);
await act(adviser.page, "submit");
check((await adviser.page.textContent("h1")).includes("审核"), "it does not wait for the manager");
check((await adviser.page.locator('form[action*="/actions/accept"]').count()) === 0, "the adviser may accept their own papers");

// Nobody else sees it but those whose work it is.
await refused(station, home);
await refused(station, dossier);
await refused(auditor, home);
await refused(auditor, dossier);
await refused(auditor, "/search", 403);

// The manager finds it in the queue, takes it and returns it.
await manager.page.goto(`${base}/queue`);
await manager.page.click(`a[href^="${home}"]`);
await manager.page.click(`form[action="${home}/claim"] button`);
await act(manager.page, "return", async (form) => {
  await form.locator("select[name=reason]").selectOption("missing");
  await form.locator('input[name=documents][value="interview_form"]').check();
  await form.locator("textarea[name=note]").fill("缺少访谈表和联系方式");
});
check((await manager.page.textContent("body")).includes("缺少访谈表和联系方式"), "the reason is not on the page");
await manager.page.goto(`${base}/penalties`);
check((await manager.page.textContent("main")).includes(CUSTOMER), "no penalty is booked");

// The adviser reads why, corrects, and submits again.
await adviser.page.goto(base + home);
check((await adviser.page.textContent("body")).includes("缺少访谈表和联系方式"), "the adviser is not told why");
for (const kind of PAPERS.slice(4)) await handIn(adviser.page, kind, `${kind} 补交`);
await act(adviser.page, "submit");

// The manager accepts; the case is filed and found, in English too.
await manager.page.goto(base + home);
await act(manager.page, "accept");
check((await manager.page.textContent("h1")).includes("归档"), `it is not filed: ${await manager.page.textContent("h1")}`);
const searcher = await person("staff", { lang: "en" });
await searcher.page.goto(`${base}/search`);
for (let tries = 0; tries < 60; tries += 1) {
  await searcher.page.fill("#q", `"${NEVER}"`);
  await searcher.page.press("#q", "Enter");
  await searcher.page.waitForLoadState();
  if ((await searcher.page.locator("ol.hits li").count()) > 0) break;
  await searcher.page.waitForTimeout(500);
}
check((await searcher.page.locator("ol.hits mark").count()) > 0, "the paper is not found");
await searcher.page.locator("ol.hits a").first().click();
await searcher.page.waitForURL(/\/documents\//);
const paper = new URL(searcher.page.url()).pathname;
await refused(auditor, paper);

// The auditor asks to look into the dossier, the general manager grants it and takes it back.
const asked = await auditor.context.request.post(`${base}/api/v1/cases`, {
  data: { workflow: "archive-access", dossier: dossier.split("/").at(-1), contracts: 1 },
});
const asking = (await asked.json()).id;
const note = { version: 1, note: "年度检查", days: 2 };
const sent = await auditor.context.request.post(`${base}/api/v1/cases/${asking}/actions/ask`, { data: note });
check(sent.ok(), `the auditor cannot ask: ${await sent.text()}`);
await refused(auditor, dossier);
await gm.page.goto(`${base}/cases/${asking}`);
check((await gm.page.textContent("body")).includes("年度检查"), "the general manager is not told what for");
await act(gm.page, "permit");
await auditor.page.goto(base + paper);
const shown = await auditor.page.textContent("body");
check(shown.includes(NEVER), "who was permitted to look sees nothing");
check((await auditor.page.locator("a[download]").count()) === 0, "what bears a mark can be downloaded");
await gm.page.goto(`${base}/cases/${asking}`);
await act(gm.page, "end");
await refused(auditor, paper);
await refused(auditor, dossier);

await finish("handed in, returned, corrected, filed, found, granted and withdrawn");

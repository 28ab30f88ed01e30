// What somebody can write is shown to everybody and runs for nobody: a browser opens every page that shows it.

import { base, check, finish, passwords, window } from "./lib.mjs";

const EVIL = `x"'><evil-tag evil-name="1" onload=evil()>&<script>evil()</script><img src=x onerror=evil()><svg onload=evil()>javascript:evil()`;

const adviser = await window({ name: "adviser" });
const api = async (path, data) => {
  const answer = await adviser.request.post(`${base}/api/v1${path}`, { data });
  if (!answer.ok()) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
};
const dossier = await api("/dossiers", { kind: "customer", facts: { name: EVIL, kind: "person", address: EVIL, contact_person: EVIL, [EVIL]: EVIL } });
const begun = await api("/cases", { workflow: "customer-intake", dossier: dossier.id, contracts: 1 });
const about = new URLSearchParams({ dossier: dossier.id, case: begun.id, kind: "person_id", filename: `${EVIL}.txt` });
const sent = await adviser.request.post(`${base}/api/v1/documents?${about}`, { data: Buffer.from(EVIL) });
const document = await sent.json();
const now = await (await adviser.request.get(`${base}/api/v1/cases/${begun.id}`)).json();
await api(`/cases/${begun.id}/actions/submit`, { version: now.version, note: EVIL });
await api("/searches", { name: EVIL.slice(0, 60), q: EVIL });
let read = false;
for (let tries = 0; tries < 60 && !read; tries += 1) {
  read = (await (await adviser.request.get(`${base}/api/v1/documents/${document.id}`)).json()).progress?.stage === "searchable";
  if (!read) await new Promise((resolve) => setTimeout(resolve, 500));
}
check(read, "the paper was not read");

const searched = new URLSearchParams({ q: EVIL });
let shown = 0;
for (const name of Object.keys(passwords)) {
  const context = await window({ name });
  await context.addInitScript(() => (globalThis.evil = () => console.error("it ran")));
  const page = await context.newPage();
  for (const path of ["/", "/dossiers", `/dossiers/${dossier.id}`, `/cases/${begun.id}`, `/cases/${begun.id}/cover?kind=person_id`, `/documents/${document.id}?${searched}`, `/documents/${document.id}?q=evil`, `/search?${searched}`, "/search?q=script+evil", "/penalties", `/sign-in?next=${encodeURIComponent(EVIL)}`]) {
    const answer = await page.goto(base + path);
    if (!answer.ok()) continue;
    check((await page.locator("evil-tag, [evil-name], [onload], [onerror], img[src=x]").count()) === 0, `${name} at ${path}: markup came through`);
    if ((await page.textContent("body")).includes("<script>evil()")) shown += 1;
  }
  await context.close();
}
check(shown > 10, `it was shown ${shown} times only`);
await finish(`shown as text ${shown} times`);

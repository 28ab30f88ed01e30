// The reviewer's desk by keyboard alone: from the queue over pages, verdicts, a region and a return to the next case.

import { base, check, finish, keep, window } from "./lib.mjs";

const context = await window({ name: "manager", lang: "en", width: 1366, height: 768 });
const page = await context.newPage();
const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
const summary = () => page.locator("[data-summary]").textContent();

/** Goes on with Tab until what has the focus is called so. */
async function tabTo(name, most = 120) {
  for (let at = 0; at < most; at += 1) {
    const found = await page.evaluate(() => {
      const one = document.activeElement;
      return (one?.getAttribute("aria-label") ?? one?.textContent ?? "").replace(/\s+/g, " ").trim();
    });
    if (found.startsWith(name)) return;
    await press("Tab");
  }
  throw new Error(`the keyboard does not come to ${name}`);
}

/** Presses a key and waits until the desk says something else than before. */
async function until(key, changes) {
  const before = await changes();
  await press(key);
  for (let at = 0; at < 100; at += 1) {
    if ((await changes()) !== before) return;
    await page.waitForTimeout(50);
  }
  throw new Error(`${key} changes nothing`);
}

await page.goto(`${base}/queue?lang=en`);
await tabTo("Start: review the next case");
await press("Enter");
await page.waitForURL(/\/review\//);
await page.locator("[data-desk]").waitFor();
const there = page.url();
// A page has a picture once its document was read.
for (let at = 0; at < 120 && (await page.locator(".no-picture").count()) > 0; at += 1) {
  await page.waitForTimeout(1000);
  await page.reload();
}

await press("?");
check(await page.getByRole("dialog", { name: "Keys" }).isVisible(), "? shows the keys");
await press("Escape");
check(!(await page.getByRole("dialog", { name: "Keys" }).isVisible()), "Escape closes the keys");

const place = () => page.locator(".place").textContent();
await until("j", place);
await until("k", place);
await until("v", summary);
check((await summary()).includes("Pages not viewed"), "the desk says how many pages were not looked at");

// While an input method composes, and in a field, no key is a shortcut.
const quiet = await summary();
await page.evaluate(() => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "y", isComposing: true, bubbles: true })));
await press("/");
await page.keyboard.type("yfx");
await press("Escape");
await page.waitForTimeout(300);
check((await summary()) === quiet, "a key that is typed into a field judges nothing");

const sized = () => page.locator("#glass").getAttribute("class");
await until("+", sized);
await until("0", sized);
const turned = () => page.locator("#glass .paper").first().getAttribute("viewBox");
await until("r", turned);
await until("R", turned);

// A region of the page, moved and sized by arrows.
await press("m");
const drawn = page.locator("#drawn");
await drawn.waitFor();
const left = () => page.getByLabel("Left", { exact: true }).inputValue();
const width = () => page.getByLabel("Width", { exact: true }).inputValue();
await until("ArrowRight", left);
await until("ArrowUp", () => page.getByLabel("Top", { exact: true }).inputValue());
await until("Shift+ArrowRight", width);
await press("Enter");
check(await page.evaluate(() => document.activeElement.id === "mark-reason"), "after the region comes the reason");
await press("ArrowDown", "Tab");
await page.keyboard.type("cannot be read");
await tabTo("Mark");
await press("Enter");
await page.getByRole("heading", { name: "Marked as wrong" }).waitFor();
check(await page.locator(".mark-box").isVisible(), "the mark is seen on the page");
await keep(page, "review-marked");

await press("Escape");
await until("f", summary);
check((await summary()).includes("Fail 1"), "with a mark the item fails without another word");
// What passes leads to the next item that is open by itself.
await until(".", () => page.locator(".item[aria-current]").textContent());
while (!(await summary()).startsWith("Open 0")) await until("y", summary);
check((await summary()).startsWith("Open 0"), `everything is judged: ${await summary()}`);

await press("e");
await tabTo("Preview");
await press("Enter");
await page.getByRole("button", { name: "Send now" }).waitFor();
check((await page.locator("main").textContent()).includes("cannot be read"), "the preview has what was written with the mark");
await keep(page, "review-preview");
await press("Escape");
await page.locator("[data-desk]").waitFor();
check((await page.locator("main").textContent()).includes("Taken back"), "Escape takes it back");
await press("e");
await tabTo("Preview");
await press("Enter");
await page.getByRole("button", { name: "Send now" }).waitFor();
await tabTo("Send now");
await press("Enter");
await page.waitForURL((url) => !url.href.includes("/preview/") && url.href !== there);
check((await page.locator("main").textContent()).includes("Return for correction"), "what was done is said");
await finish("the desk by keyboard alone: viewed, turned, marked, judged, returned");

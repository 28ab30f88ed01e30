// The desk without loading the page anew: links and forms with data-swap are fetched, and only the parts that differ are put in
// their place. Keys, sizes and the text layer. Without scripts every link and form works as it stands.
"use strict";

const desk = () => document.querySelector("[data-desk]");
const KEYS_OFF = "lantai-desk-keys-off";
const shown = new Map();
let zoom;
let text = false;
let under = null;

function remember() {
  shown.clear();
  for (const part of document.querySelectorAll("[data-part]")) shown.set(part.dataset.part, part.outerHTML);
}

/** What somebody has typed and not sent yet stays, and what they have unfolded. */
function keep(old, part) {
  for (const typed of old.querySelectorAll("textarea[id]")) {
    const fresh = part.querySelector(`#${typed.id}`);
    if (fresh && typed.value !== typed.defaultValue) fresh.value = typed.value;
  }
  for (const unfolded of old.querySelectorAll("details[id][open]")) part.querySelector(`#${unfolded.id}`)?.setAttribute("open", "");
}

/** What the server drew of a part, whatever was done to it here since. */
function put(fresh) {
  const parts = new Map([...fresh.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const names = new Set([...shown.keys(), ...parts.keys()]);
  const here = new Map([...document.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  if ([...names].some((name) => !parts.has(name) || !here.has(name))) {
    desk().replaceWith(fresh);
    remember();
    return;
  }
  for (const [name, part] of parts) {
    const html = part.outerHTML;
    if (shown.get(name) === html) continue;
    const old = here.get(name);
    const top = old.scrollTop;
    shown.set(name, html);
    keep(old, part);
    old.replaceWith(part);
    if (name === "strip") part.scrollTop = top;
  }
  for (const name of ["until"]) {
    if (fresh.dataset[name] === undefined) delete desk().dataset[name];
    else desk().dataset[name] = fresh.dataset[name];
  }
}

async function go(address, options, push) {
  const active = document.activeElement;
  const id = active?.id;
  under?.abort();
  under = new AbortController();
  let answer;
  try {
    answer = await fetch(address, { ...options, signal: under.signal, headers: { accept: "text/html" } });
  } catch (error) {
    // The server is away: the browser says so itself, unless something newer was asked for.
    if (error.name !== "AbortError" && !options.body) location.href = address;
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-desk]");
  if (!fresh) {
    if (answer.ok && (answer.redirected || !options.body)) location.href = answer.url;
    else document.querySelector("main").replaceWith(page.querySelector("main"));
    return;
  }
  document.title = page.title;
  put(document.importNode(fresh, true));
  if (push && answer.ok) history.pushState(null, "", answer.url);
  settle();
  const wanted = document.querySelector("[data-wants]");
  if (wanted) wanted.focus();
  else if (id && document.activeElement?.id !== id) document.getElementById(id)?.focus({ preventScroll: true });
  if (options.body) {
    if (answer.ok && options.marks) clear();
    const said = document.querySelector("[data-say]") ?? document.querySelector("[data-summary]");
    document.getElementById("said").textContent = said?.textContent.replace(/\s+/g, " ").trim() ?? "";
  }
}

/** The form for marks is empty again. */
function clear() {
  const form = document.querySelector("[data-marking]");
  form?.reset();
  if (form) form.parentElement.open = false;
  document.getElementById("glass")?.focus();
  document.dispatchEvent(new Event("desk:drawn"));
}

/** What is the browser's own to set after a part was drawn. */
function settle() {
  for (const hidden of document.querySelectorAll("[data-keys], [data-text], [data-draw], .slider")) hidden.hidden = false;
  size(zoom);
  show(text);
  for (const part of [".strip", ".panel"]) {
    document.querySelector(`${part} [aria-current="page"], ${part} .item[aria-current]`)?.scrollIntoView({ block: "nearest" });
  }
  const ahead = document.querySelector("[data-ahead]")?.dataset.ahead;
  if (ahead) new Image().src = ahead;
  document.getElementById("keys-on").checked = !off();
  document.body.classList.toggle("keys", !off());
  document.dispatchEvent(new Event("desk:drawn"));
}

function size(wanted) {
  const glass = document.getElementById("glass");
  if (!glass || !wanted) return;
  zoom = wanted;
  glass.className = glass.className.replace(/zoom-\w+/, `zoom-${zoom}`);
  for (const link of document.querySelectorAll("[data-zoom]")) {
    if (link.dataset.zoom === zoom) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function step(by) {
  const all = [...document.querySelectorAll("[data-zoom]")].map((link) => link.dataset.zoom);
  const at = all.indexOf(document.querySelector("[data-zoom][aria-current]")?.dataset.zoom);
  size(all[Math.min(Math.max(at + by, 0), all.length - 1)]);
}

function show(wanted) {
  text = wanted;
  document.getElementById("glass")?.classList.toggle("show-text", text);
  document.querySelector("[data-text]")?.setAttribute("aria-pressed", String(text));
}

function compare(percent) {
  const box = document.querySelector("[data-compare]");
  const now = box?.querySelector("figure:last-of-type");
  if (!box || !now) return;
  const beside = percent === null;
  box.classList.toggle("over", !beside);
  now.style.clipPath = beside ? "" : `inset(0 0 0 ${percent}%)`;
}

const off = () => localStorage.getItem(KEYS_OFF) === "1";

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const on = (selector) => event.target.closest(selector);
  if (on("a[data-zoom]")) {
    event.preventDefault();
    size(on("a[data-zoom]").dataset.zoom);
  } else if (on("a[data-swap]")) {
    event.preventDefault();
    go(on("a[data-swap]").href, {}, true);
  } else if (on("[data-text]")) show(!text);
  else if (on("[data-keys]")) document.getElementById("keys").showModal();
  else if (on("[data-beside]")) compare(null);
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-swap]");
  if (!form) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  if (form.method === "get") go(`${form.action}?${fields}`, {}, true);
  else go(form.action, { method: "post", body: fields, marks: form.matches("[data-marking]") }, true);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "slide") compare(Number(event.target.value));
  if (event.target.id === "keys-on") {
    localStorage.setItem(KEYS_OFF, event.target.checked ? "0" : "1");
    document.body.classList.toggle("keys", !off());
  }
});

for (const [kind, lit] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(kind, (event) => {
    const row = event.target.closest?.("[data-field]");
    if (row) document.getElementById(`field-${row.dataset.field}`)?.classList.toggle("lit", lit);
  });
}

window.addEventListener("popstate", () => go(location.href, {}, false));

/** The element that a key stands for. */
function meant(key) {
  if (key === "w") return document.querySelector("[data-marking]");
  if ("yfx".includes(key)) return document.querySelector(`.item[aria-current] [data-judge="${key}"]`);
  if (key === "." || key === ",") {
    const items = [...document.querySelectorAll("[data-item]")];
    const at = items.findIndex((item) => item.closest("[aria-current]"));
    return items[key === "." ? at + 1 : Math.max(at, 1) - 1];
  }
  return [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
}

function open(summary) {
  const details = summary.parentElement;
  details.open = true;
  details.scrollIntoView({ block: "nearest" });
  details.querySelector("select, textarea, input:not([type=hidden])")?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.closest?.("input, select, textarea, [contenteditable], dialog");
  if (event.key === "Escape" && event.target.id !== "drawn" && event.target.closest?.(".panel, .find")) {
    document.getElementById("glass")?.focus();
    return;
  }
  if (typing || event.defaultPrevented || event.target.id === "drawn") return;
  if (event.key === "?") document.getElementById("keys").showModal();
  else if (off() || event.repeat && !"jk".includes(event.key)) return;
  else if (event.key === "+" || event.key === "=") step(1);
  else if (event.key === "-") step(-1);
  else if (event.key === "0") size("page");
  else if (event.key === "/") document.getElementById("find")?.focus();
  else {
    const element = event.key.length === 1 ? meant(event.key) : null;
    if (!element) return;
    if (event.key === "m" || event.key === "w") document.dispatchEvent(new CustomEvent("desk:mark", { detail: event.key }));
    else if (element.tagName === "SUMMARY") open(element);
    // A decision is never one key: the button gets the focus, and Enter takes it.
    else if (event.key === "a") element.focus();
    else element.click();
  }
  event.preventDefault();
});

// The claim is renewed while somebody works, though they may stay on one page.
let asked = 0;
for (const kind of ["keydown", "pointermove", "scroll"]) {
  document.addEventListener(kind, async () => {
    const until = Date.parse(desk()?.dataset.until ?? "");
    const now = Date.now();
    if (!(until - now < 7 * 60_000) || now - asked < 60_000) return;
    asked = now;
    const answer = await fetch(desk().dataset.claim, { method: "post" }).catch(() => null);
    if (answer?.ok) desk().dataset.until = (await answer.json()).until;
  }, { passive: true, capture: true });
}

if (desk()) {
  remember();
  settle();
}

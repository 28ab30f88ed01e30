// A part of the page is marked by pointer, or by keys: the numbers in the form say where it is, whatever set them.
"use strict";

const STEP = 1;
let drawing = false;
let start = null;

const form = () => document.querySelector("[data-marking]");
const field = (name) => form()?.elements[name];
const page = () => [...document.querySelectorAll("#glass [data-page]")].at(-1);
const sides = ["left", "top", "width", "height"];

function size() {
  return page().dataset.page.split(" ").map(Number);
}

/** Where the box is, in percent of the page. */
function box() {
  return sides.map((name) => Number.parseFloat(field(name).value) || 0);
}

function set([left, top, width, height]) {
  const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
  width = clamp(width, 0.5, 100);
  height = clamp(height, 0.5, 100);
  const values = [clamp(left, 0, 100 - width), clamp(top, 0, 100 - height), width, height];
  sides.forEach((name, at) => (field(name).value = String(Math.round(values[at] * 10) / 10)));
  draw();
}

function draw() {
  const there = page();
  let rect = document.getElementById("drawn");
  const wanted = there && form() && field("scope").value === "region" && box().some((value) => value > 0);
  if (!wanted) {
    rect?.remove();
    return;
  }
  if (rect?.parentElement !== there) {
    rect?.remove();
    rect = document.createElementNS(there.namespaceURI, "rect");
    rect.id = "drawn";
    rect.setAttribute("class", "drawn");
    rect.setAttribute("tabindex", "0");
    rect.setAttribute("role", "img");
    rect.setAttribute("aria-label", document.querySelector("[data-draw-hint]").textContent);
    there.append(rect);
  }
  const [width, height] = size();
  const [x, y, w, h] = box();
  const pairs = { x: x * width, y: y * height, width: w * width, height: h * height };
  for (const [name, value] of Object.entries(pairs)) rect.setAttribute(name, String(value / 100));
}

function begin(focus) {
  form().parentElement.open = true;
  if (!page()) return document.getElementById("mark-reason").focus();
  field("scope").value = "region";
  drawing = true;
  look();
  if (!box()[2]) set([30, 40, 40, 10]);
  draw();
  if (focus) document.getElementById("drawn")?.focus();
}

function end() {
  drawing = false;
  look();
  document.getElementById("mark-reason")?.focus();
}

function look() {
  document.getElementById("glass")?.classList.toggle("drawing", drawing);
  document.querySelector("[data-draw]")?.setAttribute("aria-pressed", String(drawing));
  const hint = document.querySelector("[data-draw-hint]");
  if (hint) hint.hidden = !drawing;
}

/** The point of the page below the pointer, in percent, however the page is turned. */
function point(event) {
  const matrix = page().getScreenCTM().inverse();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
  const [width, height] = size();
  const share = (value, whole) => Math.min(Math.max((value / whole) * 100, 0), 100);
  return [share(at.x, width), share(at.y, height)];
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-draw]")) drawing ? end() : begin(true);
});

document.addEventListener("desk:mark", (event) => {
  if (event.detail === "m") return begin(true);
  form().parentElement.open = true;
  field("scope").value = "page";
  end();
});

document.addEventListener("change", (event) => {
  if (event.target.name === "scope" && event.target.form === form()) event.target.value === "region" ? begin(false) : end();
  draw();
});
document.addEventListener("input", (event) => {
  if (sides.includes(event.target.name)) draw();
});

document.addEventListener("pointerdown", (event) => {
  if (!drawing || event.button || !event.target.closest("#glass .paper")) return;
  event.preventDefault();
  start = point(event);
  event.target.setPointerCapture?.(event.pointerId);
});
document.addEventListener("pointermove", (event) => {
  if (!start) return;
  const now = point(event);
  set([Math.min(start[0], now[0]), Math.min(start[1], now[1]), Math.abs(now[0] - start[0]), Math.abs(now[1] - start[1])]);
});
for (const kind of ["pointerup", "pointercancel"]) {
  document.addEventListener(kind, () => {
    if (!start) return;
    start = null;
    end();
  });
}

/** The way an arrow goes on the page, which may be turned. */
function way(key) {
  const ways = { ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowUp: [0, -1] };
  const seen = ways[key];
  if (!seen) return null;
  const turns = Number(page().ownerSVGElement.dataset.turn) / 90;
  let [x, y] = seen;
  for (let turn = 0; turn < turns; turn += 1) [x, y] = [y, -x];
  return [x, y];
}

document.addEventListener("keydown", (event) => {
  if (event.target.id !== "drawn") return;
  const by = way(event.key);
  if (by) {
    const [left, top, width, height] = box();
    const [x, y] = [by[0] * STEP, by[1] * STEP];
    set(event.shiftKey ? [left, top, width + x, height + y] : [left + x, top + y, width, height]);
  } else if (event.key === "Enter") end();
  else if (event.key === "Escape") {
    field("scope").value = "page";
    drawing = false;
    look();
    draw();
    document.getElementById("glass").focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
});

document.addEventListener("desk:drawn", () => {
  drawing = false;
  start = null;
  look();
  draw();
});

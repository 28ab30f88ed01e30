// A decision is sent by itself after some seconds, in which it can be taken back. Without scripts it is sent by its button.
"use strict";

const box = document.querySelector("[data-undo]");
const stop = document.querySelector("[data-undo-stop]");
const send = document.getElementById("send");
const undo = document.getElementById("undo");
let left = Number(box.dataset.undo);
let ended = false;

function leave(form) {
  if (ended) return;
  ended = true;
  clearInterval(clock);
  form.submit();
}

const clock = setInterval(() => {
  left -= 1;
  box.querySelector(".count").textContent = String(left);
  if (left <= 0) leave(send);
}, 1000);

document.body.classList.add("keys");
box.hidden = false;
stop.hidden = false;
stop.addEventListener("click", () => {
  clearInterval(clock);
  box.hidden = true;
  stop.hidden = true;
  send.querySelector("button").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.key !== "Escape") return;
  event.preventDefault();
  leave(undo);
});
for (const form of [send, undo]) form.addEventListener("submit", (event) => {
  if (ended) event.preventDefault();
  ended = true;
  clearInterval(clock);
});
window.addEventListener("beforeunload", (event) => {
  if (!ended && !box.hidden) event.preventDefault();
});

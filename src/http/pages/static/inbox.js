// Tells at once what comes into the inbox. One tab holds the stream and tells the others; without scripts, loading a page
// says it too.
"use strict";

const AGAIN_MS = 30000;

const count = document.querySelector("[data-unread]");
const fresh = document.querySelector("[data-inbox-new]");
const others = "BroadcastChannel" in window ? new BroadcastChannel("lantai-inbox") : null;

function show({ kind, data }) {
  if (kind === "unread" && count) {
    const unread = Number(data);
    count.hidden = unread === 0;
    count.textContent = unread > 99 ? "99+" : String(unread);
  }
  if (kind === "notice" && fresh) fresh.hidden = false;
}

function tell(said) {
  show(said);
  others?.postMessage(said);
}

function listen() {
  return new Promise((ended) => {
    const stream = new EventSource("/api/v1/events");
    for (const kind of ["notice", "unread"]) {
      stream.addEventListener(kind, (event) => tell({ kind, data: event.data }));
    }
    // The browser comes back by itself, unless it was refused: signed out, or too many streams.
    stream.onerror = () => {
      if (stream.readyState === EventSource.CLOSED) ended();
    };
    addEventListener("pagehide", () => stream.close(), { once: true });
  });
}

async function keepListening() {
  for (;;) {
    await listen();
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

if (count) {
  others?.addEventListener("message", (event) => show(event.data));
  if (navigator.locks) navigator.locks.request("lantai-inbox", keepListening);
  else keepListening();
}

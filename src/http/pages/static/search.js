// Shows what is found while somebody types. Without scripts, the button searches.

const PAUSE_MS = 450;
const LEAST_LETTERS = 2;

const form = document.querySelector("form.search[data-live]");
const input = form?.querySelector("input[name=q]");
let waiting;
let asked = "";
let running;

/// Letters and digits, a Chinese character counting for two.
const weight = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 2 : 1), 0);

async function search() {
  const typed = input.value.trim();
  if (typed === asked || weight(typed) < LEAST_LETTERS) return;
  asked = typed;
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const address = `/search?${new URLSearchParams(fields)}`;
  running?.abort();
  running = new AbortController();
  const results = document.getElementById("results");
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { signal: running.signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("results");
    if (!found || input.value.trim() !== typed) return;
    results.replaceWith(found);
    history.replaceState(null, "", address);
  } catch {
    // The server is away, or more was typed: what is there stays.
    document.getElementById("results")?.removeAttribute("aria-busy");
  }
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(search, PAUSE_MS);
}

if (input) {
  asked = input.value.trim();
  // Letters that an input method composes are no words yet.
  input.addEventListener("input", (event) => !event.isComposing && later());
  input.addEventListener("compositionend", later);
}

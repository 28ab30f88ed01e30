// Suggests customers while a name is typed, and numbers of contracts. Without scripts, the search finds them all the same.
"use strict";

const PAUSE_MS = 150;

for (const list of document.querySelectorAll("datalist[data-suggest]")) {
  const input = document.querySelector(`input[list="${list.id}"]`);
  let waiting;
  let asked = "";
  const ask = async () => {
    const typed = input.value.trim();
    if (typed === asked || typed.length === 0 || typed.includes(" ")) return;
    asked = typed;
    try {
      const answer = await fetch(`${list.dataset.suggest}?q=${encodeURIComponent(typed)}`);
      if (!answer.ok || asked !== typed) return;
      const { suggestions } = await answer.json();
      // What browsers offer must begin as it was typed, or have it as its label.
      list.replaceChildren(...suggestions.map(({ name, number }) => new Option(typed, name ?? number)));
    } catch {
      // The server is away: nothing is suggested.
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE_MS);
  });
}

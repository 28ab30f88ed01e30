// Says how far a document is, while something is still to be done. Without scripts, loading the page again says it too.
"use strict";

const SOON_MS = 1000;
const LATE_MS = 5000;

async function follow(element, wait) {
  await new Promise((resolve) => setTimeout(resolve, wait));
  try {
    const answer = await fetch(`/documents/${element.dataset.progress}/progress`, { cache: "no-store" });
    if (!answer.ok) return;
    const { said, under_way: underWay } = await answer.json();
    if (element.textContent !== said) element.textContent = said;
    if (!underWay) return;
  } catch {
    // The server is away: it is asked again.
  }
  follow(element, Math.min(wait * 1.2, LATE_MS));
}

for (const element of document.querySelectorAll("[data-progress]")) follow(element, SOON_MS);

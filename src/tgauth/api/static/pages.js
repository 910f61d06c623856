// Conveniences. Every page works without.
"use strict";

const IMPATIENCE = 5000; // milliseconds in which a second press of the same button means the first

// A second press takes the place of the first one's request, whose answer is then lost with all that it
// brought: an application would be sent the same code twice, and could take it once.
for (const form of document.querySelectorAll("form")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    setTimeout(() => { sent = false; }, IMPATIENCE);
  });
  addEventListener("pageshow", () => { sent = false; });
}

// The copy buttons need a script, so it is what shows them.

for (const box of document.querySelectorAll("[data-copy]")) {
  const field = box.querySelector("input");
  const button = box.querySelector("button");
  const said = box.querySelector("[role=status]");
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(field.value);
      copied = true;
    } catch {
      // No leave, or no secure context: select it, and try the old way.
      field.focus();
      field.select();
      copied = document.execCommand("copy");
    }
    said.textContent = copied ? said.dataset.done : said.dataset.failed;
  });
}

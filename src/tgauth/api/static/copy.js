// Shows the copy buttons, which need a script. Every page works without.
"use strict";

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

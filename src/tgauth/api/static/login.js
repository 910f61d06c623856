// Lets the page of a login move on by itself. Without a script, refreshing it does the same.
"use strict";

const AGAIN = 10000; // milliseconds until another look where there is nothing to hear yet
const MOST_PAUSE = 15000;
const ELSEWHERE = 1500; // milliseconds for another tab to finish, before this one asks what became of it
const NEARLY = 60; // seconds left that are said aloud: who cannot see the time hears nothing of it

// In one tab of those that show this login: they would all bring the application the same code, which
// is good once, and the one that is seen may be too late.
function finish(form) {
  if (!navigator.locks) {
    form.submit();
    return;
  }
  navigator.locks.request(form.action, { ifAvailable: true }, (lock) => {
    if (lock === null) {
      setTimeout(() => location.reload(), ELSEWHERE);
      return null;
    }
    form.submit();
    return new Promise(() => {}); // held until this page is left
  });
}

function wait(box) {
  const form = box.querySelector("form");
  const said = box.querySelector("[data-said]");
  const left = box.querySelector("[data-left]");
  const nearly = box.querySelector("[data-nearly]");
  // Not by the clock of this machine, which may be wrong.
  const end = performance.now() + box.dataset.seconds * 1000;
  let source = null;
  let failures = 0;
  let over = false;

  function tell(event) {
    failures = 0;
    if (over) return;
    if (event.data === "opened") {
      if (said) said.textContent = said.dataset.opened;
      return;
    }
    over = true;
    source.close();
    if (event.data === "approved") {
      if (said) said.textContent = said.dataset.approved;
      finish(form);
    } else {
      location.reload();
    }
  }

  // Only where somebody answers: an error of whatever stands in between must not take this page's place.
  async function reloadIfServed() {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.status < 500 && answer.status !== 429) location.reload();
    } catch {
      // Nobody is there: the next try comes by itself.
    }
  }

  function failed() {
    // A connection that was cut off is made anew by the browser; one that was refused is not.
    if (over || source.readyState !== EventSource.CLOSED) return;
    failures += 1;
    if (failures % 3 === 0) reloadIfServed();
    setTimeout(listen, Math.min(failures * 3000, MOST_PAUSE));
  }

  function listen() {
    if (over || (source && source.readyState !== EventSource.CLOSED)) return;
    source = new EventSource(box.dataset.events);
    source.addEventListener("message", tell);
    source.addEventListener("error", failed);
    source.addEventListener("open", () => { failures = 0; });
  }

  function count() {
    const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    // Once: whatever writes it again has it read out again.
    const isNew = nearly && !nearly.textContent && box.dataset.seconds > NEARLY;
    if (isNew && seconds <= NEARLY) nearly.textContent = nearly.dataset.nearly;
    if (seconds > 0) return;
    clearInterval(counting);
    // An approval in the last moment gives more time, of which only the stream knows.
    setTimeout(() => { if (!over) reloadIfServed(); }, 1500);
  }

  const counting = setInterval(count, 1000);
  count();
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    // What was in the background may have been cut off without having been told: it only seems open.
    source.close();
    listen();
  });
  addEventListener("pagehide", () => { if (source) source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  if ("again" in box.dataset) setInterval(reloadIfServed, AGAIN);
}

for (const box of document.querySelectorAll("[data-login]")) wait(box);
// Open without a script: each of the refreshes that it then needs would close it again.
for (const details of document.querySelectorAll("[data-folded]")) details.open = false;
addEventListener("load", () => {
  for (const form of document.querySelectorAll("form[data-finish]")) form.submit();
});

// The chat page: who one is, what was said, and what the bot answers to a press.
import { anchor, chip, element, personButton, render } from "./render.js";

const $ = (id) => document.getElementById(id);
const shown = new Map();
const waiting = new Map();
let me = Number(sessionStorage.getItem("person")) || 0;
let username = "";
let run = "";
let last = 0;
let reading = new AbortController();
// What the link brought along by which this page was opened, until it has been sent.
let payload = new URLSearchParams(location.search).get("start");
let application = "";

async function call(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  } catch { throw new Error("the sandbox does not answer"); }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.detail || `the sandbox answered with ${answer.status}`);
  return content;
}

// What the nodes of a message can do.

const acts = {
  say: (text) => say(text),
  toast,
  async copy(text) {
    try { await navigator.clipboard.writeText(text); toast("Copied."); } catch { toast(`Copy this: ${text}`); }
  },
  async press(message, spec, node) {
    if (node.getAttribute("aria-busy") === "true") return;
    node.setAttribute("aria-busy", "true");
    try {
      const pressed = await call("/chat/presses", { user_id: me, message_id: message.message_id, data: spec.callback_data });
      const timer = setTimeout(() => settle(pressed.callback_query_id) && toast("The bot did not answer this press."), pressed.answerable_seconds * 1000);
      waiting.set(pressed.callback_query_id, { node, timer });
    } catch (error) {
      node.removeAttribute("aria-busy");
      toast(`Not pressed: ${error.message}.`);
    }
  },
};

function settle(id) {
  const pressed = waiting.get(id);
  if (!pressed) return false;
  clearTimeout(pressed.timer);
  pressed.node.removeAttribute("aria-busy");
  return waiting.delete(id);
}

function answered(entry) {
  settle(entry.callback_query_id);
  if (entry.text && entry.show_alert) alertWith(entry.text);
  else if (entry.text) toast(entry.text);
  const start = entry.url && startOf(entry.url);
  if (start) say(`/start ${start}`);
}

function startOf(link) {
  // A link that opens this bot: in Telegram it would not leave the application either.
  try {
    const url = new URL(link.includes("://") ? link : `https://${link}`);
    const name = url.protocol === "tg:" ? url.searchParams.get("domain") : url.pathname.slice(1);
    const ours = url.protocol === "tg:" || ["t.me", "telegram.me"].includes(url.hostname);
    return ours && name?.toLowerCase() === username.toLowerCase() ? url.searchParams.get("start") : null;
  } catch { return null; }
}

$("messages").addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const start = link && startOf(link.href);
  if (!start) return;
  event.preventDefault();
  say(`/start ${start}`);
});

let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

function alertWith(text) {
  $("alert-text").textContent = text;
  if (!$("alert").open) $("alert").showModal();
}

// Messages.

function update(message) {
  const list = $("messages");
  const bottom = list.scrollHeight - list.scrollTop - list.clientHeight < 120;
  const before = shown.get(message.message_id);
  if (message.deleted) {
    before?.remove();
    shown.delete(message.message_id);
    return;
  }
  list.querySelector(".empty")?.remove();
  const focused = before?.contains(document.activeElement);
  const node = render(message, me, acts);
  if (before) before.replaceWith(node);
  else list.append(node);
  shown.set(message.message_id, node);
  if (focused) (node.querySelector("button, a") || list).focus();
  if (bottom || message.from?.id === me) list.scrollTop = list.scrollHeight;
}

function clear() {
  last = 0;
  shown.clear();
  for (const id of [...waiting.keys()]) settle(id);
  $("messages").replaceChildren(element("div", { class: "empty" }));
  describe();
}

let description = "";
function describe() {
  const empty = $("messages").querySelector(".empty");
  if (!empty) return;
  const parts = description ? [element("strong", {}, "What can this bot do?"), element("p", {}, description)] : [];
  const other = application ? [element("p", {}, "Or begin in a browser, at the ", anchor(application, "sample application"), ".")] : [];
  const hint = payload ? "START sends what the link brought along." : "Send /login to get a link.";
  empty.replaceChildren(...parts, element("p", {}, `No messages yet. ${hint}`), ...(payload ? [] : other));
}

async function read(signal) {
  const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
  while (!signal.aborted) {
    try {
      const answer = await fetch(`/chat/messages?user_id=${me}&after=${last}&wait=${run ? 20 : 0}&run=${run}`, { signal });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const news = await answer.json();
      if (signal.aborted) return;
      $("away").hidden = true;
      if (run && run !== news.run) {
        clear();
        toast("The sandbox was started again: earlier messages are gone.");
      }
      if (run !== news.run) {
        run = news.run;
        await about();
      }
      const first = last === 0;
      for (const message of news.messages) { update(message); last = Math.max(last, message.seq); }
      for (const entry of news.answers) { last = Math.max(last, entry.seq); if (!first) answered(entry); }
      if (news.messages.some((m) => m.from?.is_bot)) await about();
      if (!news.messages.length && !news.answers.length) await pause(250);
    } catch (error) {
      if (signal.aborted) return;
      $("away").hidden = false;
      await pause(1000);
    }
  }
}

// Writing. What could not be sent stays in the field.

let sending = false;
async function say(text) {
  if (!text.trim()) return true;
  try {
    await call("/chat/messages", { user_id: me, text });
    $("problem").hidden = true;
    return true;
  } catch (error) {
    $("problem").textContent = `Not sent: ${error.message}. Your message is kept; send it again in a moment.`;
    $("problem").hidden = false;
    if (!$("text").value.trim()) write(text);
    return false;
  }
}

const draft = () => `draft-${me}`;
function write(text) {
  $("text").value = text;
  sessionStorage.setItem(draft(), text);
  resize();
}

function resize() {
  if ($("composer").hidden) return;  // nothing to measure: it would come back without a height
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
}

$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (sending) return;
  sending = true;
  const [text, whose] = [$("text").value, me];
  if ((await say(text)) && whose === me && $("text").value === text) write("");
  else if (whose !== me) sessionStorage.setItem(`draft-${whose}`, "");
  sending = false;
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});
$("text").addEventListener("input", () => write($("text").value));

// A link that opened the chat: START stands in the place of the input field.

function offer() {
  $("starter").hidden = !payload;
  $("composer").hidden = $("chips").hidden = Boolean(payload);
  resize();
  describe();
}

async function start() {
  const brought = payload;
  if (!brought) return;
  payload = null;
  offer();
  try {
    await call("/chat/starts", { user_id: me, payload: brought });
    history.replaceState(null, "", "/");
    $("problem").hidden = true;
    $("messages").focus();  // not the field: on a phone that would bring its keyboard up
  } catch (error) {
    payload = brought;
    offer();
    $("problem").textContent = `Not started: ${error.message}. Press START again in a moment.`;
    $("problem").hidden = false;
  }
}

$("start").addEventListener("click", start);

// People.

function replace(parent, nodes, known) {
  // Only what changed, so that the focus stays where it is.
  if (parent.dataset.known === known) return;
  const focused = parent.contains(document.activeElement) && document.activeElement.textContent;
  parent.dataset.known = known;
  parent.replaceChildren(...nodes());
  if (focused) [...parent.querySelectorAll("button")].find((node) => node.textContent === focused)?.focus();
}

async function about() {
  const answer = await fetch(`/chat/bot?user_id=${me || 1001}`);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const { bot, people, person, commands, description: text, application: place } = await answer.json();
  if (!me) me = people[0].id;
  username = bot.username;
  description = text;
  application = place;
  $("other-way").hidden = !place;
  if (place) $("application").href = place;
  $("bot-name").textContent = bot.first_name;
  $("alert-title").textContent = bot.first_name;
  $("bot-kind").textContent = `@${bot.username}, bot`;
  $("bot-initial").textContent = bot.first_name.slice(0, 1).toUpperCase();
  const key = JSON.stringify([people, me]);
  replace($("people"), () => people.map((one) => element("li", {}, personButton(one, me, become))), key);
  replace($("people-strip"), () => people.map((one) => personButton(one, me, become)), key);
  for (const node of document.querySelectorAll(".person")) node.setAttribute("aria-pressed", String(Number(node.dataset.id) === me));
  const menu = commands.length ? commands : [{ command: "start", description: "" }];
  replace($("chips"), () => menu.map((one) => chip(one, say)), JSON.stringify(menu));
  for (const id of ["messages", "chips"]) $(id).lang = person.language_code || "en";
  $("block").textContent = person.blocked ? "Unblock" : "Block";
  $("block").dataset.blocked = String(person.blocked);
  offer();
  if (payload && person.wrote && person.deep_links === "send") await start();
}

$("block").addEventListener("click", async () => {
  try {
    const blocked = $("block").dataset.blocked !== "true";
    await call("/chat/blocks", { user_id: me, blocked });
    toast(blocked ? "You blocked the bot: it cannot write to you." : "You unblocked the bot.");
    await about();
  } catch (error) { toast(`Not done: ${error.message}.`); }
});

function become(id) {
  reading.abort();
  reading = new AbortController();
  me = id;
  sessionStorage.setItem("person", String(id));
  run = "";
  $("problem").hidden = true;
  $("toast").hidden = true;
  clear();
  write(sessionStorage.getItem(draft()) || "");
  read(reading.signal);
}

become(me || 1001);

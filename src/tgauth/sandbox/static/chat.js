// The chat page. Whatever the bot sends becomes text nodes and known elements, never markup.
const $ = (id) => document.getElementById(id);
const shown = new Map();
const kinds = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };
let me = Number(sessionStorage.getItem("person")) || 0;
let last = 0;
let reading = new AbortController();

async function call(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.detail || `HTTP ${answer.status}`);
  return content;
}

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return ["http:", "https:", "tg:"].includes(parsed.protocol) ? parsed.href : null;
  } catch { return null; }
}

function anchor(url, ...children) {
  const safe = safeUrl(url);
  if (!safe) return element("span", {}, ...children);
  return element("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

function plain(text) {
  // Links to this machine too, which Telegram itself does not mark.
  return text.split(/(https?:\/\/[^\s<>"«»]*[^\s<>"«».,:;!?)])/g).map((part, i) => (i % 2 ? anchor(part, part) : part));
}

function wrap(entity, text, children) {
  if (entity.type === "url") return anchor(text, ...children);
  if (entity.type === "text_link") return anchor(entity.url, ...children);
  if (entity.type === "spoiler") return element("span", { class: "spoiler", tabindex: "0" }, ...children);
  if (entity.type === "bot_command") {
    const node = element("button", { type: "button", class: "command" }, ...children);
    node.addEventListener("click", () => say(text));
    return node;
  }
  return element(kinds[entity.type] || "span", {}, ...children);
}

function formatted(text, entities, from = 0, to = text.length) {
  // Offsets are UTF-16 units on both sides. Entities come sorted, the outer ones first.
  const nodes = [];
  let at = from;
  for (let i = 0; i < entities.length; i += 1) {
    const entity = entities[i];
    const end = entity.offset + entity.length;
    if (entity.offset < at || end > to) continue;
    nodes.push(...plain(text.slice(at, entity.offset)));
    const part = text.slice(entity.offset, end);
    const inner = entities.slice(i + 1).filter((e) => e.offset >= entity.offset && e.offset + e.length <= end);
    const linked = ["url", "text_link", "bot_command", "code", "pre"].includes(entity.type);
    nodes.push(wrap(entity, part, linked ? [part] : formatted(text, inner, entity.offset, end)));
    at = end;
  }
  nodes.push(...plain(text.slice(at, to)));
  return nodes;
}

function keyboard(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return [];
  const block = element("div", { class: "keyboard" });
  for (const row of rows) {
    const line = element("div", { class: "row" });
    for (const button of row) {
      if (button.url) { line.append(anchor(button.url, button.text)); continue; }
      const node = element("button", { type: "button" }, button.text);
      node.addEventListener("click", async () => {
        node.classList.add("waiting");
        try {
          await call("/chat/presses", { user_id: me, message_id: message.message_id, data: button.callback_data });
        } catch (error) { toast(error.message); }
        setTimeout(() => node.classList.remove("waiting"), 4000);
      });
      line.append(node);
    }
    block.append(line);
  }
  return [block];
}

function render(message) {
  const mine = message.from.id === me;
  const time = new Date(message.date * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const bubble = element("div", { class: "bubble" });
  if (message.forward_origin) bubble.append(element("span", { class: "aside" }, "Forwarded"));
  bubble.append(element("span", { class: "text" }, ...formatted(message.text, message.entities || [])));
  bubble.append(element("time", {}, message.edited ? `edited ${time}` : time));
  return element("li", { class: mine ? "message mine" : "message" }, bubble, ...keyboard(message));
}

function update(message) {
  const list = $("messages");
  const bottom = list.scrollHeight - list.scrollTop - list.clientHeight < 120;
  const before = shown.get(message.message_id);
  list.querySelector(".empty")?.remove();
  if (message.deleted) {
    before?.remove();
    shown.delete(message.message_id);
    return;
  }
  const node = render(message);
  if (before) before.replaceWith(node);
  else list.append(node);
  shown.set(message.message_id, node);
  if (bottom || message.from.id === me) list.scrollTop = list.scrollHeight;
}

let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

async function say(text) {
  if (!text.trim()) return;
  try { await call("/chat/messages", { user_id: me, text }); } catch (error) { toast(error.message); }
}

async function read(signal) {
  while (!signal.aborted) {
    try {
      const answer = await fetch(`/chat/messages?user_id=${me}&after=${last}&wait=20`, { signal });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const { messages, answers } = await answer.json();
      const first = last === 0;
      for (const message of messages) { update(message); last = Math.max(last, message.seq); }
      for (const entry of answers) {
        last = Math.max(last, entry.seq);
        document.querySelectorAll(".waiting").forEach((node) => node.classList.remove("waiting"));
        if (entry.text && !first) toast(entry.text);
      }
      if (messages.length && messages.some((m) => m.from?.is_bot)) about();
      if (!messages.length && !answers.length) await new Promise((done) => { setTimeout(done, 250); });
    } catch (error) {
      if (signal.aborted) return;
      toast("The sandbox does not answer; trying again.");
      await new Promise((done) => { setTimeout(done, 1500); });
    }
  }
}

function personButton(person) {
  const name = [person.first_name, person.last_name].filter(Boolean).join(" ");
  const detail = [person.username ? `@${person.username}` : `id ${person.id}`, person.language_code].filter(Boolean).join(" · ");
  const avatar = element("span", { class: "avatar", "aria-hidden": "true", "data-tone": String(person.id % 3) }, person.first_name.slice(0, 1));
  const node = element("button", { type: "button", class: "person", "aria-pressed": String(person.id === me) }, avatar, element("span", { class: "label" }, name, element("small", {}, detail)));
  node.addEventListener("click", () => become(person.id));
  return node;
}

async function about() {
  const answer = await fetch(`/chat/bot?user_id=${me || 1001}`);
  const { bot, people, commands } = await answer.json();
  if (!me) me = people[0].id;
  $("bot-name").textContent = bot.first_name;
  $("bot-kind").textContent = `@${bot.username}, bot`;
  $("bot-initial").textContent = bot.first_name.slice(0, 1).toUpperCase();
  $("people").replaceChildren(...people.map((person) => element("li", {}, personButton(person))));
  $("people-strip").replaceChildren(...people.map(personButton));
  const names = commands.length ? commands.map((c) => [`/${c.command}`, c.description]) : [["/start", ""], ["/login", ""]];
  $("chips").replaceChildren(...names.map(([name, description]) => {
    const chip = element("button", { type: "button", class: "chip", title: description }, name);
    chip.addEventListener("click", () => say(name));
    return chip;
  }));
}

async function become(id) {
  reading.abort();
  reading = new AbortController();
  me = id;
  sessionStorage.setItem("person", String(id));
  last = 0;
  shown.clear();
  $("messages").replaceChildren(element("li", { class: "empty" }, "No messages yet. Send /login to get a link."));
  await about();
  read(reading.signal);
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  $("text").value = "";
  resize();
  say(text);
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});
function resize() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
}
$("text").addEventListener("input", resize);

await about();
become(me);

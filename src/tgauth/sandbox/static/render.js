// Messages, people and commands as nodes. Whatever the bot sends becomes text nodes and known elements, never markup.
const kinds = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };
const services = {
  forum_topic_created: (m) => `The topic “${m.forum_topic_created.name}” was created.`,
  migrate_to_chat_id: () => "The group became a supergroup.",
  migrate_from_chat_id: () => "The group became a supergroup.",
};

export function element(name, attributes = {}, ...children) {
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

export function anchor(url, ...children) {
  const safe = safeUrl(url);
  if (!safe) return element("span", {}, ...children);
  return element("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

function plain(text) {
  // Links to this machine too, which Telegram itself does not mark.
  return text.split(/(https?:\/\/[^\s<>"«»]*[^\s<>"«».,:;!?)])/g).map((part, i) => (i % 2 ? anchor(part, part) : part));
}

function wrap(entity, text, children, acts) {
  if (entity.type === "url") return anchor(text, ...children);
  if (entity.type === "text_link") return anchor(entity.url, ...children);
  if (entity.type === "spoiler") return element("span", { class: "spoiler", tabindex: "0" }, ...children);
  if (entity.type === "bot_command") {
    const node = element("button", { type: "button", class: "command" }, ...children);
    node.addEventListener("click", () => acts.say(text));
    return node;
  }
  return element(kinds[entity.type] || "span", {}, ...children);
}

function formatted(text, entities, acts, from = 0, to = text.length) {
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
    nodes.push(wrap(entity, part, linked ? [part] : formatted(text, inner, acts, entity.offset, end), acts));
    at = end;
  }
  nodes.push(...plain(text.slice(at, to)));
  return nodes;
}

function button(message, spec, acts) {
  if (spec.url || spec.login_url) {
    const node = anchor(spec.url || spec.login_url.url, spec.text);
    node.append(element("span", { class: "opens", "aria-hidden": "true" }, "↗"));
    return node;
  }
  const node = element("button", { type: "button" }, spec.text);
  if (spec.callback_data !== undefined) node.addEventListener("click", () => acts.press(message, spec, node));
  else if (spec.copy_text) node.addEventListener("click", () => acts.copy(spec.copy_text.text));
  else node.addEventListener("click", () => acts.toast("The sandbox cannot do what this button does."));
  return node;
}

function keyboard(message, acts) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return [];
  const lines = rows.map((row) => element("div", { class: "row" }, ...row.map((spec) => button(message, spec, acts))));
  return [element("div", { class: "keyboard", role: "group", "aria-label": "Buttons of the message" }, ...lines)];
}

function origin(from) {
  const name = from.sender_user?.first_name || from.sender_user_name || from.sender_chat?.title || from.chat?.title;
  return name ? `Forwarded from ${name}` : "Forwarded";
}

export function render(message, me, acts) {
  const service = Object.keys(services).find((key) => key in message);
  if (service) return element("div", { class: "service" }, services[service](message));
  const mine = message.from?.id === me;
  const time = new Date(message.date * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const who = mine ? "You" : message.from?.first_name || message.sender_chat?.title;
  const bubble = element("div", { class: "bubble" }, element("span", { class: "unseen" }, `${who}: `));
  if (message.forward_origin) bubble.append(element("span", { class: "aside" }, origin(message.forward_origin)));
  if (message.via_bot) bubble.append(element("span", { class: "aside" }, `via @${message.via_bot.username}`));
  if (message.reply_to_message?.text) bubble.append(element("span", { class: "aside reply" }, message.reply_to_message.text.slice(0, 80)));
  const text = message.text || "This kind of message is not shown here.";
  bubble.append(element("span", { class: "text", dir: "auto" }, ...formatted(text, message.entities || [], acts)));
  const foot = element("span", { class: "foot" });
  if (message.has_protected_content) foot.append(element("span", { class: "lock", title: "Protected: Telegram does not let it be copied or forwarded" }, "Protected"));
  if (message.silent) foot.append(element("span", { class: "muted", title: "Sent without a notification" }, "Silent"));
  foot.append(element("time", { datetime: new Date(message.date * 1000).toISOString() }, message.edited ? `edited ${time}` : time));
  bubble.append(foot);
  const names = ["message", mine && "mine", message.has_protected_content && "protected"].filter(Boolean);
  return element("div", { class: names.join(" ") }, bubble, ...keyboard(message, acts));
}

// The people to choose from, and the commands to send.

function languageOf(code) {
  try { return new Intl.DisplayNames(["en"], { type: "language" }).of(code); } catch { return code; }
}

export function personButton(person, me, become) {
  const name = [person.first_name, person.last_name].filter(Boolean).join(" ") || "Deleted account";
  const detail = [person.username ? `@${person.username}` : `id ${person.id}`, person.language_code && languageOf(person.language_code)].filter(Boolean).join(" · ");
  const avatar = element("span", { class: "avatar", "aria-hidden": "true", "data-tone": String(person.id % 3) }, name.slice(0, 1));
  const node = element("button", { type: "button", class: "person", "data-id": String(person.id), "aria-pressed": String(person.id === me) }, avatar, element("span", { class: "label" }, name, element("small", {}, detail)));
  node.addEventListener("click", () => become(person.id));
  return node;
}

export function chip(command, say) {
  const node = element("button", { type: "button", class: "chip" }, `/${command.command}`);
  if (command.description) node.append(" ", element("small", {}, command.description));
  node.addEventListener("click", () => say(`/${command.command}`));
  return node;
}

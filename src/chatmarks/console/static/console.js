"use strict";
// What plain pages and forms cannot do: copying, sending without losing one's place, and watching.

const say = (text) => {
  const live = document.getElementById("live");
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
};

const copy = async (button) => {
  const source = document.getElementById(button.dataset.copy);
  const text = "value" in source ? source.value : source.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Off loopback and without HTTPS there is no clipboard: select it, so that keys can copy it.
    getSelection().selectAllChildren(source);
    return;
  }
  say(document.body.dataset.copied);
  const label = button.textContent;
  button.textContent = document.body.dataset.copied;
  setTimeout(() => { button.textContent = label; }, 1500);
};

// Forms and parts of pages are made ready here, at first and whenever a part was replaced.
const ready = [];
const prepare = (root) => ready.forEach((each) => each(root));

ready.push((root) => {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
});

document.addEventListener("DOMContentLoaded", () => prepare(document));
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector(".preferences[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A form is sent, and its answer put into its place on this page.

const replace = (name, html) => {
  const found = new DOMParser().parseFromString(html, "text/html");
  const [old, fresh] = [document, found].map((each) => each.getElementById(name));
  if (!fresh || !old) {
    document.getElementById("content").replaceWith(found.getElementById("content"));
    prepare(document.getElementById("content"));
    return null;
  }
  old.replaceWith(fresh);
  prepare(fresh);
  return fresh;
};

const send = async (form, button) => {
  const body = new URLSearchParams(new FormData(form, button));
  button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body });
    const part = replace(form.dataset.part, await response.text());
    if (part) {
      part.tabIndex = -1;
      part.focus({ preventScroll: true });
      part.scrollIntoView({ block: "nearest" });
    }
  } finally {
    button.disabled = false;
  }
};

ready.push((root) => {
  for (const form of root.querySelectorAll("form[data-part]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form, event.submitter);
    });
  }
});

// Fields that count only with one choice.

ready.push((root) => {
  for (const field of root.querySelectorAll("[data-shown-with]")) {
    const form = field.closest("form");
    const show = () => { field.hidden = !form.querySelector(`[value="${field.dataset.shownWith}"]:checked`); };
    form.addEventListener("change", show);
    show();
  }
});

// A form beside the JSON of a body: each is written by the other.

const inner = (node) => [...node.querySelectorAll("[data-kind]")].filter(
  (each) => each.parentElement.closest("[data-kind]") === node);
const items = (list) => [...list.querySelector(".items").children].map((each) => each.querySelector("[data-kind]"));
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const input = (node) => node.querySelector("input, select, textarea");

const whole = (text, old) => {
  if (String(old) === text) return old;
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
};

// What a field says; undefined where it is left out. `old` is what the JSON says of it.
const read = (node, old) => {
  const required = "required" in node.dataset;
  if (node.dataset.kind === "object") {
    const value = isObject(old) ? { ...old } : {};
    for (const field of inner(node)) {
      const said = read(field, value[field.dataset.name]);
      if (said === undefined) delete value[field.dataset.name];
      else value[field.dataset.name] = said;
    }
    return Object.keys(value).length || required || isObject(old) ? value : undefined;
  }
  if (node.dataset.kind === "list") {
    const before = Array.isArray(old) ? old : [];
    const found = items(node).map((each, place) => read(each, before[place]));
    return found.length || required || Array.isArray(old) ? found.map((each) => each ?? "") : undefined;
  }
  const text = input(node).value;
  if (text === "") {
    if (node.dataset.kind === "integers") return Array.isArray(old) || required ? [] : undefined;
    return node.dataset.kind === "text" && (required || old === "") ? "" : undefined;
  }
  if (node.dataset.kind === "text") return text;
  if (node.dataset.kind === "integers") {
    return text.split(",").map((each) => each.trim()).filter(Boolean).map((each) => whole(each));
  }
  if (node.dataset.kind === "json") {
    try { return JSON.parse(text); } catch { return old; }
  }
  return whole(text, old);
};

const addItem = (list) => {
  list.querySelector(":scope > .items").append(list.querySelector(":scope > template").content.cloneNode(true));
  return items(list).at(-1);
};

const fill = (node, value) => {
  if (node.dataset.kind === "object") {
    for (const field of inner(node)) fill(field, isObject(value) ? value[field.dataset.name] : undefined);
  } else if (node.dataset.kind === "list") {
    node.querySelector(":scope > .items").replaceChildren();
    for (const each of Array.isArray(value) ? value : []) fill(addItem(node), each);
  } else if (value === undefined || value === null) {
    input(node).value = "";
  } else if (node.dataset.kind === "integers") {
    input(node).value = Array.isArray(value) ? value.join(", ") : String(value);
  } else {
    input(node).value = node.dataset.kind === "json" ? JSON.stringify(value) : String(value);
  }
};

ready.push((root) => {
  for (const form of root.querySelectorAll("[data-form-of]")) {
    const text = document.getElementById(form.dataset.formOf);
    const problem = document.getElementById(text.getAttribute("aria-describedby"));
    const body = inner(form)[0] ?? form.querySelector("[data-kind]");
    const parsed = () => {
      try { return JSON.parse(text.value); } catch { return undefined; }
    };
    const toForm = () => {
      const value = parsed();
      problem.hidden = value !== undefined;
      text.setAttribute("aria-invalid", String(value === undefined));
      if (value !== undefined) fill(body, value);
    };
    const toText = () => {
      text.value = JSON.stringify(read(body, parsed()), null, 2);
      problem.hidden = true;
      text.setAttribute("aria-invalid", "false");
    };
    text.addEventListener("input", toForm);
    form.addEventListener("input", toText);
    form.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const list = button.closest("[data-kind=list]");
      if ("add" in button.dataset) input(addItem(list))?.focus();
      if ("remove" in button.dataset) {
        button.closest(".item").remove();
        list.querySelector(":scope > [data-add]").focus();
      }
      toText();
    });
    form.hidden = false;
    toForm();
  }
});

// A part of the page that the server says is another one now. A browser has few connections to one
// host, so a page that nobody sees watches nothing; it looks once when it is seen again.

const watched = (url, listen, seen) => {
  let source;
  const sign = (shown) => document.querySelectorAll("[data-live-sign]").forEach((each) => { each.hidden = !shown; });
  const begin = () => {
    source = new EventSource(url());
    source.addEventListener("open", () => sign(true));
    source.addEventListener("error", () => sign(false));
    listen(source);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source.close();
    } else {
      begin();
      seen();
    }
  });
  begin();
};

ready.push((root) => {
  for (const watch of root.querySelectorAll("[data-watch]")) {
    const refresh = async () => {
      const part = document.getElementById(watch.dataset.refreshes);
      if (part.querySelector("details[open]")) {
        // What is being written there must not be lost.
        watch.querySelector("[data-stale]").hidden = false;
        return;
      }
      const response = await fetch(watch.dataset.address);
      replace(watch.dataset.refreshes, await response.text())?.classList.add("fresh");
      say(watch.dataset.news);
    };
    watched(() => watch.dataset.watch, (source) => source.addEventListener("change", refresh), refresh);
  }
});

// Rows that come by themselves go on top; the oldest go.

ready.push((root) => {
  for (const table of root.querySelectorAll("[data-follow]")) {
    const body = table.querySelector("tbody");
    const most = Number(table.dataset.most);
    const add = (event) => {
      const fresh = new DOMParser().parseFromString(`<table><tbody>${event.data}</tbody></table>`, "text/html");
      const rows = [...fresh.querySelectorAll("tbody tr")];
      rows.forEach((row) => row.classList.add("fresh"));
      body.prepend(...rows);
      while (body.rows.length > most) body.lastElementChild.remove();
      table.hidden = false;
      document.querySelectorAll("[data-empty]").forEach((each) => each.remove());
    };
    watched(() => table.dataset.follow, (source) => source.addEventListener("rows", add), () => location.reload());
  }
});

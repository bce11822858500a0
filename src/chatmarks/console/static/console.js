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

// Comfort only: every page works without it.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function shortcuts(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  target.focus();
}

// Empty filters stay out of the address.
function tidy(event) {
  if (!event.target.matches("[data-tidy]")) return;
  all("input, select", event.target).forEach((field) => { field.disabled = !field.value; });
  setTimeout(() => all("input, select", event.target).forEach((field) => { field.disabled = false; }));
}

// A second press of the same button sends nothing.
function once(event) {
  if (event.target.method !== "post" || event.defaultPrevented) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
}

// Leaving a form that was changed asks first.
let unsaved = false;
function guard(event) {
  if (unsaved) event.preventDefault();
}

function closeMenus(event) {
  all("details.dropdown-details[open]").forEach((menu) => {
    if (event.key === "Escape" || (event.type === "click" && !menu.contains(event.target))) menu.open = false;
  });
}

const boxes = (table) => all("tbody .grid-tick input[type=checkbox]:not(:disabled)", table);

// The head's box stands for the page; the bar counts what is chosen.
function countTicks(table) {
  const head = table.querySelector("[data-tick-all]");
  const rows = boxes(table);
  const ticked = rows.filter((box) => box.checked).length;
  if (head) {
    head.hidden = rows.length === 0;
    head.checked = ticked === rows.length && ticked > 0;
    head.indeterminate = ticked > 0 && ticked < rows.length;
  }
  const form = table.closest("form");
  if (form) all("[data-ticked]", form).forEach((place) => { place.textContent = ticked.toLocaleString("en-GB"); });
}

function tick(event) {
  const table = event.target.closest("table.rows");
  if (!table || !event.target.closest(".grid-tick")) return;
  if (event.target.matches("[data-tick-all]")) boxes(table).forEach((box) => { box.checked = event.target.checked; });
  countTicks(table);
}

// Shift and a click, or Shift and Space, give the boxes since the last one the same tick.
let lastBox = null;
function range(event) {
  const box = event.target.closest?.("tbody .grid-tick input[type=checkbox]");
  if (!box) return;
  const rows = boxes(box.closest("table"));
  const [from, to] = [rows.indexOf(lastBox), rows.indexOf(box)].sort((a, b) => a - b);
  if (event.shiftKey && from >= 0) rows.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
  lastBox = box;
}

// Copies an address whole, and says so in the button for a moment.
async function copy(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 2000);
}

// What an item brings goes into fields that nobody has typed into meanwhile.
function fill(brought) {
  const field = document.getElementById(brought.dataset.fill);
  brought.remove();
  if (!field) return;
  const box = field.type === "checkbox";
  if ((box ? (field.checked ? field.value : "") : field.value) !== brought.dataset.was) return;
  if (box) field.checked = brought.value !== "";
  else field.value = brought.value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function prepare(root) {
  all("[data-fill]", root.parentNode || root).forEach(fill);
  // Browsers lend the clipboard to safe origins only
  all("[data-copy]", root).forEach((button) => { button.hidden = !navigator.clipboard; });
  all("table.rows", root).forEach(countTicks);
  root.querySelector("[data-focus]")?.focus();
}

document.addEventListener("keydown", shortcuts);
document.addEventListener("keydown", closeMenus);
document.addEventListener("click", closeMenus);
document.addEventListener("click", copy);
document.addEventListener("click", range);
document.addEventListener("submit", tidy);
document.addEventListener("submit", once);
document.addEventListener("change", tick);
document.addEventListener("input", (event) => { if (event.target.closest("form[data-guard]")) unsaved = true; });
document.addEventListener("submit", () => { unsaved = false; });
window.addEventListener("beforeunload", guard);
document.addEventListener("htmx:load", (event) => prepare(event.target));
window.addEventListener("pageshow", () => {
  all("form[data-sent]").forEach((form) => delete form.dataset.sent);
  prepare(document);
});

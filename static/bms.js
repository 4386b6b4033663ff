// Comfort only: every page works without it.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- keys: single ones can be switched off, and none is taken from somebody who types

const PLACES = { i: "/finance/invoices/", p: "/finance/payments/", j: "/finance/jobs/", x: "/finance/xero/" };
const ROWS = "main table.rows > tbody > tr";

// A browser that keeps nothing has the keys as they are.
function keysAreOn() {
  try { return localStorage.getItem("keys") !== "off"; } catch { return true; }
}
function switchKeys(event) {
  const box = event.target.closest("[data-keys-on]");
  if (!box) return;
  try { localStorage.setItem("keys", box.checked ? "on" : "off"); } catch { box.checked = true; }
}
function showKeys() {
  const list = document.getElementById("keys");
  if (!list || list.open) return;
  list.querySelector("[data-keys-on]").checked = keysAreOn();
  list.showModal();
}

// The row in focus; it is found again from whatever is in focus within it.
function goToRow(step) {
  const rows = all(ROWS);
  const here = rows.indexOf(document.activeElement.closest(ROWS));
  const row = rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step];
  if (!row) return;
  row.tabIndex = -1;
  row.focus();
}
function tickRow() {
  document.activeElement.closest(ROWS)?.querySelector(".grid-tick input[type=checkbox]:not(:disabled)")?.click();
}
function press(selector) {
  document.querySelector(selector)?.click();
}

const KEYS = {
  "?": showKeys,
  "/": () => document.querySelector('[data-shortcut="/"]')?.focus(),
  j: () => goToRow(1),
  k: () => goToRow(-1),
  x: tickRow,
  "[": () => press("main .pager :is([rel=prev], [data-page=prev])"),
  "]": () => press("main .pager :is([rel=next], [data-page=next])"),
  f: () => document.querySelector("main .filters :is(input, select):not([type=hidden])")?.focus(),
  e: () => press("main a[href*='.csv']"),
};

let afterG = -Infinity;
function singleKey(event) {
  const isSecond = event.timeStamp - afterG < 1500;
  afterG = -Infinity;
  if (isSecond && PLACES[event.key]) return () => press(`.side-menu a[href="${PLACES[event.key]}"]`);
  if (event.key === "g") afterG = event.timeStamp;
  return Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
}

// The main button of the form at hand, else of the page. What sends is brought into focus, and pressed from there.
function mainButton(event) {
  const button = (event.target.closest("form") || document).querySelector(".btn-primary")
    || document.querySelector("main .btn-primary");
  if (!button || button.disabled) return;
  event.preventDefault();
  if (button.matches("[data-sends]") && document.activeElement !== button) button.focus();
  else button.click();
}

function shortcuts(event) {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { mainButton(event); return; }
  if (event.key === "Enter" && event.target.matches(ROWS)) { event.target.querySelector("a")?.click(); return; }
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
  const act = singleKey(event);
  if (!act) return;
  event.preventDefault();
  act();
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

// Copies an address whole, or the text of a place, and says so in the button for a moment.
async function copy(event) {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const { copy: address, copyText: place } = button.dataset;
  const what = place ? document.querySelector(place).textContent : new URL(address, location.href).href;
  await navigator.clipboard.writeText(what);
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

// --- what goes on by itself: polling, the seconds in its words, what a screen reader is told

// Nothing is asked for in a hidden tab or while the reader has paused; an answer of "nothing new" changes nothing.
function poll(event) {
  const place = event.detail.elt.closest("[data-poll]");
  if (!place) return;
  if (document.hidden || document.querySelector("[data-pause][aria-pressed=true]")) event.preventDefault();
}
function sayWhatIsKnown(event) {
  const known = event.detail.elt.dataset.poll;
  if (known) event.detail.headers["If-None-Match"] = `"${known}"`;
}
function lookAgain() {
  if (!document.hidden) all("[data-poll]").forEach((place) => htmx.trigger(place, "look"));
}

// Pauses what goes on by itself, and says which it is.
function pause(event) {
  const button = event.target.closest("[data-pause]");
  if (!button) return;
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  if (button.getAttribute("aria-pressed") === "false") lookAgain();
}

function print(event) {
  if (event.target.closest("[data-print]")) window.print();
}

// What a link has unfolded, a second press folds again.
function fold(event) {
  const link = event.detail.elt;
  if (!link.matches("[data-folds]")) return;
  const shown = link.closest("tr").nextElementSibling;
  const isOpen = Boolean(shown?.matches(".call-row"));
  link.setAttribute("aria-expanded", !isOpen);
  if (!isOpen) return;
  event.preventDefault();
  shown.remove();
}

const begun = new WeakMap();
function span(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
function countOn() {
  all("[data-since], [data-until]").forEach((place) => {
    if (!begun.has(place)) begun.set(place, performance.now());
    const passed = Math.floor((performance.now() - begun.get(place)) / 1000);
    const { since, until } = place.dataset;
    place.textContent = span(since ? Number(since) + passed : Math.max(0, Number(until) - passed));
  });
}

// Spoken when the state changes, else every ten seconds at most.
let spokenAt = 0;
function speak() {
  const voice = document.querySelector("[data-speaks]");
  const words = voice && document.querySelector(voice.dataset.speaks)?.dataset.spoken;
  if (!words || words === voice.textContent) return;
  const state = (text) => text.split(".")[0];
  if (state(words) === state(voice.textContent) && performance.now() - spokenAt < 10_000) return;
  spokenAt = performance.now();
  voice.textContent = words;
}

function prepare(root) {
  all("[data-fill]", root.parentNode || root).forEach(fill);
  // Browsers lend the clipboard to safe origins only
  all("[data-copy], [data-copy-text]", root).forEach((button) => { if (navigator.clipboard) button.hidden = false; else button.remove(); });
  all("[data-print], [data-pause], [data-keys]", root).forEach((button) => { button.hidden = false; });
  all("[data-since], [data-until]", root).forEach((place) => {
    if (!begun.has(place)) begun.set(place, performance.now());
  });
  all("table.rows", root).forEach(countTicks);
  root.querySelector("[data-focus]")?.focus();
}

document.addEventListener("keydown", shortcuts);
document.addEventListener("keydown", closeMenus);
document.addEventListener("click", closeMenus);
document.addEventListener("click", copy);
document.addEventListener("click", range);
document.addEventListener("click", pause);
document.addEventListener("click", (event) => { if (event.target.closest("[data-keys]")) showKeys(); });
document.addEventListener("change", switchKeys);
document.addEventListener("click", print);
document.addEventListener("submit", tidy);
document.addEventListener("submit", once);
document.addEventListener("change", tick);
document.addEventListener("input", (event) => { if (event.target.closest("form[data-guard]")) unsaved = true; });
document.addEventListener("submit", () => { unsaved = false; });
window.addEventListener("beforeunload", guard);
document.addEventListener("htmx:load", (event) => prepare(event.target));
document.addEventListener("htmx:beforeRequest", poll);
document.addEventListener("htmx:beforeRequest", fold);
document.addEventListener("htmx:configRequest", sayWhatIsKnown);
document.addEventListener("visibilitychange", lookAgain);
if (document.querySelector("[data-since], [data-until], [data-speaks]")) setInterval(() => { countOn(); speak(); }, 1000);
window.addEventListener("pageshow", () => {
  all("form[data-sent]").forEach((form) => delete form.dataset.sent);
  prepare(document);
});

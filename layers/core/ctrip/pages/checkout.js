// Keeps the page true to its payment. The server decides what it says: its status has the words, and whatever else
// changes is taken from the page itself, asked for again.
"use strict";

const page = document.getElementById("payment");
const byId = (id) => document.getElementById(id);
const EVERY_MS = 3000;
const ANSWER_MS = 15000;
const RETURN_S = 10;
const FINISHED = new Set(["settled", "failed"]);
let ahead = 0; // by how many milliseconds the server's clock is ahead of this device's
let asking = null;
let stale = false; // whether the amount that is shown may not be the one that is due
let returning = null; // seconds until the payer is led back; below zero where that was stopped, or is done

// A live region that is set to the words that it has is read out again by some screen readers.
function say(id, words) {
  if (byId(id).textContent !== words) byId(id).textContent = words;
}

function keepTime(serverTime) {
  ahead = Date.parse(serverTime) - Date.now();
}

function millisecondsLeft() {
  return Date.parse(page.dataset.expiresAt) - (Date.now() + ahead);
}

async function get(url) {
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout?.(ANSWER_MS) });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

async function show(payment) {
  keepTime(payment.server_time);
  page.dataset.status = payment.status;
  page.dataset.step = payment.step;
  document.title = payment.title;
  say("heading", payment.heading);
  say("state-text", payment.text);
  if (byId("confirmations")) byId("confirmations").textContent = payment.confirmations;
  if (page.dataset.revision !== payment.revision) {
    // What was to be paid may be paid by now: until the new amount is here, nobody is asked for the old one.
    stale = true;
    tick();
    await readAgain();
    stale = false;
  }
  tick();
}

async function readAgain() {
  const text = await (await get(location.href)).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const focused = document.activeElement && document.activeElement.id;
  const open = document.querySelector("#details details[open]");
  // What is asked for changes as well, where the payer has chosen something else on another device.
  for (const part of ["asked", "details"]) byId(part).replaceWith(document.adoptNode(fresh.getElementById(part)));
  if (open && byId(open.id)) byId(open.id).open = true;
  if (focused && byId(focused)) byId(focused).focus({ preventScroll: true });
  // Its own revision, not that of the status: the payment may have moved between the two answers.
  const now = fresh.getElementById("payment").dataset;
  page.dataset.revision = now.revision;
  page.dataset.expiresAt = now.expiresAt;
}

function tick() {
  const left = Math.max(0, Math.floor(millisecondsLeft() / 1000));
  const how = byId("how");
  if (how) {
    const over = left === 0 && !how.hidden;
    how.hidden = stale || left === 0;
    byId("left").textContent = clock(left);
    if (over) ask();
  }
  if (byId("success")) {
    if (returning === null) returning = stays() ? -1 : RETURN_S;
    byId("returning").hidden = returning < 0;
    byId("seconds").textContent = clock(Math.max(returning, 0));
  }
}

function clock(seconds) {
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  if (seconds >= 3600) parts.unshift(Math.floor(seconds / 3600));
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function stays() {
  try {
    return sessionStorage.getItem(location.pathname) === "stay";
  } catch {
    return false; // storage is turned off
  }
}

function stay() {
  returning = -1;
  byId("returning").hidden = true;
  byId("success").focus();
  try {
    sessionStorage.setItem(location.pathname, "stay");
  } catch {
    // It holds for this view of the page.
  }
}

function everySecond() {
  tick();
  if (returning === null || returning < 0 || document.hidden) return;
  if (returning === 0) location.assign(byId("success").href);
  returning -= 1;
}

function ask() {
  asking ??= askOnce().finally(() => { asking = null; });
  return asking;
}

async function askOnce() {
  try {
    await show(await (await get(page.dataset.statusUrl)).json());
    say("trouble", "");
  } catch {
    say("trouble", byId("trouble").dataset.words);
  }
}

async function keepAsking() {
  if (!document.hidden) await ask();
  if (!FINISHED.has(page.dataset.status) || byId("trouble").textContent) setTimeout(keepAsking, EVERY_MS);
}

// navigator.clipboard is missing on plain http, and may be refused.
async function copy(button) {
  const source = byId(button.dataset.of);
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}

async function onCopy(button) {
  const said = byId("said");
  button.dataset.label ??= button.textContent;
  said.textContent = "";
  const done = await copy(button);
  said.classList.toggle("unseen", done);
  // After a moment, so that the same words are read out a second time.
  setTimeout(() => { said.textContent = done ? said.dataset.copied : said.dataset.selected; }, 50);
  if (!done) return;
  button.textContent = said.dataset.short;
  setTimeout(() => { button.textContent = button.dataset.label; }, 1500);
}

document.documentElement.classList.add("script");
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.copy) onCopy(button);
  else if (button && button.id === "stay") stay();
});
// An amount is written as its reader's language does; wallets take the plain one.
document.addEventListener("copy", (event) => {
  const at = getSelection().anchorNode;
  const source = at && (at.parentElement || at).closest("[data-plain]");
  if (!source || !event.clipboardData || getSelection().toString().trim() !== source.textContent) return;
  event.clipboardData.setData("text/plain", source.dataset.plain);
  event.preventDefault();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
keepTime(page.dataset.serverTime);
tick();
setInterval(everySecond, 1000);
keepAsking();

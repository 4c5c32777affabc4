// Keeps the page true to its payment: asks for the status, shows it, and leads back to the shop once it is confirmed.
"use strict";

const page = document.getElementById("payment");
const byId = (id) => document.getElementById(id);
const EVERY_MS = 3000;
const FINISHED = new Set(["settled", "failed"]);
let status = page.dataset.status;
let returned = false;

function state(payment) {
  if (payment.exception === "underpaid" && payment.status === "detected") return "underpaid";
  return payment.exception === "held" ? "held" : payment.status;
}

// What is still missing, exactly: decimals of any length, without a float.
function rest(due, received) {
  const places = Math.max(...[due, received].map((text) => (text.split(".")[1] || "").length));
  const units = (text) => BigInt(text.split(".")[0] + (text.split(".")[1] || "").padEnd(places, "0"));
  const digits = String(units(due) - units(received)).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}

function show(payment) {
  status = payment.status;
  page.dataset.status = status;
  const now = state(payment);
  const words = document.querySelector(`#words [data-state="${CSS.escape(now)}"]`);
  byId("state-text").textContent = words ? words.textContent : now;
  byId("received").textContent = payment.received_decimal;
  byId("confirmations").textContent = Math.min(payment.confirmations, Number(page.dataset.needed));
  byId("how").hidden = now !== "pending" && now !== "underpaid";
  // The QR code and the wallet's link ask for the whole amount: whoever has sent a part must not send it again.
  for (const element of document.querySelectorAll(".whole")) element.hidden = now === "underpaid";
  const due = now === "underpaid" ? rest(payment.amount_decimal, payment.received_decimal) : payment.amount_decimal;
  byId("due").textContent = due;
  byId("due").nextElementSibling.textContent = payment.symbol;
  byId("copy-due").dataset.copy = due;
  const done = ["confirmed", "paid", "settled"].includes(status);
  const success = byId("success");
  if (done && payment.success_url) {
    success.href = payment.success_url;
    success.hidden = false;
    if (byId("cancel")) byId("cancel").hidden = true;
    if (!returned) {
      returned = true;
      setTimeout(() => location.assign(payment.success_url), 4000);
    }
  }
  countdown();
}

function countdown() {
  const left = Math.max(0, Math.floor((Date.parse(page.dataset.expiresAt) - Date.now()) / 1000));
  const part = (n) => String(n).padStart(2, "0");
  const waiting = status === "pending" || status === "detected";
  byId("clock").hidden = !waiting;
  byId("left").textContent = `${part(Math.floor(left / 3600))}:${part(Math.floor(left / 60) % 60)}:${part(left % 60)}`;
}

async function ask() {
  if (!document.hidden) {
    try {
      const answer = await fetch(page.dataset.statusUrl, { cache: "no-store" });
      if (answer.ok) show(await answer.json());
    } catch {
      byId("state-text").textContent = "No connection; trying again";
    }
  }
  if (!FINISHED.has(status)) setTimeout(ask, EVERY_MS);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
setInterval(countdown, 1000);
countdown();
ask();

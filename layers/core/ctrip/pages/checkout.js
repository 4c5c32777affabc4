// Keeps the page true to its payment: asks for the status, shows it, and leads back to the shop once it is confirmed.
"use strict";

const page = document.getElementById("payment");
const byId = (id) => document.getElementById(id);
const EVERY_MS = 3000;
const FINISHED = new Set(["settled", "failed"]);
const WORDS = {
  pending: "Waiting for your payment",
  detected: "Payment seen, waiting for confirmations",
  confirmed: "Payment confirmed",
  paid: "Paid. Thank you!",
  settled: "Paid. Thank you!",
  expired: "This payment has expired. Please do not send anything.",
  failed: "This payment failed. Please contact the shop.",
};
let status = page.dataset.status;
let returned = false;

function words(payment) {
  if (payment.exception === "underpaid" && payment.status === "detected") return "Part of the amount has arrived; please send the rest";
  if (payment.exception === "held") return "Received; the shop is reviewing this payment";
  return WORDS[payment.status] || payment.status;
}

function show(payment) {
  status = payment.status;
  page.dataset.status = status;
  byId("state-text").textContent = words(payment);
  byId("received").textContent = payment.received_decimal;
  byId("confirmations").textContent = payment.confirmations;
  byId("how").hidden = !(status === "pending" || payment.exception === "underpaid" && status === "detected");
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
  byId("left").textContent = waiting ? `${part(Math.floor(left / 3600))}:${part(Math.floor(left / 60) % 60)}:${part(left % 60)}` : "–";
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

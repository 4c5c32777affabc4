// Pays with the wallet that the browser has (EIP-1193): what is due and no more, on the network that it is due on.
"use strict";

const DECLINED = 4001;
const UNKNOWN_CHAIN = 4902;
let walletBusy = false;

function tellOfWallet(name) {
  const said = byId("wallet-said");
  if (said) say("wallet-said", said.dataset[name]);
}

// Whoever loads the page again, before the network has seen the payment, is not offered to pay it twice.
function remembered(revision) {
  try {
    const key = `sent:${location.pathname}`;
    if (revision) sessionStorage.setItem(key, revision);
    return sessionStorage.getItem(key);
  } catch {
    return null; // storage is turned off
  }
}

function offerWallet() {
  const button = byId("pay-here");
  if (!button || !button.hidden || typeof window.ethereum?.request !== "function") return;
  button.hidden = false;
  if (remembered() === page.dataset.revision) {
    button.disabled = true;
    tellOfWallet("sent");
  }
}

async function isOn(wallet, chain) {
  return BigInt(await wallet.request({ method: "eth_chainId" })) === BigInt(chain.chainId);
}

async function switchTo(wallet, chain) {
  const there = { method: "wallet_switchEthereumChain", params: [{ chainId: chain.chainId }] };
  try {
    await wallet.request(there);
  } catch (problem) {
    if ((problem?.data?.originalError?.code ?? problem?.code) !== UNKNOWN_CHAIN || !chain.rpcUrls.length) throw problem;
    await wallet.request({ method: "wallet_addEthereumChain", params: [chain] });
    if (!(await isOn(wallet, chain))) await wallet.request(there);
  }
}

async function isSwitched(wallet, chain) {
  if (await isOn(wallet, chain)) return true;
  try {
    await switchTo(wallet, chain);
  } catch (problem) {
    if (problem?.code === DECLINED) throw problem;
    return false;
  }
  return isOn(wallet, chain);
}

// The amount of the button is due as long as the payment is the one that it was drawn for, by an answer of just now.
async function isStillDue(button, revision) {
  await ask();
  return byId("pay-here") === button && page.dataset.revision === revision && !stale && !byId("trouble").textContent
    && millisecondsLeft() > 0;
}

async function payWith(wallet, button) {
  const revision = page.dataset.revision;
  const { chain, transaction } = JSON.parse(button.dataset.request);
  tellOfWallet("asks");
  const [from] = await wallet.request({ method: "eth_requestAccounts" });
  if (!(await isSwitched(wallet, chain))) return "elsewhere";
  if (!(await isStillDue(button, revision))) return "changed";
  await wallet.request({ method: "eth_sendTransaction", params: [{ from, ...transaction, chainId: chain.chainId }] });
  remembered(revision);
  return "sent";
}

async function onPay(button) {
  if (walletBusy) return;
  walletBusy = button.disabled = true;
  let outcome = "problem";
  try {
    outcome = await payWith(window.ethereum, button);
  } catch (problem) {
    if (problem?.code === DECLINED) outcome = "declined";
  }
  walletBusy = false;
  button.disabled = outcome === "sent";
  tellOfWallet(outcome);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("#pay-here");
  if (button) onPay(button);
});
// The part of the page that has the button is replaced whenever the payment changes.
new MutationObserver(offerWallet).observe(page, { childList: true });
offerWallet();

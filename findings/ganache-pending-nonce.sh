#!/bin/sh
# ganache 7.9.2 (npm, Node 20): eth_getTransactionCount at "pending" does not count what waits in the pool.
#
# With mining stopped, a transaction of nonce 0 is taken and found as pending by its hash; the count at "pending" stays 0,
# as at "latest". Anvil 1.7.1 answers 1. Whoever asks for the next nonce there signs the same one twice, and the second
# transaction replaces the first or is refused as underpriced. For us: the next nonce comes from our own record, compared
# with the chain; the local test tokens, which are sent one after the other, cannot be deployed on ganache.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts ganache@7.9.2 >/dev/null 2>&1
cat >ask.cjs <<'JS'
const ganache = require("ganache");

(async () => {
  const node = ganache.provider({ logging: { quiet: true }, chain: { chainId: 31337 } });
  const ask = (method, ...params) => node.request({ method, params });
  const [from, to] = await ask("eth_accounts");
  await ask("miner_stop");
  const hash = await ask("eth_sendTransaction", { from, to, value: "0x1", gas: "0x5208", nonce: "0x0" });
  const held = await ask("eth_getTransactionByHash", hash);
  const seen = {
    version: await ask("web3_clientVersion"),
    heldAsPending: held !== null && held.blockHash === null,
    nonceOfIt: held && held.nonce,
    latest: await ask("eth_getTransactionCount", from, "latest"),
    pending: await ask("eth_getTransactionCount", from, "pending"),
  };
  console.log(JSON.stringify(seen));
  const asFound = seen.heldAsPending && seen.nonceOfIt === "0x0" && seen.latest === "0x0" && seen.pending === "0x0";
  process.exit(asFound ? 0 : 1);
})();
JS
node --version
if node ask.cjs; then
    echo "as found: the transaction waits, and the count at pending does not count it"
else
    echo "this behaviour has changed"
    exit 1
fi

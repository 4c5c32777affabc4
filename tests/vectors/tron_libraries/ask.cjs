// Ask tronweb for the same keys and transactions.
const { utils } = require("tronweb");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const addresses = given.addresses.map(({ path }) => {
  const { address } = utils.accounts.generateAccountWithMnemonic(given.mnemonic, path);
  return { path, address, hex: utils.address.toHex(address) };
});
const transactions = given.transactions.map(({ raw_data }) => {
  const made = utils.transaction.txJsonToPb({ raw_data, visible: false });
  return {
    raw_data,
    raw_data_hex: utils.transaction.txPbToRawDataHex(made).toLowerCase(),
    txID: utils.transaction.txPbToTxID(made).replace(/^0x/, ""),
  };
});
process.stdout.write(JSON.stringify({ addresses, transactions }));

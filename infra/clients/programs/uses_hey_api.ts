// Uses the SDK that hey-api made, which checks with zod what it sends and what it reads.
import { createClient } from "./generated/client";
import { createPayment, listPayments, readPayment } from "./generated";

declare const process: { env: Record<string, string>; exit(code: number): never };

const { CTRIP_URL, CTRIP_TOMORROW_URL, CTRIP_API_KEY, CTRIP_AMOUNTS } = process.env;

function connected(baseUrl: string) {
  return createClient({ baseUrl, auth: CTRIP_API_KEY, throwOnError: true });
}

async function created(client: ReturnType<typeof connected>, amount: string) {
  return (await createPayment({ client, body: { chain: "anvil", amount }, throwOnError: true })).data;
}

async function read(client: ReturnType<typeof connected>, id: string) {
  return (await readPayment({ client, path: { payment_id: id }, throwOnError: true })).data;
}

async function main() {
  const today = connected(CTRIP_URL);
  for (const amount of CTRIP_AMOUNTS.split(" ")) {
    const payment = await created(today, amount);
    console.log(`amount ${amount} ${payment.id} ${payment.amount_str} ${(await read(today, payment.id)).amount_str}`);
  }

  const tomorrow = connected(CTRIP_TOMORROW_URL);
  const payment = await read(tomorrow, (await created(tomorrow, "1")).id);
  console.log(`status ${payment.status}`);
  console.log(`flag ${payment.exceptions.at(-1)} ${payment.exception}`);
  console.log(`field ${payment["field_of_tomorrow"] ? "kept" : "ignored"}`);
  const page = await listPayments({ client: tomorrow, query: { limit: 5 }, throwOnError: true });
  console.log(`listed ${page.data.data[0].status}`);
  const missing = await readPayment({ client: tomorrow, path: { payment_id: "none" }, throwOnError: false });
  console.log(`code ${missing.error?.code}`);
}

main().catch((problem) => {
  console.error(problem);
  process.exit(1);
});

// Uses the types that openapi-typescript made, with its own openapi-fetch.
import createClient from "openapi-fetch";
import type { components, paths } from "./description.js";

declare const process: { env: Record<string, string> };

const { CTRIP_URL, CTRIP_TOMORROW_URL, CTRIP_API_KEY, CTRIP_AMOUNTS } = process.env;

function client(baseUrl: string) {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${CTRIP_API_KEY}` } });
}

async function created(api: ReturnType<typeof client>, amount: string): Promise<components["schemas"]["Payment"]> {
  const { data, error } = await api.POST("/api/v1/payments", { body: { chain: "anvil", amount } });
  if (!data) throw new Error(error.code);
  return data;
}

async function read(api: ReturnType<typeof client>, id: string): Promise<components["schemas"]["Payment"]> {
  const { data, error } = await api.GET("/api/v1/payments/{payment_id}", { params: { path: { payment_id: id } } });
  if (!data) throw new Error(error.code);
  return data;
}

const today = client(CTRIP_URL);
for (const amount of CTRIP_AMOUNTS.split(" ")) {
  const payment = await created(today, amount);
  console.log(`amount ${amount} ${payment.id} ${payment.amount_str} ${(await read(today, payment.id)).amount_str}`);
}

const tomorrow = client(CTRIP_TOMORROW_URL);
const payment = await read(tomorrow, (await created(tomorrow, "1")).id);
console.log(`status ${payment.status}`);
console.log(`flag ${payment.exceptions.at(-1)} ${payment.exception}`);
console.log(`field ${payment["field_of_tomorrow"] ? "kept" : "ignored"}`);
const page = await tomorrow.GET("/api/v1/payments", { params: { query: { limit: 5 } } });
console.log(`listed ${page.data?.data[0].status}`);
const missing = await tomorrow.GET("/api/v1/payments/{payment_id}", { params: { path: { payment_id: "none" } } });
console.log(`code ${missing.error?.code}`);

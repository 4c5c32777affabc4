// The SDK checks with zod what it sends and what it reads.
export default {
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "zod", { name: "@hey-api/sdk", validator: true }],
};

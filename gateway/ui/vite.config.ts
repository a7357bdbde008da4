// How the page is built: one script, one stylesheet, nothing inlined, so that it runs under `script-src 'self'; style-src 'self'`.
// `npm run dev` asks a gateway for its figures: WEIR_GATEWAY, by default the one on this machine.
import { defineConfig } from "vitest/config";

const gateway = process.env["WEIR_GATEWAY"] ?? "http://127.0.0.1:9347";

export default defineConfig({
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: "es2022",
  },
  server: { host: "127.0.0.1", proxy: { "/api": gateway } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});

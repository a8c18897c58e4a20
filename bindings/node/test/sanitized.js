// Runs with the addon under AddressSanitizer: every call, forced garbage collection, workers that end with requests in flight.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { join } = require("node:path");
const { Worker } = require("node:worker_threads");

const INDEX = join(process.env.CAPDIST_ADDON, "lib", "index.js");
const { connect } = require(INDEX);
const port = Number(process.env.PORT);

async function main() {
  const lines = [];
  const client = await connect({
    port, quotaRequests: 0, recvNotify: true, onPush() {}, onLog: (level, message) => lines.push(message), clientId: "sanitized",
  });
  for (let round = 0; round < 20; round++) {
    const requests = Array.from({ length: 100 }, (_, n) => {
      const controller = new AbortController();
      const request = client.capitalDistribution(`SZ.${String(n).padStart(6, "0")}`, { signal: controller.signal });
      if (n % 10 === 0) controller.abort();
      return request;
    });
    globalThis.gc();
    const settled = await Promise.allSettled(requests);
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 90);
  }
  for await (const { figures } of client.capitalDistributions(["HK.00001", "HK.00002"])) assert.ok(figures);
  await assert.rejects(client.capitalDistribution("HK." + "0".repeat(70)));
  await assert.rejects(client.capitalDistribution("HK.800000"));
  assert.equal((await client.sendProto(1002, Uint8Array.of(0x0a, 2, 8, 0))).retType, 0);
  assert.equal((await client.sendProto(9999, new Uint8Array())).retType, -1);
  assert.ok(client.info().connId > 0n && client.quota().limit === 0 && lines.length > 0);
  await assert.rejects(connect({ port, clientId: "x".repeat(300) }));
  await assert.rejects(connect({ port: 1, reconnect: false, websocketKey: "unused" }));
  for (let n = 0; n < 50; n++) {
    const other = await connect({ port, quotaRequests: 0, readyTimeoutMs: n % 2 ? 0 : 10_000 });
    const request = other.capitalDistribution("HK.00001").catch((error) => error.status);
    if (n % 5) other.close();
    await request;
    globalThis.gc();
  }
  for (let n = 0; n < 6; n++) {
    const worker = new Worker(`
      const { connect } = require(${JSON.stringify(INDEX)});
      connect({ port: ${port}, quotaRequests: 0 }).then((client) => {
        const ask = () => client.capitalDistribution("HK.00001").then(ask, () => {});
        for (let n = 0; n < 32; n++) ask();
        require("node:worker_threads").parentPort.postMessage("asking");
      });`, { eval: true });
    const exit = once(worker, "exit");
    await once(worker, "message");
    await new Promise((resolve) => setTimeout(resolve, 10 * n));
    worker.terminate();
    await exit;
  }
  for (let n = 0; n < 100; n++) client.capitalDistribution("HK.00001").catch(() => {});
  console.log("all done");
  process.exit();
}

main();

// Whether to repeat a request, and the texts for securities that people write.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const test = require("node:test");
const { ROOT, simulator } = require("./support.js");
const { CapdistError, RequestError, Retry, Status, connect } = require("../lib/index.js");

/** The table that all languages share: a text, the security that it means, the suggestion of the error. */
const SPELLINGS = readFileSync(join(ROOT, "Tests", "cases", "securities.tsv"), "utf8").split("\n")
  .filter((line) => line !== "" && !line.startsWith("# "))
  .map((line) => line.split("\t"))
  .map(([text, read, meant]) => [text.replace(/\\([nrt])/g, (_, letter) => ({ n: "\n", r: "\r", t: "\t" })[letter]), read, meant]);

async function open(t, options) {
  const client = await connect({ readyTimeoutMs: 20_000, ...options });
  t.after(() => client.close());
  return client;
}

async function rejection(promise) {
  return promise.then(() => assert.fail("it did not reject"), (error) => error);
}

test("an error tells whether to ask again", async (t) => {
  const gateway = await simulator(t, "--latency", "300");
  const client = await open(t, { port: gateway.port, quotaRequests: 0 });
  const refused = await rejection(client.capitalDistribution("HK.99999"));
  assert.ok(refused instanceof RequestError);
  assert.deepEqual([refused.status, refused.retry], [Status.REFUSED, Retry.NEVER]);
  const late = await rejection(client.capitalDistribution("HK.00700", { replyTimeoutMs: 20 }));
  assert.deepEqual([late.status, late.retry], [Status.REPLY_TIMEOUT, Retry.LATER]);
  const wrong = await rejection(client.capitalDistribution("nonsense"));
  assert.ok(wrong instanceof CapdistError);
  assert.deepEqual([wrong.status, wrong.retry], [Status.INVALID_ARGUMENT, Retry.NEVER]);
  client.close();
  const closed = await rejection(client.capitalDistribution("HK.00700"));
  assert.deepEqual([closed.status, closed.retry], [Status.RELEASED, Retry.NEVER]);
});

test("what is refused for frequency is asked again in a watch list", async (t) => {
  const gateway = await simulator(t, "--quota", "4/1");
  const other = await open(t, { port: gateway.port, quotaRequests: 0, quotaGroup: "other" });
  const codes = Array.from({ length: 6 }, (_, n) => `HK.0000${n + 1}`);
  for (const quotaRequests of [0, 4]) {
    for (const code of codes.slice(0, 4)) await other.capitalDistribution(code);
    const client = await open(t, { port: gateway.port, quotaRequests, quotaWindowMs: 1000, quotaGroup: `again ${quotaRequests}` });
    const seen = [];
    for await (const { security, error } of client.capitalDistributions(codes)) seen.push([security, error]);
    assert.deepEqual(seen.sort(), codes.map((code) => [code, undefined]));
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  assert.ok(gateway.requests().some((request) => "refused" in request));
});

test("securities are read as people write them", async (t) => {
  const gateway = await simulator(t, "--no-quota");
  const client = await open(t, { port: gateway.port, quotaRequests: 0 });
  let refused = 0;
  const read = [];
  for (const [text, as, meant] of SPELLINGS) {
    const error = await client.capitalDistribution(text).then(() => undefined, (error) => error);
    if (as !== "-") {
      assert.notEqual(error?.status, Status.INVALID_ARGUMENT, text);
      read.push(as.slice(as.indexOf(".") + 1));
      continue;
    }
    assert.equal(error?.status, Status.INVALID_ARGUMENT, text);
    if (meant === "-") assert.doesNotMatch(error.message, /meant/, text);
    else assert.ok(error.message.includes(`was ${meant} meant?`), `${text}: ${error.message}`);
    refused++;
  }
  assert.deepEqual(gateway.requests().map((request) => request.code), read);
  assert.ok(refused > 30);
});

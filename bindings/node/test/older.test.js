// The package with version 1.0 of the library: its structs are shorter, and it lacks functions and options.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const test = require("node:test");
const { ROOT, run, simulator } = require("./support.js");

const PROGRAM = `
const { CapdistError, OutageMode, Retry, Status, connect } = require("./lib/index.js");
const nameOf = (names, number) => Object.keys(names).find((name) => names[name] === number);

async function main(port) {
  const client = await connect({ port, quotaRequests: 0, readyTimeoutMs: 20000, onAttemptFailed: () => {} });
  console.log((await client.capitalDistribution("HK.00700")).capitalInBig);
  const refused = await client.capitalDistribution("HK.99999").catch((error) => error);
  console.log(nameOf(Status, refused.status), nameOf(Retry, refused.retry));
  const raw = await client.sendProto(3212, Buffer.from("0a0b0a09080112053939393939", "hex"));
  console.log(raw.retType, client.info().isReady, client.quota().limit);
  client.close();
  console.log(nameOf(Retry, new CapdistError("", Status.RELEASED).retry));
  const unsupported = await connect({ port, outageMode: OutageMode.FAIL }).catch((error) => error);
  console.log(nameOf(Status, unsupported.status));
}

main(Number(process.env.PORT));
`;

test("over the first version of the library", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "capdist-older-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const library = join(folder, "libcapdist.so.1");
  execFileSync("cc", [
    "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", `-I${join(ROOT, "include")}`, join(ROOT, "Tests", "older", "older.c"),
    "-Wl,-soname,libcapdist.so.1", "-o", library,
  ]);
  const gateway = await simulator(t, "--no-quota");
  // Reading beyond a struct's end would crash the process.
  const env = { CAPDIST_LIBRARY: library, CAPDIST_REAL: process.env.CAPDIST_LIBRARY, PORT: String(gateway.port) };
  const { status, output } = await run(PROGRAM, env);
  assert.equal(output, "859479380\nREFUSED UNKNOWN\n-1 true 0\nUNKNOWN\nUNSUPPORTED\n");
  assert.equal(status, 0);
});

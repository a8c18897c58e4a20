// What the tests share: gateways, child processes, and counts of threads and descriptors.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, readFileSync, readdirSync, rmSync } = require("node:fs");
const { createServer } = require("node:net");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const readline = require("node:readline");

const ROOT = join(__dirname, "..", "..", "..");
const LIBDIR = process.env.CAPDIST_LIBDIR ?? join(ROOT, ".build", "release");
process.env.CAPDIST_LIBRARY ??= join(LIBDIR, "libcapdist.so");
const SIMULATOR = process.env.CAPDIST_SIMULATOR ?? join(LIBDIR, "opend-simulator");
const TLS = join(ROOT, "Tests", "vectors", "tls");
const RSA_KEY = join(ROOT, "Tests", "vectors", "rsa", "1024.pem");
const KEY = "7522027ccf5a06b1";
/** The longest wait for something that must happen. */
const PATIENCE_MS = 20_000;

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `done` returns true, or the limit passes. Returns its last result. */
async function until(done, limitMs = PATIENCE_MS) {
  const deadline = Date.now() + limitMs;
  while (!(await done())) {
    if (Date.now() >= deadline) return done();
    await sleep(10);
  }
  return true;
}

/** The promise's value; throws if the limit passes. */
async function within(promise, what = "a promise", limitMs = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs opend-simulator until the test ends. It listens on `port` and `websocketPort`. `requests()` gives the requests of protocol
 * 3212 that it saw, and `connections()` the number of open connections.
 */
async function simulator(t, ...options) {
  const folder = mkdtempSync(join(tmpdir(), "capdist-"));
  const trace = join(folder, "trace");
  const websocket = options.includes("--websocket-port") ? [] : ["--websocket-port", "0"];
  const child = spawn(SIMULATOR, ["--port", "0", ...websocket, "--trace", trace, "--end-with-input", ...options], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  t.after(async () => {
    child.stdin.end();
    await within(ended, "the simulator's end").catch(() => child.kill("SIGKILL"));
    rmSync(folder, { recursive: true, force: true });
  });
  const ports = [];
  for await (const line of readline.createInterface({ input: child.stdout })) {
    if (ports.push(Number(line.split(":").pop())) === 2) break;
  }
  if (ports.length < 2) throw new Error("opend-simulator does not say where it listens");
  const events = () => readFileSync(trace, "utf8").split("\n").slice(0, -1).map(JSON.parse);
  const count = (name) => events().filter((event) => event.event === name).length;
  return {
    port: ports[0],
    websocketPort: ports[1],
    requests: () => events().filter((event) => event.event === "request" && event.proto_id === 3212),
    connections: () => count("connected") - count("closed") - count("dropped"),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A port on which nothing listens. */
async function unusedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs a JavaScript program in a process of its own, with PORT and `env` in its environment. */
async function run(program, env = {}, ...options) {
  const started = Date.now();
  const child = spawn(process.execPath, [...options, "--input-type=commonjs", "-e", program], {
    cwd: join(__dirname, ".."), env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const [status, signal] = await within(
    new Promise((resolve) => child.once("close", (...end) => resolve(end))), "the program", 60_000,
  ).finally(() => child.kill("SIGKILL"));
  return { status: status ?? signal, output, took: Date.now() - started };
}

/** The number of open descriptors of this process. */
function descriptors() {
  return readdirSync("/proc/self/fd").length;
}

/** The name of a thread of this process; empty if it has ended, since /proc may list it for a moment. */
function nameOf(thread) {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

/** The ids of this process's threads. The kernel's workers for io_uring, which libuv uses, come and go by themselves. */
function threads() {
  return new Set(readdirSync("/proc/self/task").filter((thread) => !nameOf(thread).startsWith("iou-")));
}

/** How many descriptors and threads there are more than `before`, a pair of earlier results. */
function more(before) {
  return [descriptors() - before[0], [...threads()].filter((thread) => !before[1].has(thread)).length];
}

/** Waits until there are no more than before. The assertion tells how many are left. */
async function nothingMore(before) {
  await until(() => more(before).every((count) => count <= 0));
  const [files, tasks] = more(before);
  assert.ok(files <= 0 && tasks === 0, `${files} descriptors and ${tasks} threads are left; all are ${[...threads()].map(nameOf)}`);
}

module.exports = {
  ROOT, LIBDIR, SIMULATOR, TLS, RSA_KEY, KEY, sleep, until, within, simulator, unusedPort, run, descriptors,
  threads, nothingMore,
};

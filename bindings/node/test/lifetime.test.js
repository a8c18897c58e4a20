// What a process keeps open, when it ends, and what is left when a worker ends. Needs --expose-gc.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { join } = require("node:path");
const test = require("node:test");
const { setImmediate: turn } = require("node:timers/promises");
const { Worker } = require("node:worker_threads");
const { descriptors, nothingMore, run, simulator, sleep, threads, until, within } = require("./support.js");
const { Status, connect } = require("../lib/index.js");

const INDEX = JSON.stringify(join(__dirname, "..", "lib", "index.js"));

/** Collects all garbage. */
async function collect() {
  for (let n = 0; n < 3; n++) {
    globalThis.gc();
    await turn();
  }
}

test("ten thousand requests with the collector forced", async (t) => {
  assert.equal(typeof globalThis.gc, "function", "run with --expose-gc");
  const gateway = await simulator(t, "--no-quota");
  const client = await connect({ port: gateway.port, quotaRequests: 0, quotaGroup: t.name });
  t.after(() => client.close());
  const round = async (count) => {
    const seen = new Set();
    for (let first = 0; first < count; first += 500) {
      const requests = Array.from({ length: 500 }, (_, n) => {
        const security = `SZ.${String((first + n) % 1000).padStart(6, "0")}`;
        const isAborted = n % 10 === 9;
        const controller = new AbortController();
        const request = client.capitalDistribution(security, isAborted ? { signal: controller.signal } : {});
        if (isAborted) controller.abort();
        if (n % 100 === 50) globalThis.gc();
        return request.then((figures) => {
          assert.equal(figures.security, security);
          seen.add(figures.capitalInBig);
        }, (error) => assert.ok(isAborted && error.name === "AbortError", error));
      });
      globalThis.gc();
      await within(Promise.all(requests), "five hundred requests");
    }
    await collect();
    return seen.size;
  };
  await round(500);
  const before = [descriptors(), threads()];
  const heap = process.memoryUsage().heapUsed;
  assert.equal(await round(10_000), 900);
  const grown = process.memoryUsage().heapUsed - heap;
  assert.ok(grown < 1e6, `the heap grew by ${grown} bytes`);
  await nothingMore(before);
});

test("clients come and go, and leave nothing", async (t) => {
  const gateway = await simulator(t);
  const cycle = async (n) => {
    const client = await connect({ port: gateway.port, quotaGroup: t.name });
    if (n % 3 === 0) client.capitalDistribution("HK.00001").catch((error) => assert.equal(error.status, Status.RELEASED));
    client.close();
  };
  await cycle(0);
  await collect();
  const before = [descriptors(), threads()];
  for (let n = 0; n < 200; n++) await cycle(n);
  await collect();
  await nothingMore(before);
  assert.ok(await until(() => gateway.connections() === 0));
});

test("no connection has a thread of its own", async (t) => {
  const gateway = await simulator(t);
  const before = [Infinity, threads()];
  const clients = await Promise.all(Array.from({ length: 20 }, () => connect({ port: gateway.port, quotaGroup: t.name })));
  await nothingMore(before);
  for (const client of clients) client.close();
});

test("a client that is dropped closes by itself; not while a request is under way, nor with a callback", async (t) => {
  const gateway = await simulator(t, "--latency", "300");
  const heard = [];
  const onDisconnect = () => heard.push("disconnect");
  // In functions of their own, whose frames end: a frame would keep the client alive.
  await (async () => void (await connect({ port: gateway.port, quotaGroup: t.name })))();
  await (async () => void (await connect({ port: gateway.port, quotaGroup: t.name, onDisconnect })))();
  const waiting = (async () => {
    const client = await connect({ port: 1, quotaGroup: t.name, readyTimeoutMs: 0 });
    return client.waitReady({ timeoutMs: 500 });
  })().catch((error) => error.status);
  await collect();
  assert.equal(await within(waiting), Status.CONNECT_FAILED, "nor while it waits for the connection");
  const request = (async () => (await connect({ port: gateway.port, quotaGroup: t.name })).capitalDistribution("HK.00001"))();
  await until(() => gateway.requests().length === 1);
  await collect();
  assert.equal((await within(request)).security, "HK.00001");
  assert.ok(await until(async () => (await collect(), gateway.connections() === 1)), `${gateway.connections()} are left`);
  await gateway.kill();
  assert.ok(await until(() => heard.length === 1), "the one with a callback is still there");
});

test("the process ends when nothing else is alive, and not while a request is under way", async (t) => {
  const gateway = await simulator(t, "--latency", "300");
  const program = (then) => `
    const { connect } = require(${INDEX});
    connect({ port: ${gateway.port}, recvNotify: true, onPush() {} }).then((client) => { ${then} });`;
  const idle = await run(program(`console.log("idle");`));
  assert.deepEqual([idle.status, idle.output], [0, "idle\n"]);
  const busy = await run(program(`client.capitalDistribution("HK.00700").then((f) => console.log(f.capitalInBig));`));
  assert.deepEqual([busy.status, busy.output], [0, "859479380\n"]);
  const held = await run(program(`client.ref(); setTimeout(() => client.unref(), 700).unref();`));
  assert.equal(held.status, 0);
  assert.ok(held.took >= 700, `it ended after ${held.took} ms`);
  const connecting = await run(`
    require(${INDEX}).connect({ port: 1, readyTimeoutMs: 500 }).catch((error) => console.log(error.code));`);
  assert.deepEqual([connecting.status, connecting.output], [0, "CAPDIST_CONNECT_FAILED\n"]);
});

test("process.exit with requests in flight", async (t) => {
  const gateway = await simulator(t, "--no-quota", "--fault", "never@1/2", "--push", "1");
  for (const when of ["setImmediate(() => process.exit(7))", "process.exit(7)", "setTimeout(() => process.exit(7), 50)",
    "process.nextTick(() => { throw new Error('last') })", "setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)"]) {
    const ended = await run(`
      const { connect } = require(${INDEX});
      connect({ port: ${gateway.port}, quotaRequests: 0, recvNotify: true, onPush() {} }).then((client) => {
        for (let n = 0; n < 200; n++) client.capitalDistribution("HK.00001").catch(() => {});
        ${when};
      });`);
    const expected = when.includes("SIGTERM") ? "SIGTERM" : when.includes("last") ? 1 : 7;
    assert.equal(ended.status, expected, `${when}: ${ended.output}`);
  }
  const late = await run(`
    const { connect } = require(${INDEX});
    connect({ port: ${gateway.port} }).then((client) => {
      process.on("exit", () => { client.capitalDistribution("HK.00001").catch(() => {}); client.close(); console.log("closed"); });
    });`);
  assert.deepEqual([late.status, late.output], [0, "closed\n"]);
});

/** A worker that makes requests without end, and reports its first answer. */
function worker(port, then = "") {
  return new Worker(`
    const { parentPort } = require("node:worker_threads");
    const { connect } = require(${INDEX});
    (async () => {
      const client = await connect({ port: ${port}, quotaRequests: 0, quotaGroup: "workers", onLog() {} });
      parentPort.postMessage((await client.capitalDistribution("HK.00700")).capitalInBig);
      ${then}
    })();`, { eval: true });
}

const FOREVER = `
  const ask = () => client.capitalDistribution("HK.00001").then(ask, () => {});
  for (let n = 0; n < 32; n++) ask();`;

test("worker threads: each its own connections, in one process with the main thread's", async (t) => {
  const gateway = await simulator(t, "--no-quota");
  const client = await connect({ port: gateway.port, quotaRequests: 0, quotaGroup: "workers" });
  t.after(() => client.close());
  const before = [descriptors(), threads()];
  const ends = [0, 1, 2].map(async () => {
    const one = worker(gateway.port);
    const exit = once(one, "exit");
    assert.deepEqual(await once(one, "message"), [859479380]);
    assert.deepEqual(await exit, [0], "an idle connection does not keep a worker either");
  });
  await within(Promise.all(ends), "the workers", 30_000);
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  await nothingMore(before);
  assert.ok(await until(() => gateway.connections() === 1));
});

test("worker threads share the process's quota", async (t) => {
  const gateway = await simulator(t, "--quota", "4/1");
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { connect } = require(${INDEX});
    (async () => {
      const client = await connect({ port: ${gateway.port}, quotaRequests: 4, quotaWindowMs: 1000, quotaGroup: "shared" });
      const requests = [1, 2, 3, 4].map((n) => client.capitalDistribution("HK.000" + workerData + n));
      parentPort.postMessage((await Promise.allSettled(requests)).map(({ status }) => status));
    })();`;
  const started = Date.now();
  const ends = [1, 2, 3].map((workerData) => once(new Worker(program, { eval: true, workerData }), "message"));
  const settled = (await within(Promise.all(ends), "the workers", 30_000)).flat(2);
  assert.deepEqual(settled, Array(12).fill("fulfilled"));
  assert.ok(Date.now() - started > 2000, "twelve at four a second");
  assert.equal(gateway.requests().filter((request) => "refused" in request).length, 0);
});

test("worker threads that are ended in flight, by themselves or from outside", async (t) => {
  const gateway = await simulator(t, "--no-quota");
  const client = await connect({ port: gateway.port, quotaRequests: 0, quotaGroup: "workers" });
  t.after(() => client.close());
  const before = [descriptors(), threads()];
  for (const [then, status] of [
    [FOREVER, 1], [`${FOREVER} setTimeout(() => process.exit(5), 20)`, 5], [`${FOREVER} process.exit(6)`, 6],
    [`client.ref(); client.close(); process.exit(6)`, 6], ["client.ref()", 1],
    // The event loop is blocked while answers come, so that the worker ends inside the next turn's batch.
    [`${FOREVER} for (const end = Date.now() + 50; Date.now() < end;);`, 1],
  ]) {
    for (let n = 0; n < 3; n++) {
      const one = worker(gateway.port, then);
      const exit = once(one, "exit");
      await within(once(one, "message"), "a worker's first answer");
      await sleep(n * 15);
      if (status === 1) one.terminate();
      assert.deepEqual(await within(exit, "a worker's end"), [status]);
    }
  }
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  await nothingMore(before);
  assert.ok(await until(() => gateway.connections() === 1));
});

test("the process ends while workers are in flight", async (t) => {
  const gateway = await simulator(t, "--no-quota");
  const { status, output } = await run(`
    const { Worker } = require("node:worker_threads");
    for (let n = 0; n < 3; n++) {
      const one = new Worker(${JSON.stringify(`
        const { connect } = require(${INDEX});
        connect({ port: ${gateway.port}, quotaRequests: 0 }).then((client) => {${FOREVER}});`)}, { eval: true });
    }
    setTimeout(() => process.exit(0), 400);`);
  assert.deepEqual([status, output], [0, ""]);
});

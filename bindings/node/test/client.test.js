"use strict";

const assert = require("node:assert/strict");
const dns = require("node:dns");
const { readFileSync } = require("node:fs");
const net = require("node:net");
const { join } = require("node:path");
const test = require("node:test");
const { KEY, ROOT, RSA_KEY, TLS, run, simulator, sleep, unusedPort, until, within } = require("./support.js");
const {
  CapdistError, CapitalDistribution, Cipher, ConnectError, QuotaMode, RequestError, Status, Transport, connect,
} = require("../lib/index.js");

/** A client that closes when the test ends, with a quota group of its own, so that tests do not share a quota. */
async function open(t, options) {
  const client = await within(connect({ quotaGroup: t.name, ...options }), "connect");
  t.after(() => client.close());
  return client;
}

/** The promise's reason for rejecting. */
async function rejection(promise) {
  return within(promise, "a rejection").then(
    (value) => assert.fail(`it resolved with ${value}`),
    (error) => error,
  );
}

test("figures over TCP", async (t) => {
  const gateway = await simulator(t, "--figures", "js");
  const client = await open(t, { port: gateway.port });
  const figures = await client.capitalDistribution("HK.00700");
  assert.ok(figures instanceof CapitalDistribution);
  assert.deepEqual({ ...figures }, {
    security: "HK.00700",
    capitalInSuper: 230158560, capitalInBig: 1586950080, capitalInMid: 2861135060, capitalInSmall: 879906120,
    capitalOutSuper: 286481380, capitalOutBig: 890005200, capitalOutMid: 2423820040, capitalOutSmall: 799307540,
    updateTime: "2021-09-10 11:57:30", updateTimestamp: 1631246250, fromCache: false, ageMs: 0,
  });
  assert.equal(figures.updatedAt.toISOString(), "2021-09-10T03:57:30.000Z");
});

/** The table that all languages test with. */
const UPDATE_TIMES = readFileSync(join(ROOT, "Tests", "cases", "times.tsv"), "utf8")
  .split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split("\t"));

for (const [name, text, read] of UPDATE_TIMES) {
  test(`update times: ${name}`, () => {
    const figures = new CapitalDistribution("HK.00700", { figures: [1, 2, 3, 4, 5, 6, 7, 8, text, NaN] });
    const told = figures.updateWallClock;
    const digits = (number, count) => String(number).padStart(count, "0");
    assert.equal(told === null ? "-" : `${digits(told.year, 4)}-${digits(told.month, 2)}-${digits(told.day, 2)} `
      + `${digits(told.hour, 2)}:${digits(told.minute, 2)}:${digits(told.second, 2)}.`
      + digits(told.millisecond, 3) + digits(told.microsecond, 3) + digits(told.nanosecond, 3), read);
    assert.equal(figures.updateTime, text);
  });
}

test("figures that are missing are NaN, and the text is empty", async (t) => {
  const gateway = await simulator(t, "--old");
  const client = await open(t, { port: gateway.port });
  const figures = await client.capitalDistribution("HK.00700");
  assert.deepEqual([figures.capitalInSuper, figures.updateTimestamp, figures.updateTime], [NaN, NaN, ""]);
  assert.equal(figures.updatedAt, null);
});

for (const cipher of ["FTAES_ECB", "AES_CBC"]) {
  test(`figures over TCP, encrypted with ${cipher}`, async (t) => {
    const gateway = await simulator(t, "--rsa-key", RSA_KEY);
    const client = await open(t, { port: gateway.port, rsaPrivateKeyFile: RSA_KEY, packetCipher: Cipher[cipher] });
    assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  });
}

test("figures over WebSocket, and with a wrong key none", async (t) => {
  const gateway = await simulator(t, "--websocket-key", KEY);
  const given = { port: gateway.websocketPort, transport: Transport.WEBSOCKET, connectTimeoutMs: 1000 };
  const client = await open(t, { ...given, websocketKey: KEY });
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  const error = await rejection(connect({ ...given, websocketKey: "wrong", reconnect: false }));
  assert.ok(error instanceof ConnectError);
  assert.equal(error.status, Status.CONNECT_TIMEOUT);
  assert.match(error.message, /websocket_key/);
});

test("figures over WebSocket and TLS, and from one that is not trusted none", async (t) => {
  const gateway = await simulator(
    t, "--websocket-key", KEY, "--tls-cert", join(TLS, "server.pem"), "--tls-key", join(TLS, "key.pem"),
  );
  const given = { port: gateway.websocketPort, transport: Transport.WEBSOCKET_TLS, websocketKey: KEY };
  const client = await open(t, { ...given, tlsCaFile: join(TLS, "ca.pem") });
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  const error = await rejection(connect(given));
  assert.equal(error.code, "CAPDIST_TLS_FAILED");
});

/** Until the test ends, each name lookup gives the next of `answers`, or the last one again. Returns the names that were asked. */
function namesTell(t, ...answers) {
  const asked = [];
  t.mock.method(dns.promises, "lookup", async (host, options) => {
    asked.push(host);
    assert.deepEqual(options, { all: true });
    const addresses = answers.length > 1 ? answers.shift() : answers[0];
    if (addresses.length === 0) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
    return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  });
  return asked;
}

test("a name is looked up by Node and not by the library", async (t) => {
  const gateway = await simulator(t);
  const asked = namesTell(t, ["::1", "127.0.0.1"]);
  const client = await open(t, { host: "opend.example", port: gateway.port });
  assert.equal((await client.capitalDistribution("HK.00700")).security, "HK.00700");
  assert.deepEqual(asked, ["opend.example"]);
});

test("every attempt after a failure looks the name up again", async (t) => {
  const gateway = await simulator(t);
  // Nothing listens at the first two addresses, then the name is unknown, then it has another address.
  const asked = namesTell(t, ["127.0.0.2"], ["127.0.0.3"], [], ["127.0.0.1"]);
  const logged = [];
  const client = await open(t, {
    host: "opend.example", port: gateway.port, reconnectMinMs: 20, reconnectMaxMs: 50, onLog: (_, text) => logged.push(text),
  });
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  assert.equal(asked.length, 4);
  assert.ok(logged.some((text) => text.includes("opend.example was not found (ENOTFOUND)")), logged.join("\n"));
  await gateway.kill();
  assert.ok(await until(() => asked.length >= 6));
});

test("all addresses of a name have their turn", async (t) => {
  const gateway = await simulator(t);
  const asked = namesTell(t, ["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
  const client = await open(t, { host: "opend.example", port: gateway.port, reconnect: false });
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  assert.equal(asked.length, 1);
});

test("over TLS a certificate is for the name that was looked up", async (t) => {
  const gateway = await simulator(t, "--tls-cert", join(TLS, "other-name.pem"), "--tls-key", join(TLS, "key.pem"));
  namesTell(t, ["127.0.0.1"]);
  const given = { port: gateway.websocketPort, transport: Transport.WEBSOCKET_TLS, tlsCaFile: join(TLS, "ca.pem") };
  const client = await open(t, { host: "quotes.example", ...given });
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  assert.equal((await open(t, { ...given, tlsServerName: "quotes.example" })).info().isReady, true);
  for (const wrong of [{ host: "other.example" }, {}, { host: "quotes.example", tlsServerName: "other.example" }]) {
    const error = await rejection(connect({ ...given, ...wrong }));
    assert.equal(error.status, Status.TLS_FAILED);
    assert.match(error.message, /another name/);
  }
  assert.equal((await rejection(connect({ ...given, tlsServerName: "a\r\nb" }))).status, Status.INVALID_ARGUMENT);
});

test("over WebSocket the gateway is asked for the name that was looked up", async (t) => {
  namesTell(t, ["127.0.0.1"]);
  const heads = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      heads.push(String(head));
      socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address();
  const given = { port, transport: Transport.WEBSOCKET, reconnect: false };
  const named = { "quotes.example": "quotes.example", "börse.example": "xn--brse-5qa.example", "127.0.0.1": "127.0.0.1" };
  for (const [host, asked] of Object.entries(named)) {
    assert.match((await rejection(connect({ ...given, host }))).message, /has no WebSocket at this path/);
    assert.ok(heads.pop().includes(`\r\nHost: ${asked}:${port}\r\n`), host);
  }
});

test("a name that does not exist", async () => {
  const error = await rejection(connect({ host: "nowhere.invalid" }));
  assert.ok(error instanceof ConnectError);
  assert.equal(error.status, Status.CONNECT_FAILED);
  assert.match(error.message, /nowhere\.invalid was not found/);
  assert.ok(error.cause);
});

test("nobody listens: why is told, at once or at the time limit", async () => {
  const port = await unusedPort();
  for (const options of [{ reconnect: false }, { readyTimeoutMs: 300 }]) {
    const error = await rejection(connect({ port, ...options }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.status, Status.CONNECT_FAILED);
    assert.match(error.message, /is OpenD running there/);
  }
});

test("a request need not wait for the connection", async (t) => {
  const gateway = await simulator(t);
  const client = await open(t, { port: gateway.port, readyTimeoutMs: 0 });
  assert.equal(client.info().isReady, false);
  assert.equal((await client.capitalDistribution("HK.00700")).capitalInBig, 859479380);
  assert.equal(client.info().isReady, true);
  await client.waitReady();
});

test("a refusal tells what the gateway said", async (t) => {
  const gateway = await simulator(t);
  const client = await open(t, { port: gateway.port });
  const error = await rejection(client.capitalDistribution("HK.800000"));
  assert.ok(error instanceof RequestError && error instanceof CapdistError && error instanceof Error);
  const { name, status, code, security, wasSent, retType, retMsg, errCode, retryAfterMs } = error;
  assert.deepEqual({ name, status, code, security, wasSent, retType, retMsg, errCode, retryAfterMs }, {
    name: "RequestError", status: Status.REFUSED, code: "CAPDIST_REFUSED", security: "HK.800000", wasSent: true, retType: -1,
    retMsg: "该接口仅支持正股", errCode: 0, retryAfterMs: 0,
  });
});

test("the quota: waits, or is refused at once", async (t) => {
  const gateway = await simulator(t, "--quota", "1/1");
  const client = await open(t, { port: gateway.port, quotaRequests: 1, quotaWindowMs: 1000 });
  await client.capitalDistribution("HK.00001");
  const error = await rejection(client.capitalDistribution("HK.00002", { quotaMode: QuotaMode.FAIL }));
  assert.equal(error.status, Status.QUOTA_EXHAUSTED);
  assert.ok(!(error instanceof RequestError));
  const { limit, windowMs, used, waiting, nextSlotMs } = client.quota();
  assert.deepEqual([limit, windowMs, used, waiting], [1, 1000, 1, 0]);
  assert.ok(nextSlotMs > 0 && nextSlotMs <= 1001);
  await client.capitalDistribution("HK.00003");
  assert.deepEqual(gateway.requests().map((request) => request.code), ["00001", "00003"]);
});

test("arguments that are not valid are refused, and change nothing", async (t) => {
  const gateway = await simulator(t);
  const client = await open(t, { port: gateway.port });
  const requests = [
    () => client.capitalDistribution(700),
    () => client.capitalDistribution("00700"),
    () => client.capitalDistribution("HK.00\x00700"),
    () => client.capitalDistribution("HK." + "0".repeat(60)),
    () => client.capitalDistribution("HK." + "0".repeat(1000)),
    () => client.capitalDistribution("HK.\ud800"),
    () => client.capitalDistribution("HK.00700", { replyTimeoutMs: -1 }),
    () => client.capitalDistribution("HK.00700", { replyTimeoutMs: 0.5 }),
    () => client.capitalDistribution("HK.00700", { replyTimeout: 5 }),
    () => client.capitalDistribution("HK.00700", { signal: {} }),
    () => client.capitalDistribution("HK.00700", null),
    () => client.sendProto(1001, new Uint8Array()),
    () => client.sendProto(-1, new Uint8Array()),
    () => client.sendProto(1002, "text"),
    () => client.capitalDistributions("HK.00700").next(),
    () => client.capitalDistributions(["HK.00700"], { replyTimeoutMs: -1 }).next(),
    () => client.capitalDistributions(["HK.00700"], { replyTimeoutMs: 3_600_001 }).next(),
    () => client.waitReady({ timeoutMs: -1 }),
    () => connect({ port: 0 }),
    () => connect({ port: "11111" }),
    () => connect({ prot: 1 }),
    () => connect({ reconnect: 1 }),
    () => connect({ host: "" }),
    () => connect({ onPush: 5 }),
    () => connect({ reconnectMinMs: 5, reconnectMaxMs: 4 }),
    () => connect({ rsaPrivateKey: "no key" }),
    () => connect(null),
  ];
  for (const request of requests) {
    const error = await rejection(request());
    assert.equal(error.code, "CAPDIST_INVALID_ARGUMENT", `${request}: ${error}`);
    assert.notEqual(error.message, "");
  }
  await client.capitalDistribution("HK.00001");
  assert.deepEqual(gateway.requests().map((request) => request.code).filter((code) => code !== "00700"), ["00001"]);
});

test("a secret is in no error", async () => {
  const error = await rejection(connect({ rsaPrivateKey: "secret", websocketKey: "sec\x00ret" }));
  assert.ok(!error.stack.includes("secret"));
});

test("AbortSignal: before, while and after a request", async (t) => {
  const gateway = await simulator(t, "--latency", "1500");
  const client = await open(t, { port: gateway.port });
  const reason = new Error("enough");
  assert.equal(await rejection(client.capitalDistribution("HK.00001", { signal: AbortSignal.abort(reason) })), reason);

  const controller = new AbortController();
  const requests = [1, 2, 3].map((n) => rejection(client.capitalDistribution(`HK.0000${n}`, { signal: controller.signal })));
  let isAnswered = false;
  const other = client.capitalDistribution("HK.00005").finally(() => (isAnswered = true));
  await sleep(50);
  controller.abort(reason);
  assert.deepEqual(await Promise.all(requests), [reason, reason, reason]);
  assert.ok(!isAnswered, "an abort does not wait for the answer");
  assert.equal((await other).security, "HK.00005");

  const late = new AbortController();
  await client.capitalDistribution("HK.00006", { signal: late.signal });
  late.abort();
  const timedOut = await rejection(client.capitalDistribution("HK.00007", { signal: AbortSignal.timeout(50) }));
  assert.equal(timedOut.name, "TimeoutError");
});

test("a signal that thousands of requests share has one listener, and none in the end", async (t) => {
  const gateway = await simulator(t, "--no-quota");
  const client = await open(t, { port: gateway.port, quotaRequests: 0 });
  const { signal } = new AbortController();
  const added = t.mock.method(signal, "addEventListener");
  const removed = t.mock.method(signal, "removeEventListener");
  const requests = Array.from({ length: 2000 }, (_, n) => client.capitalDistribution(`SZ.${String(n).padStart(6, "0")}`, { signal }).catch(() => {}));
  await within(Promise.all(requests), "two thousand requests");
  assert.deepEqual([added.mock.callCount(), removed.mock.callCount()], [1, 1]);
});

test("AbortSignal ends connecting", async (t) => {
  const gateway = await simulator(t, "--fault", "accept-silent");
  const error = await rejection(connect({ port: gateway.port, signal: AbortSignal.timeout(100) }));
  assert.equal(error.name, "TimeoutError");
  assert.ok(await until(() => gateway.connections() === 0), "its connection is closed");
  t.mock.method(dns.promises, "lookup", () => new Promise(() => {}));
  const looking = await rejection(connect({ host: "opend.example", signal: AbortSignal.timeout(100) }));
  assert.equal(looking.name, "TimeoutError");
});

test("a watch list comes as it is answered, within the quota", async (t) => {
  const gateway = await simulator(t, "--quota", "5/1");
  const client = await open(t, { port: gateway.port, quotaRequests: 5, quotaWindowMs: 1000 });
  const securities = Array.from({ length: 11 }, (_, n) => `HK.000${String(n + 1).padStart(2, "0")}`).concat("HK.800000");
  const seen = [];
  for await (const { security, figures, error } of client.capitalDistributions(securities)) {
    seen.push(security);
    if (security === "HK.800000") assert.equal(error.status, Status.REFUSED);
    else assert.equal(figures.security, security);
  }
  assert.deepEqual(seen.sort(), securities.sort());
  assert.equal(gateway.requests().filter((request) => "refused" in request && !request.refused.includes("该接口仅支持正股")).length, 0);
});

test("an entry of a watch list that is no security is its own error, and the others go on", async (t) => {
  const gateway = await simulator(t);
  const client = await open(t, { port: gateway.port, quotaRequests: 1, quotaWindowMs: 100 });
  const wrong = ["nonsense", "", "HK.", "HK.\ud800", "HK.00\x00700", "HK." + "0".repeat(1000), 700, undefined, null, Symbol("HK")];
  const entries = ["HK.00001", ...wrong, "HK.00002"];
  const seen = new Map();
  for await (const entry of client.capitalDistributions(entries)) seen.set(entry.security, entry);
  assert.deepEqual(new Set(seen.keys()), new Set(entries));
  for (const security of ["HK.00001", "HK.00002"]) assert.equal(seen.get(security).figures.security, security);
  for (const security of wrong) {
    const { figures, error } = seen.get(security);
    assert.equal(figures, undefined);
    assert.ok(error instanceof RequestError);
    const { status, code, wasSent, retType, retMsg, errCode, retryAfterMs } = error;
    assert.deepEqual({ status, code, wasSent, retType, retMsg, errCode, retryAfterMs }, {
      status: Status.INVALID_ARGUMENT, code: "CAPDIST_INVALID_ARGUMENT", wasSent: false, retType: undefined, retMsg: "",
      errCode: undefined, retryAfterMs: 0,
    });
    assert.equal(error.security, typeof security === "string" ? security : "");
  }
  assert.match(seen.get("nonsense").error.message, /^nonsense: ./);
  assert.deepEqual(gateway.requests().map((request) => request.code), ["00001", "00002"]);
});

test("leaving a watch list cancels the rest; an abort throws", async (t) => {
  const gateway = await simulator(t);
  const client = await open(t, { port: gateway.port, quotaRequests: 2, quotaWindowMs: 60_000 });
  let isReturned = false;
  function* securities() {
    try {
      for (let n = 1; ; n++) yield `HK.${String(n).padStart(5, "0")}`;
    } finally {
      isReturned = true;
    }
  }
  for await (const { security } of client.capitalDistributions(securities())) {
    assert.equal(security, "HK.00001");
    break;
  }
  assert.ok(isReturned);
  assert.ok(await until(() => client.quota().waiting === 0), "nothing waits any more");
  const controller = new AbortController();
  const list = client.capitalDistributions(["HK.00009"], { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 50);
  assert.equal((await rejection(list.next())).message, "enough");
  assert.ok(await until(() => client.quota().waiting === 0), "nothing waits any more");
});

test("close settles everything, and what comes after is refused", async (t) => {
  const gateway = await simulator(t, "--latency", "2000");
  const client = await open(t, { port: gateway.port, readyTimeoutMs: 0 });
  const ready = rejection(client.waitReady());
  const requests = [1, 2, 3].map((n) => rejection(client.capitalDistribution(`HK.0000${n}`)));
  const list = rejection(client.capitalDistributions(["HK.00001"]).next().then(({ value }) => {
    throw value.error;
  }));
  await sleep(50);
  client.close();
  client.close();
  for (const error of [await ready, ...(await Promise.all(requests)), await list]) assert.equal(error.status, Status.RELEASED);
  const calls = [
    () => client.capitalDistribution("HK.00001"), () => client.capitalDistributions(["HK.00001"]).next(),
    () => client.waitReady(), async () => client.info(), async () => client.quota(),
    () => client.sendProto(1002, new Uint8Array()),
  ];
  for (const call of calls) assert.equal((await rejection(call())).code, "CAPDIST_RELEASED");
  client.ref();
  client.unref();
});

test("the gateway dies: sent requests end, and the client comes back by itself", async (t) => {
  const gateway = await simulator(t, "--fault", "restart=3");
  const heard = [];
  const client = await open(t, {
    port: gateway.port, reconnectMinMs: 50, reconnectMaxMs: 50,
    onInitConnect: (errCode, desc) => heard.push(["init", errCode, desc]),
    onDisconnect: (errCode, desc) => heard.push(["disconnect", Math.floor(errCode / 2 ** 32), desc !== ""]),
  });
  await client.capitalDistribution("HK.00001");
  const settled = await within(Promise.allSettled([2, 3, 4, 5].map((n) => client.capitalDistribution(`HK.0000${n}`))));
  for (const { reason } of settled.filter((one) => one.status === "rejected")) {
    assert.deepEqual([reason.status, reason.wasSent], [Status.DISCONNECTED, true]);
  }
  await client.waitReady();
  assert.deepEqual(heard.slice(0, 2), [["init", 0, ""], ["disconnect", 11, true]]);
  assert.ok(await until(() => heard.length >= 3));
});

test("pushes, logs and raw requests", async (t) => {
  const gateway = await simulator(t, "--push", "1");
  const pushes = [];
  const lines = [];
  const client = await open(t, {
    port: gateway.port, recvNotify: true,
    onPush: (protoId, body) => pushes.push([protoId, body]), onLog: (level, message) => lines.push([level, message]),
  });
  assert.ok(await until(() => pushes.length >= 1));
  assert.equal(pushes[0][0], 1003);
  assert.ok(pushes[0][1] instanceof Uint8Array && pushes[0][1].length > 0);
  assert.ok(lines.some(([level, message]) => level === 3 && message !== ""));
  // GetGlobalState: c2s { userID: 0 }
  const { protoId, retType, body } = await client.sendProto(1002, Uint8Array.of(0x0a, 2, 8, 0));
  assert.deepEqual([protoId, retType], [1002, 0]);
  assert.ok(body.length > 10);
  // A refusal is an answer, too.
  assert.equal((await client.sendProto(9999, new Uint8Array(8))).retType, -1);
});

test("what a callback throws is uncaught, and loses nothing", async (t) => {
  const gateway = await simulator(t);
  const { output } = await run(`
    const { connect } = require("./lib/index.js");
    process.on("uncaughtException", (error) => console.log("uncaught", error.message));
    connect({ port: ${gateway.port}, onInitConnect: () => { throw new Error("mine"); } })
      .then((client) => client.capitalDistribution("HK.00700"))
      .then((figures) => console.log(figures.capitalInBig), console.log)
      .finally(() => process.exit());`);
  assert.equal(output, "uncaught mine\n859479380\n");
});

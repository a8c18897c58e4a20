"use strict";

const assert = require("node:assert/strict");
const { join } = require("node:path");
const test = require("node:test");
const { KEY, TLS, run, simulator, sleep, unusedPort, until, within } = require("./support.js");
const { CapdistError, Status } = require("../lib/index.js");
const ftWebsocket = require("../lib/futu-api.js");
const mmWebsocket = require("../lib/moomoo-api.js");
const { decodeNotify } = require("../lib/notify.js");
const { Common, Qot_Common } = require("../lib/proto.js");

const FUTU = JSON.stringify(join(__dirname, "..", "lib", "futu-api.js"));

function request(code, market = Qot_Common.QotMarket.QotMarket_HK_Security) {
  return { c2s: { security: { market, code } } };
}

/** A started websocket, and the arguments of its onlogin. */
function start(t, port, { ssl = false, key = KEY, tlsCaFile, ip = "127.0.0.1" } = {}) {
  const websocket = new ftWebsocket();
  t.after(() => websocket.stop());
  const told = [];
  websocket.onlogin = (ret, msg) => told.push([ret, msg]);
  if (tlsCaFile) websocket.tlsCaFile = tlsCaFile;
  websocket.start(ip, port, ssl, key);
  return { websocket, told, login: () => until(() => told.length > 0) };
}

async function rejection(promise) {
  return within(promise, "a rejection").then(
    (value) => assert.fail(`it resolved with ${JSON.stringify(value)}`),
    (error) => error,
  );
}

test("login, an answer, the connection's id, and stop", async (t) => {
  const gateway = await simulator(t, "--websocket-key", KEY, "--figures", "js");
  const { websocket, told, login } = start(t, gateway.websocketPort);
  assert.equal(websocket.getConnID(), "0");
  await login();
  assert.deepEqual(told, [[true, ""]]);
  assert.match(websocket.getConnID(), /^[1-9][0-9]+$/);
  assert.deepEqual(await websocket.GetCapitalDistribution(request("00700")), {
    retType: 0, retMsg: "", errCode: 0,
    s2c: {
      capitalInBig: 1586950080, capitalInMid: 2861135060, capitalInSmall: 879906120,
      capitalOutBig: 890005200, capitalOutMid: 2423820040, capitalOutSmall: 799307540,
      updateTime: "2021-09-10 11:57:30", updateTimestamp: 1631246250, capitalInSuper: 230158560, capitalOutSuper: 286481380,
    },
  });
  websocket.stop();
  websocket.stop();
  assert.equal(websocket.getConnID(), "0");
  assert.ok(await until(() => gateway.connections() === 0));
  assert.deepEqual(told, [[true, ""]]);
});

test("fields the gateway left out are not there; a refusal is an answer", async (t) => {
  const gateway = await simulator(t, "--old");
  const { websocket } = start(t, gateway.websocketPort);
  const { s2c } = await websocket.GetCapitalDistribution(request("00700"));
  assert.deepEqual(Object.keys(s2c), [
    "capitalInBig", "capitalInMid", "capitalInSmall", "capitalOutBig", "capitalOutMid", "capitalOutSmall",
  ]);
  const refused = await websocket.GetCapitalDistribution(request("800000"));
  assert.deepEqual(refused, { retType: -1, retMsg: "该接口仅支持正股", errCode: 0 });
});

test("the security firm is sent where it is given", async (t) => {
  const gateway = await simulator(t);
  const { websocket } = start(t, gateway.websocketPort);
  const { c2s } = request("AAPL", Qot_Common.QotMarket.QotMarket_US_Security);
  await websocket.GetCapitalDistribution({ c2s: { ...c2s, header: { securityFirm: 3 } } });
  const [{ market, code, security_firm }] = gateway.requests();
  assert.deepEqual([market, code, security_firm], [11, "AAPL", 3]);
});

test("over TLS", async (t) => {
  const certificate = ["--tls-cert", join(TLS, "server.pem"), "--tls-key", join(TLS, "key.pem")];
  const gateway = await simulator(t, "--websocket-key", KEY, ...certificate);
  const trusting = start(t, gateway.websocketPort, { ssl: true, tlsCaFile: join(TLS, "ca.pem") });
  assert.equal((await trusting.websocket.GetCapitalDistribution(request("00700"))).retType, 0);
  const other = start(t, gateway.websocketPort, { ssl: true });
  await other.login();
  assert.equal(other.told[0][0], false);
  assert.match(other.told[0][1], /certificate/);
  const error = await rejection(other.websocket.GetCapitalDistribution(request("00700")));
  assert.deepEqual([error.status, error.retType], [Status.NOT_CONNECTED, -400]);
});

test("a wrong key: told once, before five seconds are over", async (t) => {
  const gateway = await simulator(t, "--websocket-key", KEY);
  const { websocket, told, login } = start(t, gateway.websocketPort, { key: "wrong" });
  const started = Date.now();
  const asked = rejection(websocket.GetCapitalDistribution(request("00700")));
  await login();
  // It takes five seconds. The connect timeout of the modern interface would take ten.
  assert.ok(Date.now() - started < 9000);
  assert.equal(told[0][0], false);
  assert.match(told[0][1], /key/);
  await sleep(1000);
  assert.equal(told.length, 1);
  websocket.stop();
  // The request fails with the attempt, and does not wait until it is stopped.
  assert.deepEqual([(await asked).status, (await asked).retType], [Status.CONNECT_TIMEOUT, -100]);
});

test("nobody listens, then somebody does not any more", async (t) => {
  const gateway = await simulator(t, "--fault", "restart=3");
  const nobody = start(t, 1);
  await nobody.login();
  assert.deepEqual([nobody.told[0][0], /refused/.test(nobody.told[0][1])], [false, true]);

  const { websocket, told, login } = start(t, gateway.websocketPort);
  await login();
  const settled = await within(Promise.allSettled(["00001", "00002", "00003", "00004"].map((code) =>
    websocket.GetCapitalDistribution(request(code)))), "every promise");
  const errors = settled.filter(({ status }) => status === "rejected").map(({ reason }) => reason);
  assert.ok(errors.length > 0);
  for (const error of errors) {
    assert.ok(error instanceof CapdistError);
    assert.deepEqual([error.retType, error.errCode, error.retMsg !== ""], [-200, 0, true]);
  }
  assert.ok(await until(() => told.length >= 3), "the login is told again");
  assert.deepEqual(told.map(([ret]) => ret), [true, false, true]);
});

test("down, who asks is told at once; refused, it is tried again; well, it connects", async (t) => {
  const port = await unusedPort();
  const { websocket, told, login } = start(t, port);
  await login();
  const down = await rejection(websocket.GetCapitalDistribution(request("00700")));
  assert.deepEqual([down.status, down.retType], [Status.CONNECT_FAILED, -400]);
  const refusing = await simulator(t, "--websocket-port", String(port), "--fault", "init-refused");
  let error;
  assert.ok(await until(async () => {
    error = await rejection(websocket.GetCapitalDistribution(request("00700")));
    return error.status === Status.CONNECT_REFUSED;
  }), "a refusal is told");
  assert.equal(error.retType, -400);
  assert.deepEqual(told.map(([ret]) => ret), [false]);
  await refusing.kill();
  await simulator(t, "--websocket-port", String(port));
  assert.ok(await until(() => told.length === 2), "it is connected in the end");
  assert.deepEqual(told.map(([ret]) => ret), [false, true]);
});

test("every promise settles: stop in flight, before start, with what is no request", async (t) => {
  const gateway = await simulator(t, "--fault", "never");
  const websocket = new ftWebsocket();
  const before = await rejection(websocket.GetCapitalDistribution(request("00700")));
  assert.deepEqual([before.status, before.retType], [Status.RELEASED, -200]);
  websocket.start("127.0.0.1", gateway.websocketPort, false);
  const asked = [1, 2, 3].map((n) => rejection(websocket.GetCapitalDistribution(request(`0000${n}`))));
  for (const wrong of [undefined, {}, { c2s: {} }, request(700), request("", 1), request("0".repeat(60)), request("A", 1.5)]) {
    const error = await rejection(websocket.GetCapitalDistribution(wrong));
    assert.deepEqual([error.status, error.retType], [Status.INVALID_ARGUMENT, -500]);
  }
  await until(() => gateway.requests().length === 3);
  websocket.stop();
  for (const error of await Promise.all(asked)) assert.deepEqual([error.status, error.retType], [Status.RELEASED, -200]);
  assert.equal((await rejection(websocket.GetCapitalDistribution(request("00700")))).retType, -200);
});

test("a damaged answer is none, whatever retType it has", async (t) => {
  const gateway = await simulator(t, "--fault", "missing-field@HK.00001", "--fault", "no-content@HK.00002");
  const { websocket } = start(t, gateway.websocketPort);
  for (const code of ["00001", "00002"]) {
    const error = await rejection(websocket.GetCapitalDistribution(request(code)));
    assert.deepEqual([error.status, error.retType], [Status.MALFORMED_REPLY, -400]);
  }
  assert.equal((await websocket.GetCapitalDistribution(request("00003"))).retType, 0);
});

test("arguments of start that are not valid are told to onlogin, and to who asks", async (t) => {
  for (const [ip, port, key] of [["", 33333, ""], ["127.0.0.1", "33333", ""], ["127.0.0.1", 33333, 5], ["nowhere.invalid", 1, ""]]) {
    const { websocket, told, login } = start(t, port, { ip, key });
    assert.ok(await login());
    assert.deepEqual([told.length, told[0][0], told[0][1] !== ""], [1, false, true]);
    assert.ok([-400, -500].includes((await rejection(websocket.GetCapitalDistribution(request("00700")))).retType));
    assert.equal(websocket.getConnID(), "0");
  }
});

test("stop and start again, in any state", async (t) => {
  const gateway = await simulator(t);
  const { websocket, told } = start(t, gateway.websocketPort);
  websocket.start("localhost", gateway.websocketPort, false);
  websocket.stop();
  websocket.start("127.0.0.1", gateway.websocketPort, false);
  websocket.start("127.0.0.1", gateway.websocketPort, false);
  assert.equal((await websocket.GetCapitalDistribution(request("00700"))).retType, 0);
  assert.deepEqual(told, [[true, ""]]);
  assert.ok(await until(() => gateway.connections() === 1));
});

test("onPush gets Notify decoded, and keeps the process alive", async (t) => {
  const gateway = await simulator(t, "--push", "1");
  const program = (more) => `
    const ftWebsocket = require(${FUTU});
    const websocket = new ftWebsocket();
    websocket.onlogin = (ret) => console.log("login", ret);
    ${more}
    websocket.start("127.0.0.1", ${gateway.websocketPort}, false, "");`;
  const listening = await run(program(`websocket.onPush = (cmd, res) => {
    console.log(cmd === ftWebsocket.ftCmdID.Notify.cmd, JSON.stringify(res));
    websocket.stop();
  };`));
  assert.deepEqual([listening.status, listening.output], [0,
    'login true\ntrue {"retType":0,"retMsg":"","errCode":0,"s2c":{"type":3,"connectStatus":{"qotLogined":true,"trdLogined":true}}}\n']);
  const idle = await run(program(""));
  assert.deepEqual([idle.status, idle.output], [0, "login true\n"]);
});

test("decoding Notify: unknown fields, and bytes that are none", () => {
  const message = [8, 0, 0x18, 5, 0x9a, 6, 1, 7, 0x22, 10, 8, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
  assert.throws(() => decodeNotify(Uint8Array.from(message.slice(0, -1))), RangeError);
  const whole = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x9a, 6, 1, 7, 0x22, 4, 8, 4, 0x18, 1];
  assert.deepEqual(decodeNotify(Uint8Array.from(whole)), { retType: -1, retMsg: "", errCode: 0, s2c: { type: 4 } });
  for (const wrong of [[8], [8, ...Array(10).fill(0xff)], [0x0f], [0x22, 0xff, 0xff, 0xff, 0xff, 0x7f]]) {
    assert.throws(() => decodeNotify(Uint8Array.from(wrong)), RangeError);
  }
});

test("the brands are two classes with the same commands, and enums name numbers", () => {
  assert.equal(new mmWebsocket().constructor.name, "mmWebsocket");
  assert.ok(!(new ftWebsocket() instanceof mmWebsocket));
  assert.equal(ftWebsocket.ftCmdID, mmWebsocket.mmCmdID);
  assert.deepEqual(ftWebsocket.ftCmdID.QotGetCapitalDistribution.cmd, 3212);
  assert.equal(Common.RetType[-100], "RetType_TimeOut");
  assert.deepEqual(Object.keys(Qot_Common), ["QotMarket", "SubType"]);
  assert.ok(Object.keys(Qot_Common.QotMarket).every((name) => name.startsWith("QotMarket_")));
});

// The interface of the vendor's JavaScript SDK, as far as capital distribution needs it, over OpenD's WebSocket.
"use strict";

const { OutageMode, Status, Transport } = require("./abi.js");
const { resolve } = require("./client.js");
const { Link, guarded } = require("./connection.js");
const { decodeNotify } = require("./notify.js");
const { connectOptions, int32, text } = require("./options.js");
const { Common } = require("./proto.js");
const { isOk, replyOf, requestError } = require("./reply.js");
const { CapdistError } = require("./status.js");

const { RetType } = Common;
/** The limit of one attempt. The sample in the vendor's documentation stops after 5 s, and must hear of a wrong key before that.
 *  OpenD does not answer a wrong key at all. On a slow network the next attempt follows. */
const CONNECT_TIMEOUT_MS = 4_000;

/** The vendor's retType for requests without an answer. */
const RET_TYPES = new Map([
  [Status.QUEUE_TIMEOUT, RetType.RetType_TimeOut],
  [Status.REPLY_TIMEOUT, RetType.RetType_TimeOut],
  [Status.CONNECT_TIMEOUT, RetType.RetType_TimeOut],
  [Status.DISCONNECTED, RetType.RetType_DisConnect],
  [Status.RELEASED, RetType.RetType_DisConnect],
  [Status.INVALID_ARGUMENT, RetType.RetType_Invalid],
]);

/** Statuses of requests that the gateway answered. */
const ANSWERS = new Set([Status.OK, Status.REFUSED, Status.RATE_LIMITED]);

const COMMANDS = Object.freeze({
  InitWebSocket: Object.freeze({ cmd: 1, name: "InitWebSocket", description: "the WebSocket's login" }),
  Notify: Object.freeze({ cmd: 1003, name: "Notify", description: "a push about the gateway itself" }),
  QotGetCapitalDistribution: Object.freeze({
    cmd: 3212, name: "QotGetCapitalDistribution", description: "a stock's capital distribution",
  }),
});

/** The figures that the gateway sent, in the order of the numbers in the .proto file. */
function s2cOf([inSuper, inBig, inMid, inSmall, outSuper, outBig, outMid, outSmall, time, timestamp, present]) {
  const fields = [
    ["capitalInBig", inBig], ["capitalInMid", inMid], ["capitalInSmall", inSmall],
    ["capitalOutBig", outBig], ["capitalOutMid", outMid], ["capitalOutSmall", outSmall],
    ["updateTime", time], ["updateTimestamp", timestamp], ["capitalInSuper", inSuper], ["capitalOutSuper", outSuper],
  ];
  return Object.fromEntries(fields.filter((_, at) => present & (1 << (at + 1))));
}

function failed(error) {
  error.retType = RET_TYPES.get(error.status) ?? RetType.RetType_Unknown;
  error.retMsg ||= error.message;
  error.errCode ??= 0;
  return error;
}

function pushed(cmd, body) {
  if (cmd !== COMMANDS.Notify.cmd) return { body };
  try {
    return decodeNotify(body);
  } catch {
    return { body };
  }
}

/** Market, code and security firm of a Qot_GetCapitalDistribution.Request. */
function readRequest(req) {
  const c2s = req?.c2s;
  const market = int32(c2s?.security?.market, "c2s.security.market");
  const code = text(c2s.security.code, "c2s.security.code");
  return { market, code, securityFirm: int32(c2s.header?.securityFirm ?? 0, "c2s.header.securityFirm") };
}

/** A connection from `start` to `stop`. */
class Session {
  link = null;
  isStopped = false;
  #owner;
  /** The result that `onlogin` received last. */
  #reported;
  #isHeld = false;

  constructor(owner, args) {
    this.#owner = owner;
    this.opening = this.#open(...args);
    // Each request reports the failure. Without requests it must not be an unhandled rejection.
    this.opening.catch((error) => this.#report(false, error.message));
  }

  async #open(ip, port, ssl, key) {
    const { native } = connectOptions({
      host: text(ip, "ip"),
      port: int32(port, "port"),
      transport: ssl ? Transport.WEBSOCKET_TLS : Transport.WEBSOCKET,
      websocketKey: key == null ? "" : text(key, "key"),
      tlsCaFile: ssl ? this.#owner.tlsCaFile : undefined,
      recvNotify: true,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      // While OpenD is down, requests are refused at once.
      outageMode: OutageMode.FAIL,
    });
    const addresses = await resolve(native);
    if (this.isStopped) throw stopped();
    this.link = new Link(native, {
      onInitConnect: (errCode, desc) => this.#report(errCode === 0, desc),
      onDisconnect: (errCode, desc) => this.#report(false, desc),
      onAttemptFailed: (errCode, desc) => this.#report(false, desc),
      onPush: (cmd, body) => {
        if (!this.isStopped) this.#owner.onPush?.(cmd, pushed(cmd, body));
      },
    }, addresses);
    this.keep();
    return this.link;
  }

  /** Calls `onlogin`: for each success, and for one failure only until the next success. */
  #report(ret, msg) {
    if (this.isStopped || (!ret && this.#reported === false)) return;
    this.#reported = ret;
    this.keep();
    guarded((...told) => this.#owner.onlogin?.(...told), ret, msg);
  }

  /** Keeps the process alive until `onlogin` has been called, and while `onPush` is set. */
  keep() {
    const isNeeded = this.#reported === undefined || this.#owner.onPush !== null;
    if (!this.link || isNeeded === this.#isHeld) return;
    this.#isHeld = isNeeded;
    if (isNeeded) this.link.hold();
    else this.link.unhold();
  }

  stop() {
    this.isStopped = true;
    this.link?.close();
  }
}

function stopped() {
  return new CapdistError("there is no connection: start comes first, and none after stop", Status.RELEASED);
}

/** The base of both brands' classes. Each brand has a class of its own, which is named for it. */
class VendorWebSocket {
  onlogin = null;
  #onPush = null;
  #session = null;

  get onPush() {
    return this.#onPush;
  }

  set onPush(callback) {
    this.#onPush = callback ?? null;
    this.#session?.keep();
  }

  start(ip, port, ssl, key) {
    this.stop();
    this.#session = new Session(this, [ip, port, ssl, key]);
  }

  stop() {
    this.#session?.stop();
    this.#session = null;
  }

  getConnID() {
    return this.#session?.link ? String(this.#session.link.info()[0]) : "0";
  }

  async GetCapitalDistribution(req) {
    try {
      const session = this.#session;
      if (!session) throw stopped();
      const { market, code, securityFirm } = readRequest(req);
      const link = await session.opening;
      const event = await new Promise((settle) => link.ask(this, market, code, [0, 0, 0, securityFirm], settle));
      const reply = replyOf(event);
      if (reply.retType === undefined || !ANSWERS.has(reply.status)) throw requestError(reply, code);
      const { retType, retMsg, errCode = 0 } = reply;
      return isOk(reply) ? { retType, retMsg, errCode, s2c: s2cOf(reply.figures) } : { retType, retMsg, errCode };
    } catch (error) {
      throw failed(error);
    }
  }
}

/** TLS only: the path of a PEM file with the certificates to trust; undefined: the system's CAs. */
VendorWebSocket.prototype.tlsCaFile = undefined;

module.exports = { VendorWebSocket, COMMANDS };

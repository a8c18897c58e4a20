// The class Client, and connect().
"use strict";

const net = require("node:net");
const { domainToASCII } = require("node:url");
const { Retry, STATE, Status, Transport } = require("./abi.js");
const { Link } = require("./connection.js");
const { lookUp, failureReason } = require("./names.js");
const { connectOptions, requestOptions, known, signalOf, text, waiting } = require("./options.js");
const { CapitalDistribution, isOk, protoReplyOf, refusedError, replyOf, requestError } = require("./reply.js");
const { ConnectError, invalid } = require("./status.js");

/** Most requests of a watch list in flight if no quota is kept. */
const UNLIMITED_WINDOW = 64;
/** The queue timeout of a watch list's requests: the longest that the library accepts. */
const LIST_QUEUE_TIMEOUT_MS = 3_600_000;
/** How often a watch list repeats a request that the gateway refuses because of its rate limit. */
const MOST_TRIES = 10;
const WEBSOCKETS = new Set([Transport.WEBSOCKET, Transport.WEBSOCKET_TLS]);
const OF_LISTS = new Set(["replyTimeoutMs", "maxAgeMs", "signal"]);
const OF_WAITING = new Set(["timeoutMs", "signal"]);

/** Closes the connections of clients that were garbage-collected. */
const dropped = new FinalizationRegistry((link) => link.close());

class Client {
  #link;
  #maxQueue;
  #isHeld = false;

  constructor(options, callbacks, addresses) {
    this.#maxQueue = options.maxQueue || UNLIMITED_WINDOW;
    this.#link = new Link(options, callbacks, addresses);
    if (Object.values(callbacks).some(Boolean)) {
      // A client with callbacks stays alive without other references.
      this.#link.owner = this;
    } else {
      dropped.register(this, this.#link, this);
    }
  }

  async capitalDistribution(security, options) {
    const { numbers, signal } = requestOptions(options);
    return this.#request(signal, (sink) => this.#link.ask(this, text(security, "security"), undefined, numbers, sink), (event) => {
      const reply = replyOf(event);
      if (!isOk(reply)) throw requestError(reply, security);
      return new CapitalDistribution(security, reply);
    });
  }

  async sendProto(protoId, body, options) {
    const { numbers, signal } = requestOptions(options);
    if (!Number.isInteger(protoId) || protoId !== protoId >>> 0) throw invalid("protoId: it must be a whole number of 32 bits");
    if (!(body instanceof Uint8Array)) throw invalid("body: it must be a Uint8Array");
    return this.#request(signal, (sink) => this.#link.sendProto(this, protoId, body, numbers, sink), (event) => {
      const reply = protoReplyOf(event);
      // A refusal has a body, too, which the application can read.
      if (!isOk(reply) && reply.body.length === 0) throw requestError(reply, "");
      return { protoId, retType: reply.retType, body: reply.body };
    });
  }

  /** Makes a request as a promise. `ask` takes the sink and returns the serial number; `settle` converts the reply's event. */
  #request(signal, ask, settle) {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const serialNo = ask((event) => {
        if (signal) this.#link.unwatch(signal, serialNo);
        try {
          resolve(settle(event));
        } catch (error) {
          reject(error);
        }
      });
      if (!signal) return;
      this.#link.watch(signal, serialNo, () => {
        reject(signal.reason);
        this.#link.cancel(serialNo);
      });
    });
  }

  async *capitalDistributions(securities, options = {}) {
    known(options, OF_LISTS);
    // Checked here, so that a request that is refused later is refused because of its security.
    const replyTimeoutMs = waiting(options.replyTimeoutMs, "replyTimeoutMs", 0);
    const maxAgeMs = waiting(options.maxAgeMs, "maxAgeMs", 0);
    const { numbers, signal } = requestOptions({ ...options, replyTimeoutMs, maxAgeMs, queueTimeoutMs: LIST_QUEUE_TIMEOUT_MS });
    if (typeof securities === "string" || typeof securities?.[Symbol.iterator] !== "function") {
      throw invalid("securities: they must be a list of strings");
    }
    const window = Math.min(this.quota().limit || UNLIMITED_WINDOW, this.#maxQueue);
    const underWay = new Set();
    const answers = [];
    let wake = () => {};
    const aborted = () => wake();
    // Requests that the gateway refused because of its rate limit, in the order in which they are repeated.
    const again = [];
    const later = (security, tries, afterMs) => {
      const at = performance.now() + afterMs;
      const before = again.findIndex((other) => other.at > at);
      again.splice(before < 0 ? again.length : before, 0, { security, tries, at });
    };
    let timer;
    const ask = (security, tries = 1) => {
      try {
        const serialNo = this.#link.ask(this, text(security, "security"), undefined, numbers, (event) => {
          underWay.delete(serialNo);
          const reply = replyOf(event);
          if (isOk(reply)) {
            answers.push({ security, figures: new CapitalDistribution(security, reply), error: undefined });
          } else if (reply.retry === Retry.AFTER && tries < MOST_TRIES) {
            later(security, tries + 1, reply.retryAfterMs);
          } else {
            answers.push({ security, figures: undefined, error: requestError(reply, security) });
          }
          wake();
        });
        underWay.add(serialNo);
      } catch (error) {
        if (error.status !== Status.INVALID_ARGUMENT) throw error;
        answers.push({ security, figures: undefined, error: refusedError(error, security) });
      }
    };
    const remaining = securities[Symbol.iterator]();
    let isLast = false;
    signal?.addEventListener("abort", aborted);
    try {
      for (;;) {
        signal?.throwIfAborted();
        // Answers that were not yet taken count: a slow consumer makes requests slowly.
        while (again.length > 0 && again[0].at <= performance.now()) {
          const { security, tries } = again.shift();
          ask(security, tries);
        }
        while (!isLast && underWay.size + again.length + answers.length < window) {
          const { done, value } = remaining.next();
          if (done) isLast = true;
          else ask(value);
        }
        if (answers.length > 0) yield answers.shift();
        else if (underWay.size + again.length > 0) {
          await new Promise((resolve) => {
            wake = resolve;
            if (again.length > 0) timer = setTimeout(resolve, Math.max(again[0].at - performance.now(), 0) + 1);
          });
          clearTimeout(timer);
        } else return;
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      for (const serialNo of underWay) this.#link.cancel(serialNo);
      if (!isLast) remaining.return?.();
    }
  }

  async waitReady(options = {}) {
    known(options, OF_WAITING);
    const limit = waiting(options.timeoutMs, "timeoutMs", 10_000);
    const signal = signalOf(options.signal);
    signal?.throwIfAborted();
    const link = this.#link;
    let look, aborted, timer;
    link.hold();
    try {
      await new Promise((resolve, reject) => {
        // This closure holds the client, which could otherwise be garbage-collected and closed during the wait.
        look = (isLate) => {
          try {
            // Read before the cause: a cause that is called final is then the last one.
            isLate ||= this.#link.info()[3] === STATE.NOT_CONNECTED;
            this.#link.look();
            resolve();
          } catch (error) {
            if (isLate || error.status === Status.RELEASED) reject(error);
          }
        };
        aborted = () => reject(signal.reason);
        link.listeners.add(look);
        signal?.addEventListener("abort", aborted);
        timer = setTimeout(look, limit, true);
        look(false);
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      link.listeners.delete(look);
      link.unhold();
    }
  }

  info() {
    const [connId, loginUserId, serverVersion, state] = this.#link.info();
    return { connId, loginUserId, serverVersion, isReady: state === STATE.READY, isFinal: state === STATE.NOT_CONNECTED };
  }

  quota() {
    const [limit, windowMs, used, waitingFor, nextSlotMs] = this.#link.quota();
    return { limit, windowMs, used, waiting: waitingFor, nextSlotMs: nextSlotMs < 0 ? null : nextSlotMs };
  }

  ref() {
    if (!this.#isHeld) this.#link.hold();
    this.#isHeld = true;
    return this;
  }

  unref() {
    if (this.#isHeld) this.#link.unhold();
    this.#isHeld = false;
    return this;
  }

  close() {
    dropped.unregister(this);
    this.#link.close();
  }
}

/**
 * Looks up the host in the addon's options. Returns its addresses; undefined if it is not a name. Throws if it is not found,
 * before there is a client.
 */
async function resolve(native, signal) {
  const { host } = native;
  // Texts that are not names go to the library, which refuses them if necessary.
  if (!host || net.isIP(host) !== 0 || /[:/]/.test(host) || host.toLowerCase() === "localhost") return;
  let aborted;
  try {
    const stopped = new Promise((_, reject) => {
      aborted = () => reject(signal.reason);
      signal?.addEventListener("abort", aborted);
    });
    const addresses = await Promise.race([lookUp(host), stopped]);
    // Proxies need the name, and so does the certificate check over TLS. Use the form that DNS has.
    if (WEBSOCKETS.has(native.transport)) native.tlsServerName ??= domainToASCII(host);
    return addresses;
  } catch (error) {
    if (signal?.aborted) throw error;
    const why = `the name ${host} was not found (${failureReason(error)}): is it spelled right?`;
    throw new ConnectError(why, Status.CONNECT_FAILED, { cause: error });
  } finally {
    signal?.removeEventListener("abort", aborted);
  }
}

async function connect(options = {}) {
  const { native, callbacks, readyTimeoutMs, signal } = connectOptions(options);
  signal?.throwIfAborted();
  const client = new Client(native, callbacks, await resolve(native, signal));
  if (readyTimeoutMs === 0) return client;
  try {
    await client.waitReady({ timeoutMs: readyTimeoutMs, signal });
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

module.exports = { Client, connect, resolve };

// A connection of the addon's, the requests that are under way on it, and who keeps the process alive.
"use strict";

const { Connection, Event } = require("./native.js");
const { lookUp, whyNot } = require("./names.js");
const { calling } = require("./status.js");

/** What a callback throws is an uncaught exception, and keeps nothing else from happening. */
function guarded(callback, ...values) {
  try {
    callback?.(...values);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

/** Events that only the application hears of. */
const TOLD = new Set([Event.INIT_CONNECT, Event.DISCONNECT, Event.ATTEMPT_FAILED, Event.PUSH, Event.LOG]);

/**
 * The addon holds this, from its making to its closing; it holds its client only while a request is under way or the user
 * gave a callback, so that a client that was dropped can be collected, and closed.
 */
class Link {
  #native;
  #callbacks;
  /** serial number → { sink, owner } */
  #pending = new Map();
  /** AbortSignal → { listener, serials }: one listener a signal, since thousands of requests may share one. */
  #signals = new Map();
  #holds = 0;
  #addresses;
  /** Called after each change of the connection's state. */
  listeners = new Set();
  /** Kept for as long as this is. */
  owner;
  isClosed = false;

  /** `addresses`: what a name was found to have just now; undefined where the host is none. */
  constructor(options, callbacks, addresses) {
    this.#callbacks = callbacks;
    this.#addresses = addresses;
    this.#native = calling(() => new Connection(options, (events) => events.forEach((event) => this.#take(event))));
  }

  /** The process goes on until as many `unhold`. */
  hold() {
    if (this.#holds++ === 0) this.#native.ref();
  }

  unhold() {
    if (--this.#holds === 0) this.#native.unref();
  }

  /** Asks; `sink` is called once with the reply's event, in a later turn of the loop or inside `close`. */
  ask(owner, security, code, numbers, sink) {
    return this.#begin(owner, sink, calling(() => this.#native.ask(security, code, ...numbers)));
  }

  sendProto(owner, protoId, body, numbers, sink) {
    return this.#begin(owner, sink, calling(() => this.#native.sendProto(protoId, body, ...numbers)));
  }

  #begin(owner, sink, serialNo) {
    this.#pending.set(serialNo, { sink, owner });
    this.hold();
    return serialNo;
  }

  cancel(serialNo) {
    this.#native.cancel(serialNo);
  }

  /** Has `aborted` called once if the signal is aborted before the request of that number has completed. */
  watch(signal, serialNo, aborted) {
    let watched = this.#signals.get(signal);
    if (!watched) {
      const serials = new Map();
      const listener = () => {
        this.#signals.delete(signal);
        for (const tell of serials.values()) tell();
      };
      watched = { listener, serials };
      this.#signals.set(signal, watched);
      signal.addEventListener("abort", listener, { once: true });
    }
    watched.serials.set(serialNo, aborted);
  }

  unwatch(signal, serialNo) {
    const watched = this.#signals.get(signal);
    if (!watched) return;
    watched.serials.delete(serialNo);
    if (watched.serials.size > 0) return;
    this.#signals.delete(signal);
    signal.removeEventListener("abort", watched.listener);
  }

  /** Throws why the connection does not stand. */
  look() {
    calling(() => this.#native.look());
  }

  info() {
    return calling(() => this.#native.info());
  }

  quota() {
    return calling(() => this.#native.quota());
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#native.close();
    this.#tell();
  }

  #tell() {
    for (const listener of [...this.listeners]) listener(false);
  }

  /** Each attempt looks the name up anew; the first has its addresses already. */
  async #resolve(host) {
    let addresses = this.#addresses;
    let why = "";
    this.#addresses = undefined;
    try {
      addresses ??= await lookUp(host);
    } catch (error) {
      why = whyNot(error);
    }
    // In any case: a question that stays open is not asked again.
    this.#native.resolved(addresses ?? "", why);
  }

  #take(event) {
    // Of what came with the event that closed it only answers are still anybody's.
    if (this.isClosed && TOLD.has(event[0])) return;
    switch (event[0]) {
      case Event.INIT_CONNECT:
        this.#tell();
        guarded(this.#callbacks.onInitConnect, event[1], event[2]);
        break;
      case Event.DISCONNECT:
        this.#tell();
        guarded(this.#callbacks.onDisconnect, event[1], event[2]);
        break;
      case Event.ATTEMPT_FAILED:
        guarded(this.#callbacks.onAttemptFailed, event[1], event[2]);
        break;
      case Event.PUSH:
        guarded(this.#callbacks.onPush, event[1], event[2]);
        break;
      case Event.RESOLVE:
        if (!this.isClosed) this.#resolve(event[1]);
        break;
      case Event.LOG:
        guarded(this.#callbacks.onLog, event[1], event[2]);
        break;
      default: {
        const { sink } = this.#pending.get(event[1]);
        this.#pending.delete(event[1]);
        this.unhold();
        guarded(sink, event);
      }
    }
  }
}

module.exports = { Link, guarded };

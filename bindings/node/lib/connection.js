// A connection of the addon: its requests, its callbacks, and whether it keeps the process alive.
"use strict";

const { Connection, Event } = require("./native.js");
const { lookUp, failureReason } = require("./names.js");
const { calling } = require("./status.js");

/** Calls a callback. What it throws becomes an uncaught exception, and does not disturb the caller. */
function guarded(callback, ...values) {
  try {
    callback?.(...values);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

/** Events that only callbacks of the application receive. */
const CALLBACK_EVENTS = new Set([Event.INIT_CONNECT, Event.DISCONNECT, Event.ATTEMPT_FAILED, Event.PUSH, Event.LOG]);

/**
 * A connection. The addon holds it until it is closed. It holds its client only while a request is in flight, or if there are
 * callbacks. So a client without references can be garbage-collected, and closed.
 */
class Link {
  #native;
  #callbacks;
  /** serial number → { sink, owner }, for requests that have not completed */
  #pending = new Map();
  /** AbortSignal → { listener, serials }. Each signal has one listener, since thousands of requests may share a signal. */
  #signals = new Map();
  #holds = 0;
  #addresses;
  /** Called after each change of the connection's state. */
  listeners = new Set();
  /** An object that lives as long as this. */
  owner;
  isClosed = false;

  /** `addresses`: those of the host, which was just looked up; undefined if it is not a name. */
  constructor(options, callbacks, addresses) {
    this.#callbacks = callbacks;
    this.#addresses = addresses;
    this.#native = calling(() => new Connection(options, (events) => events.forEach((event) => this.#take(event))));
  }

  /** Keeps the process alive until `unhold` was called as often. */
  hold() {
    if (this.#holds++ === 0) this.#native.ref();
  }

  unhold() {
    if (--this.#holds === 0) this.#native.unref();
  }

  /** Makes a request. `sink` is called once with the reply's event, in a later turn of the event loop or inside `close`. */
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

  /** Calls `aborted` once if the signal is aborted before the request completes. */
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

  /** Throws the reason if the connection is not established. */
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

  /** Answers with the host's addresses: at first those that are known, later those of a new lookup. */
  async #resolve(host) {
    let addresses = this.#addresses;
    let why = "";
    this.#addresses = undefined;
    try {
      addresses ??= await lookUp(host);
    } catch (error) {
      why = failureReason(error);
    }
    // Always answer: the library does not ask again before it has an answer.
    this.#native.resolved(addresses ?? "", why);
  }

  #take(event) {
    // If an earlier event of this batch closed the connection, only requests still complete.
    if (this.isClosed && CALLBACK_EVENTS.has(event[0])) return;
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

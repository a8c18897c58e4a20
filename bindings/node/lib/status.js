// The errors, and their texts.
"use strict";

const { Retry, Status } = require("./abi.js");

/** What the status alone tells; UNKNOWN before the library is loaded. */
let retryOf = () => Retry.UNKNOWN;

/** Sets the function of the library for that. native.js calls it, and cannot be required here, since it requires this file. */
function askLibrary(statusRetry) {
  retryOf = statusRetry;
}

const names = new Map(Object.entries(Status).map(([name, number]) => [number, name]));

class CapdistError extends Error {
  constructor(message, status, options) {
    super(message, options);
    this.status = status;
    // The property `code` as Node's own errors have it: the constant's name in capdist.h.
    this.code = `CAPDIST_${names.get(status) ?? "UNKNOWN"}`;
  }

  get name() {
    return this.constructor.name;
  }

  get retry() {
    return retryOf(this.status);
  }
}

class ConnectError extends CapdistError {}

class RequestError extends CapdistError {
  #retry;

  constructor(message, status, { security = "", wasSent, retType, retMsg = "", errCode, retryAfterMs, retry, fromCache = false }) {
    super(message, status);
    this.#retry = retry;
    this.security = security;
    this.wasSent = wasSent;
    this.retType = retType;
    this.retMsg = retMsg;
    this.errCode = errCode;
    this.retryAfterMs = retryAfterMs;
    this.fromCache = fromCache;
  }

  get retry() {
    return this.#retry ?? super.retry;
  }
}

const CONNECT = new Set([
  Status.DISCONNECTED,
  Status.CONNECT_FAILED,
  Status.CONNECT_TIMEOUT,
  Status.CONNECT_REFUSED,
  Status.PROTOCOL_ERROR,
  Status.ENCRYPTION_FAILED,
  Status.TLS_FAILED,
  Status.NOT_CONNECTED,
]);

/** The error for a call that the library refused. */
function callError(status, message) {
  return new (CONNECT.has(status) ? ConnectError : CapdistError)(message, status);
}

function invalid(message) {
  return new CapdistError(message, Status.INVALID_ARGUMENT);
}

/** Calls the addon, whose errors have the status's name as `code`, and converts its errors. */
function calling(call) {
  try {
    return call();
  } catch (error) {
    const status = Status[String(error.code).replace("CAPDIST_", "")];
    throw status === undefined ? error : callError(status, error.message);
  }
}

module.exports = { askLibrary, CapdistError, ConnectError, RequestError, callError, calling, invalid };

// What a status is as an error.
"use strict";

const { Retry, Status } = require("./abi.js");

/** As far as a status alone tells. UNKNOWN where there is no library. */
let retryOf = () => Retry.UNKNOWN;

/** native.js, which needs this file, tells how to ask the library. */
function askLibrary(statusRetry) {
  retryOf = statusRetry;
}

const names = new Map(Object.entries(Status).map(([name, number]) => [number, name]));

class CapdistError extends Error {
  constructor(message, status, options) {
    super(message, options);
    this.status = status;
    // The constant's name in capdist.h, where Node's own errors have theirs.
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

  constructor(message, status, { security = "", wasSent, retType, retMsg = "", errCode, retryAfterMs, retry }) {
    super(message, status);
    this.#retry = retry;
    this.security = security;
    this.wasSent = wasSent;
    this.retType = retType;
    this.retMsg = retMsg;
    this.errCode = errCode;
    this.retryAfterMs = retryAfterMs;
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

/** Does a call of the addon's, whose errors tell their status by name. */
function calling(call) {
  try {
    return call();
  } catch (error) {
    const status = Status[String(error.code).replace("CAPDIST_", "")];
    throw status === undefined ? error : callError(status, error.message);
  }
}

module.exports = { askLibrary, CapdistError, ConnectError, RequestError, callError, calling, invalid };

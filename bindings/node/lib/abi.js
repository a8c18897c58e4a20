// Generated from include/capdist.h: do not edit. `make abi` writes it.
"use strict";

const Status = Object.freeze({
  OK: 0,
  REFUSED: 1,
  RATE_LIMITED: 2,
  QUEUE_TIMEOUT: 3,
  REPLY_TIMEOUT: 4,
  DISCONNECTED: 5,
  MALFORMED_REPLY: 6,
  CANCELLED: 7,
  RELEASED: 8,
  CONNECT_FAILED: 16,
  CONNECT_TIMEOUT: 17,
  CONNECT_REFUSED: 18,
  PROTOCOL_ERROR: 19,
  ENCRYPTION_FAILED: 20,
  TLS_FAILED: 21,
  INVALID_ARGUMENT: 32,
  QUEUE_FULL: 33,
  QUOTA_EXHAUSTED: 34,
  NOT_CONNECTED: 35,
  WOULD_DEADLOCK: 36,
  BUSY: 37,
  FORKED: 38,
  UNSUPPORTED: 39,
  NEEDS_ADDRESS: 40,
  QUOTA_CONFLICT: 41,
  NOT_FOUND: 42,
  SYSTEM_ERROR: 43,
});

const Retry = Object.freeze({
  UNKNOWN: 0,
  NEVER: 1,
  LATER: 2,
  AFTER: 3,
});

const LogLevel = Object.freeze({
  ERROR: 1,
  WARNING: 2,
  INFO: 3,
  DEBUG: 4,
});

const Transport = Object.freeze({
  TCP: 0,
  WEBSOCKET: 1,
  WEBSOCKET_TLS: 2,
});

const Cipher = Object.freeze({
  NONE: -1,
  FTAES_ECB: 0,
  AES_ECB: 1,
  AES_CBC: 2,
});

const OutageMode = Object.freeze({
  DEFAULT: 0,
  WAIT: 1,
  FAIL: 2,
});

const QuotaMode = Object.freeze({
  DEFAULT: 0,
  WAIT: 1,
  FAIL: 2,
});

const HAS = Object.freeze({
  CAPITAL_IN_BIG: 2,
  CAPITAL_IN_MID: 4,
  CAPITAL_IN_SMALL: 8,
  CAPITAL_OUT_BIG: 16,
  CAPITAL_OUT_MID: 32,
  CAPITAL_OUT_SMALL: 64,
  UPDATE_TIME: 128,
  UPDATE_TIMESTAMP: 256,
  CAPITAL_IN_SUPER: 512,
  CAPITAL_OUT_SUPER: 1024,
  RET_TYPE: 2,
  RET_MSG: 4,
  ERR_CODE: 8,
  RETRY: 16,
  FROM_CACHE: 32,
  AGE_MS: 64,
});

const STATE = Object.freeze({
  CONNECTING: 0,
  READY: 1,
  NOT_CONNECTED: 2,
});

module.exports = { Status, Retry, Transport, Cipher, QuotaMode, OutageMode, LogLevel, HAS, STATE };

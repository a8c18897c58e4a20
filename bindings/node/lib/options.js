// Checks the options of connections and requests before the addon reads them.
"use strict";

const { defaults } = require("./native.js");
const { invalid } = require("./status.js");

const TEXTS = [
  "host", "clientId", "rsaPrivateKey", "rsaPrivateKeyFile", "websocketKey", "tlsCaFile", "tlsServerName",
  "quotaGroup",
];
const NUMBERS = [
  "port", "clientVersion", "transport", "packetCipher", "reconnectMinMs", "reconnectMaxMs", "connectTimeoutMs",
  "queueTimeoutMs", "replyTimeoutMs", "quotaRequests", "quotaWindowMs", "quotaMode", "outageMode", "maxQueue", "maxBodyBytes",
];
const FLAGS = ["recvNotify", "reconnect", "tlsInsecureAcceptAnyCertificate"];
const CALLBACKS = ["onInitConnect", "onDisconnect", "onAttemptFailed", "onPush", "onLog"];
/** Options that only `connect` itself uses. */
const OWN = ["readyTimeoutMs", "signal"];
const ALL = new Set([...TEXTS, ...NUMBERS, ...FLAGS, ...CALLBACKS, ...OWN]);
const OF_REQUESTS = new Set(["queueTimeoutMs", "replyTimeoutMs", "quotaMode", "outageMode", "securityFirm", "maxAgeMs", "signal"]);

const LONE_SURROGATE = /\p{Surrogate}/u;
const LONGEST_MS = 3_600_000;

/** How an error shows a value. A text is not shown, since it might be a key. */
function shown(value) {
  return typeof value === "number" ? String(value) : `a value of type ${value === null ? "null" : typeof value}`;
}

function text(value, name) {
  if (typeof value !== "string") throw invalid(`${name}: it must be a string, not ${shown(value)}`);
  if (value.includes("\0") || LONE_SURROGATE.test(value)) throw invalid(`${name}: no valid text`);
  return value;
}

function int32(value, name) {
  if (!Number.isInteger(value) || value !== (value | 0)) {
    throw invalid(`${name}: it must be a whole number of 32 bits, not ${shown(value)}`);
  }
  return value;
}

function known(options, names) {
  if (options === null || typeof options !== "object") throw invalid("options: they must be an object");
  for (const name of Object.keys(options)) {
    // A misspelt option must not be ignored: the default would be used unnoticed.
    if (!names.has(name)) throw invalid(`${name}: there is no such option`);
  }
}

function signalOf(signal) {
  if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
    throw invalid("signal: it must be an AbortSignal");
  }
  return signal;
}

function waiting(value, name, otherwise) {
  const time = value === undefined ? otherwise : int32(value, name);
  if (time < 0 || time > LONGEST_MS) throw invalid(`${name}: ${time} is not from 0 to ${LONGEST_MS}`);
  return time;
}

/** Splits `connect`'s options into those for the addon and those for JavaScript. */
function connectOptions(options) {
  known(options, ALL);
  const native = { programmingLanguage: "JavaScript" };
  const callbacks = {};
  for (const name of TEXTS) if (options[name] !== undefined) native[name] = text(options[name], name);
  for (const name of NUMBERS) if (options[name] !== undefined) native[name] = int32(options[name], name);
  for (const name of FLAGS) {
    const value = options[name];
    if (value !== undefined && typeof value !== "boolean") throw invalid(`${name}: it must be true or false`);
    if (value !== undefined) native[name] = value ? 1 : 0;
  }
  for (const name of CALLBACKS) {
    const callback = options[name];
    if (callback !== undefined && typeof callback !== "function") throw invalid(`${name}: it must be a function`);
    callbacks[name] = callback;
  }
  // Longer than the limit of one attempt, so that the cause of a failure is known by then.
  const oneAttempt = Math.min((native.connectTimeoutMs || defaults.connectTimeoutMs) + 1000, LONGEST_MS);
  const readyTimeoutMs = waiting(options.readyTimeoutMs, "readyTimeoutMs", oneAttempt);
  return { native, callbacks, readyTimeoutMs, signal: signalOf(options.signal) };
}

/** Checks the options of a request. */
function requestOptions(options = {}) {
  known(options, OF_REQUESTS);
  const {
    queueTimeoutMs = 0, replyTimeoutMs = 0, quotaMode = 0, securityFirm = 0, outageMode = 0, maxAgeMs = 0,
  } = options;
  return {
    numbers: [
      int32(queueTimeoutMs, "queueTimeoutMs"), int32(replyTimeoutMs, "replyTimeoutMs"), int32(quotaMode, "quotaMode"),
      int32(securityFirm, "securityFirm"), int32(outageMode, "outageMode"),
      int32(maxAgeMs, "maxAgeMs"),
    ],
    signal: signalOf(options.signal),
  };
}

module.exports = {
  connectOptions, requestOptions, text, int32, known, signalOf, waiting,
};

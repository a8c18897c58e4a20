// Converts replies of the library to JavaScript objects.
"use strict";

const { HAS, Status } = require("./abi.js");
const { Flow } = require("./flow.js");
const { RequestError } = require("./status.js");

class CapitalDistribution {
  constructor(security, { figures, fromCache, ageMs }) {
    this.security = security;
    [
      this.capitalInSuper, this.capitalInBig, this.capitalInMid, this.capitalInSmall,
      this.capitalOutSuper, this.capitalOutBig, this.capitalOutMid, this.capitalOutSmall,
      this.updateTime, this.updateTimestamp,
    ] = figures;
    this.fromCache = fromCache;
    this.ageMs = ageMs;
  }

  get flowSuper() { return new Flow(this.capitalInSuper, this.capitalOutSuper); }
  get flowBig() { return new Flow(this.capitalInBig, this.capitalOutBig); }
  get flowMid() { return new Flow(this.capitalInMid, this.capitalOutMid); }
  get flowSmall() { return new Flow(this.capitalInSmall, this.capitalOutSmall); }

  get flowMain() {
    return new Flow(this.capitalInSuper + this.capitalInBig, this.capitalOutSuper + this.capitalOutBig);
  }

  get flowRetail() {
    return new Flow(this.capitalInMid + this.capitalInSmall, this.capitalOutMid + this.capitalOutSmall);
  }

  get flowTotal() {
    return new Flow(
      this.capitalInSuper + this.capitalInBig + this.capitalInMid + this.capitalInSmall,
      this.capitalOutSuper + this.capitalOutBig + this.capitalOutMid + this.capitalOutSmall,
    );
  }

  /** `updateTimestamp` as a Date; null if it is missing or out of range. */
  get updatedAt() {
    const date = new Date(this.updateTimestamp * 1000);
    return Number.isNaN(date.getTime()) ? null : date;
  }

  /** The update time as Temporal.PlainDateTime.from takes it; null if the text is not a valid time. */
  get updateWallClock() {
    return wallClockOf(this.updateTime);
  }
}

const WALL_CLOCK = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;

function wallClockOf(text) {
  const found = WALL_CLOCK.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((word) => Number(word ?? 0));
  // Day 0 of the next month is the last day of this one.
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > last || hour > 23 || minute > 59 || second > 59) return null;
  const fraction = (found[7] ?? "").padEnd(9, "0");
  const [millisecond, microsecond, nanosecond] = [0, 3, 6].map((at) => Number(fraction.slice(at, at + 3)));
  return { year, month, day, hour, minute, second, millisecond, microsecond, nanosecond };
}

/** The fields of a reply's event, in the order in which src/values.c pushes them. */
function replyOf([, , status, wasSent, retryAfterMs, present, retType, errCode, retMsg, desc, figures, retry, fromCache, ageMs]) {
  return {
    status,
    wasSent: wasSent !== 0,
    retryAfterMs,
    retType: present & HAS.RET_TYPE ? retType : undefined,
    errCode: present & HAS.ERR_CODE ? errCode : undefined,
    retMsg,
    desc,
    figures,
    retry,
    fromCache: fromCache !== 0,
    ageMs,
  };
}

/** The fields of a raw reply's event. */
function protoReplyOf([, , status, wasSent, retryAfterMs, present, retType, desc, body, retry]) {
  return {
    status,
    wasSent: wasSent !== 0,
    retryAfterMs,
    retType: present & HAS.RET_TYPE ? retType : undefined,
    desc,
    body,
    retry,
  };
}

/** The error for a reply without figures. */
function requestError(reply, security) {
  return new RequestError(`${security ? `${security}: ` : ""}${reply.desc}`, reply.status, { ...reply, security });
}

/** The error for a watch list's entry that is not a security. It has the properties of a failed request. */
function refusedError({ message, status }, security) {
  const named = typeof security === "string" ? security : "";
  return new RequestError(named ? `${named}: ${message}` : message, status, { security: named, wasSent: false, retryAfterMs: 0 });
}

function isOk(reply) {
  return reply.status === Status.OK;
}

module.exports = { CapitalDistribution, replyOf, protoReplyOf, requestError, refusedError, isOk };

// What the gateway tells, as JavaScript's values.
"use strict";

const { HAS, Status } = require("./abi.js");
const { Flow } = require("./flow.js");
const { RequestError } = require("./status.js");

class CapitalDistribution {
  constructor(security, figures) {
    this.security = security;
    [
      this.capitalInSuper, this.capitalInBig, this.capitalInMid, this.capitalInSmall,
      this.capitalOutSuper, this.capitalOutBig, this.capitalOutMid, this.capitalOutSmall,
      this.updateTime, this.updateTimestamp,
    ] = figures;
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

  /** When the figures were made; null if the gateway sent no timestamp, or none that is a time. */
  get updatedAt() {
    const date = new Date(this.updateTimestamp * 1000);
    return Number.isNaN(date.getTime()) ? null : date;
  }

  /** The update time in words, as Temporal.PlainDateTime.from takes them; null for a text that is no such time. */
  get updateWallClock() {
    return wallClockOf(this.updateTime);
  }
}

const WALL_CLOCK = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;

function wallClockOf(text) {
  const found = WALL_CLOCK.exec(text);
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((word) => Number(word ?? 0));
  // Day 0 of the next month is this one's last.
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > last || hour > 23 || minute > 59 || second > 59) return null;
  const fraction = (found[7] ?? "").padEnd(9, "0");
  const [millisecond, microsecond, nanosecond] = [0, 3, 6].map((at) => Number(fraction.slice(at, at + 3)));
  return { year, month, day, hour, minute, second, millisecond, microsecond, nanosecond };
}

/** The fields of a reply event, in the order src/values.c pushes them. */
function replyOf([, , status, wasSent, retryAfterMs, present, retType, errCode, retMsg, desc, figures, retry]) {
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
  };
}

/** The same for a raw reply. */
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

/** The error that tells why a reply has no figures. */
function requestError(reply, security) {
  return new RequestError(`${security ? `${security}: ` : ""}${reply.desc}`, reply.status, { ...reply, security });
}

/** The error of a watch list's entry that is no security, shaped like one of a request that failed. */
function refusedError({ message, status }, security) {
  const named = typeof security === "string" ? security : "";
  return new RequestError(named ? `${named}: ${message}` : message, status, { security: named, wasSent: false, retryAfterMs: 0 });
}

function isOk(reply) {
  return reply.status === Status.OK;
}

module.exports = { CapitalDistribution, replyOf, protoReplyOf, requestError, refusedError, isOk };

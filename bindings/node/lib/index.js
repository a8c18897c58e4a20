"use strict";

const { connect, Client } = require("./client.js");
const { Cipher, LogLevel, OutageMode, QuotaMode, Transport } = require("./options.js");
const { CapitalDistribution } = require("./reply.js");
const { CapdistError, ConnectError, RequestError, Retry, Status } = require("./status.js");
const { version } = require("./native.js");

module.exports = {
  connect, Client, CapitalDistribution, CapdistError, ConnectError, RequestError, Status, Retry, Transport, Cipher, QuotaMode,
  OutageMode, LogLevel, version,
};

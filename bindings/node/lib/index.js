"use strict";

const { Cipher, LogLevel, OutageMode, QuotaMode, Retry, Status, Transport } = require("./abi.js");
const { connect, Client } = require("./client.js");
const { CapitalDistribution } = require("./reply.js");
const { CapdistError, ConnectError, RequestError } = require("./status.js");
const { version } = require("./native.js");

module.exports = {
  connect, Client, CapitalDistribution, CapdistError, ConnectError, RequestError, Status, Retry, Transport, Cipher, QuotaMode,
  OutageMode, LogLevel, version,
};

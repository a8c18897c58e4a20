"use strict";

const { VendorWebSocket, COMMANDS } = require("./vendor.js");

class ftWebsocket extends VendorWebSocket {}

module.exports = ftWebsocket;
// `require` returns the names that `import` has.
Object.assign(module.exports, { default: ftWebsocket, ftWebsocket, ftCmdID: COMMANDS });

"use strict";

const { VendorWebSocket, COMMANDS } = require("./vendor.js");

class ftWebsocket extends VendorWebSocket {}

module.exports = ftWebsocket;
// What `import` brings by name, for `require`, too.
Object.assign(module.exports, { default: ftWebsocket, ftWebsocket, ftCmdID: COMMANDS });

"use strict";

const { VendorWebSocket, COMMANDS } = require("./vendor.js");

class mmWebsocket extends VendorWebSocket {}

module.exports = mmWebsocket;
// What `import` brings by name, for `require`, too.
Object.assign(module.exports, { default: mmWebsocket, mmWebsocket, mmCmdID: COMMANDS });

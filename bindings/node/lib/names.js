// Name lookup. Node looks names up, since a lookup by the library would block the event loop.
"use strict";

const dns = require("node:dns");

/** The name's addresses, separated by spaces; IPv4 before IPv6, since OpenD listens there. */
async function lookUp(host) {
  const found = await dns.promises.lookup(host, { all: true });
  found.sort((one, other) => one.family - other.family);
  return found.map(({ address }) => address).join(" ");
}

/** The reason of a failed lookup, in a few words. */
function failureReason(error) {
  return String(error.code ?? error.message).slice(0, 60);
}

module.exports = { lookUp, failureReason };

// Names: looked up by Node, since the library would hold up the loop.
"use strict";

const dns = require("node:dns");

/** The name's addresses, separated by spaces; IPv4 before IPv6, since OpenD listens there. */
async function lookUp(host) {
  const found = await dns.promises.lookup(host, { all: true });
  found.sort((one, other) => one.family - other.family);
  return found.map(({ address }) => address).join(" ");
}

/** Why a look-up failed, in a word or a few. */
function whyNot(error) {
  return String(error.code ?? error.message).slice(0, 60);
}

module.exports = { lookUp, whyNot };

// The addon and the library it loads.
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");
const { CapdistError, Status } = require("./status.js");

const NAME = "libcapdist.so.1";
const VARIABLE = "CAPDIST_LIBRARY";

/** What the first element of an event tells; src/values.h has the same numbers. */
const Event = Object.freeze({ INIT_CONNECT: 0, DISCONNECT: 1, PUSH: 2, LOG: 3, REPLY: 4, PROTO_REPLY: 5 });

function open() {
  try {
    return require("../build/capdist.node");
  } catch (error) {
    const text = "the addon is not built: run `make` in the folder of the package (a C compiler and Node's headers are needed)";
    throw new CapdistError(`${text}: ${error.message}`, Status.SYSTEM_ERROR, { cause: error });
  }
}

/** Where the library may be, in the order to look: named by the user, beside this package, the system's way. */
function candidates() {
  // Who names one means that one: nothing else is tried.
  if (process.env[VARIABLE]) return [process.env[VARIABLE]];
  const beside = join(__dirname, "..", NAME);
  return existsSync(beside) ? [beside, NAME] : [NAME];
}

function load(addon) {
  const reasons = [];
  for (const path of candidates()) {
    try {
      return addon.load(path);
    } catch (error) {
      reasons.push(error.message);
    }
  }
  const advice = `Install libcapdist, or name its file in the variable ${VARIABLE}.`;
  throw new CapdistError(`${NAME} can not be loaded (${reasons.join("; ")}). ${advice}`, Status.SYSTEM_ERROR);
}

const addon = open();
const version = load(addon);

module.exports = { Connection: addon.Connection, Event, version };

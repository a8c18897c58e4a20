// Loads the addon, and through it the library.
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");
const { Status } = require("./abi.js");
const { askLibrary, CapdistError } = require("./status.js");

const NAME = "libcapdist.so.1";
const VARIABLE = "CAPDIST_LIBRARY";

/** The kinds of event: the first element of each. src/values.h has the same numbers. */
const Event = Object.freeze({ INIT_CONNECT: 0, DISCONNECT: 1, PUSH: 2, LOG: 3, REPLY: 4, PROTO_REPLY: 5, RESOLVE: 6, ATTEMPT_FAILED: 7 });

const ADDON = join(__dirname, "..", "build", "capdist.node");

/** What to do if the addon cannot be loaded. */
function advice(error) {
  if (error.code === "MODULE_NOT_FOUND") {
    return "it is not built: run `make` in the folder of the package (a C compiler and Node's headers are needed)";
  }
  // Node's --permission and --no-addons, and missing permissions of Deno.
  if (error.code === "ERR_DLOPEN_DISABLED") return "this process forbids addons: with --permission add --allow-addons";
  if (/NotCapable|PermissionDenied/.test(error.name)) return "Deno forbids it: add --allow-ffi";
  return "if it was built for another machine or Node, run `make` in the folder of the package again";
}

function open() {
  try {
    return require(ADDON);
  } catch (error) {
    const text = `${ADDON} cannot be loaded (${error.message.split("\n")[0]}): ${advice(error)}`;
    throw new CapdistError(text, Status.SYSTEM_ERROR, { cause: error });
  }
}

/** Where to look for the library: the file that the variable names, then the package, then the system's folders. */
function candidates() {
  // If the variable names a file, nothing else is tried.
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
  throw new CapdistError(`${NAME} cannot be loaded (${reasons.join("; ")}). ${advice}`, Status.SYSTEM_ERROR);
}

const addon = open();
// Deno's libuv is a stub: watching the connection's descriptor would crash the process.
if (process.versions.deno) {
  throw new CapdistError("Deno's event loop takes no descriptor of an addon's: use Node", Status.UNSUPPORTED);
}
const version = load(addon);
askLibrary(addon.statusRetry);

const defaults = Object.freeze(addon.optionDefaults());

module.exports = { Connection: addon.Connection, Event, defaults, version };

// Prints the folder with the headers of the Node that runs this, or nothing if it finds none.
"use strict";
const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");

const folders = [join(dirname(process.execPath), "..", "include", "node"), "/usr/include/node"];
if (process.env.npm_config_nodedir) folders.unshift(join(process.env.npm_config_nodedir, "include", "node"));
console.log(folders.find((folder) => existsSync(join(folder, "node_api.h"))) ?? "");

"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

// It is in capdist's package, or is a copy that is installed beside it.
const isPart = existsSync(join(__dirname, "../lib/proto.js"));
module.exports = require(isPart ? "../lib/proto.js" : "capdist/proto");

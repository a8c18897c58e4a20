"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

// Part of capdist's package, or installed beside it as a copy.
const isPart = existsSync(join(__dirname, "../lib/proto.js"));
module.exports = require(isPart ? "../lib/proto.js" : "capdist/proto");

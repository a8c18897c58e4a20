"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

// Part of capdist's package, or installed beside it as a copy.
const isPart = existsSync(join(__dirname, "../lib/futu-api.js"));
module.exports = require(isPart ? "../lib/futu-api.js" : "capdist/futu-api");

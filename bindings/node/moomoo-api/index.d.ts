import api = require("capdist/moomoo-api");
export = api;

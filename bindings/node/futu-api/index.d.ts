import api = require("capdist/futu-api");
export = api;

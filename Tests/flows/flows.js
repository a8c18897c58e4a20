// Plays Tests/cases/flows.json in JavaScript. Tests/flows/play.py describes the input and output.
"use strict";

const { CapitalDistribution } = require("../../bindings/node/lib/reply.js");

for (const line of require("node:fs").readFileSync(0, "utf8").trim().split("\n")) {
  const amounts = line.split(" ").map(Number);
  const figures = new CapitalDistribution("HK.00700", { figures: [...amounts, "", NaN] });
  const flows = ["Super", "Big", "Mid", "Small", "Main", "Retail", "Total"].map((name) => figures[`flow${name}`]);
  console.log(flows.flatMap(({ capitalIn, capitalOut, net, outShare }) => [capitalIn, capitalOut, net, outShare]).join(" "));
}

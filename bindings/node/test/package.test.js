// The package matches the header and its own declarations, and finds the library.
"use strict";

const assert = require("node:assert/strict");
const { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const test = require("node:test");
const { LIBDIR, ROOT, run } = require("./support.js");
const capdist = require("../lib/index.js");

const HEADER = readFileSync(join(ROOT, "include", "capdist.h"), "utf8");
const DECLARATIONS = readFileSync(join(__dirname, "..", "lib", "index.d.ts"), "utf8");

test("constants are the declarations'", () => {
  const declarations = readFileSync(join(__dirname, "..", "lib", "abi.d.ts"), "utf8");
  const declared = [...declarations.matchAll(/export declare const (\w+): \{([^}]*)\}/g)];
  assert.ok(declared.length > 6);
  for (const [, name, body] of declared) {
    const constants = [...body.matchAll(/readonly (\w+): (-?\d+)/g)].map(([, key, value]) => [key, Number(value)]);
    assert.deepEqual(Object.fromEntries(constants), { ...capdist[name] });
  }
});

test("every option of the header but for the loop's is one of ours, and the declarations'", async () => {
  const struct = HEADER.match(/typedef struct capdist_options \{([\s\S]*?)\} capdist_options;/)[1].replace(/\/\*[\s\S]*?\*\//g, "");
  const names = [...struct.matchAll(/(\w+);/g)].map(([, name]) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()));
  const others = [
    "structSize", "mode", "programmingLanguage", "onClosed", "userData", "reserved", "onResolve", "onThreadStart", "threadStackBytes",
  ];
  const [, declared] = DECLARATIONS.match(/export interface ConnectOptions \{([\s\S]*?)\n\}/);
  for (const name of names.filter((one) => !others.includes(one))) {
    assert.match(declared, new RegExp(`\\b${name}\\?:`));
    // A known option with a wrong type gives another error than an unknown option.
    await assert.rejects(capdist.connect({ [name]: Symbol("wrong") }), (error) => !/no such option/.test(error.message));
  }
});

test("ES module and CommonJS are one", async () => {
  const esm = await import("../lib/index.mjs");
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(capdist).sort());
  for (const [name, value] of Object.entries(capdist)) assert.equal(esm[name], value);
  for (const [brand, name, commands] of [["futu", "ftWebsocket", "ftCmdID"], ["moomoo", "mmWebsocket", "mmCmdID"]]) {
    const cjs = require(`../lib/${brand}-api.js`);
    const module = await import(`../lib/${brand}-api.mjs`);
    assert.deepEqual(Object.keys(module).sort(), ["default", commands, name].sort());
    for (const one of [module.default, module[name], cjs.default, cjs[name]]) assert.equal(one, cjs);
    assert.equal(module[commands], cjs[commands]);
  }
});

test("the version is the header's", () => {
  const [major, minor, patch] = ["MAJOR", "MINOR", "PATCH"].map((part) => HEADER.match(`CAPDIST_VERSION_${part} (\\d+)`)[1]);
  assert.equal(capdist.version, `${major}.${minor}.${patch}`);
  for (const name of ["..", "../futu-api", "../moomoo-api"]) assert.equal(require(`${name}/package.json`).version, capdist.version);
});

test("a library that is missing, or another one, is told with what to do", async () => {
  for (const file of ["/nowhere/libcapdist.so.1", "libm.so.6", join(LIBDIR, "opend-simulator")]) {
    const { status, output } = await run("require('./lib/index.js')", { CAPDIST_LIBRARY: file });
    assert.equal(status, 1);
    assert.match(output, /cannot be loaded[\s\S]*Install libcapdist, or name its file in the variable CAPDIST_LIBRARY/);
    assert.match(output, /CAPDIST_SYSTEM_ERROR/);
  }
});

/** A copy of the package in its own folder, with `addon` as the built addon; undefined: without one. */
function copied(t, addon) {
  const folder = mkdtempSync(join(tmpdir(), "capdist-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(__dirname, "..", "lib"), join(folder, "lib"), { recursive: true });
  mkdirSync(join(folder, "build"));
  if (addon !== undefined) writeFileSync(join(folder, "build", "capdist.node"), addon);
  return `require(${JSON.stringify(join(folder, "lib", "index.js"))})`;
}

test("an addon that is not loaded: the true reason is told, and what to do", async (t) => {
  const [major] = process.versions.node.split(".").map(Number);
  const permission = major < 22 ? "--experimental-permission" : "--permission";
  for (const [program, options, told] of [
    [copied(t), [], /Cannot find module[\s\S]*it is not built: run `make`/],
    [copied(t, "no addon at all"), [], /(?:file too short|invalid ELF header)[\s\S]*run `make` in the folder of the package again/],
    ["require('./lib/index.js')", ["--no-addons"], /loading addons is disabled[\s\S]*--allow-addons/],
    ["require('./lib/index.js')", [permission, "--allow-fs-read=*"], /loading addons is disabled[\s\S]*--allow-addons/],
  ]) {
    const { status, output } = await run(program, {}, ...options);
    assert.equal(status, 1);
    assert.match(output, told);
    assert.match(output, /CAPDIST_SYSTEM_ERROR/);
    if (options.length > 0) assert.doesNotMatch(output, /not built/);
  }
});

// Plays the named cases (Tests/cases/play.py): player.js {client|websocket|vendor}.
"use strict";

const readline = require("node:readline");
const { RequestError, Status, Transport, connect } = require("../lib/index.js");
const mmWebsocket = require("../lib/moomoo-api.js");
const { Qot_Common } = require("../lib/proto.js");

const way = process.argv[2];
const NAMES = new Map(Object.entries(Status).map(([name, number]) => [number, `CAPDIST_${name}`]));
const MARKETS = { HK: "QotMarket_HK_Security", SZ: "QotMarket_CNSZ_Security" };

function say(...words) {
  console.log(words.join("\t"));
}

/** The line that the gateway's answer must have given, made from the client's figures. */
function told(number, figures) {
  const { security, fromCache, ageMs, ...fields } = figures;
  if (fromCache ? ageMs < 0 : ageMs !== 0) throw new Error("no such age");
  const s2c = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "" && !Number.isNaN(value)));
  say("answer", number, "CAPDIST_OK", Number(!fromCache), 0, JSON.stringify({ retType: 0, s2c }), Number(fromCache));
}

function toldError(number, error) {
  if (!(error instanceof RequestError)) return say("refused", number, error.code);
  const { retType, retMsg } = error;
  const said = JSON.stringify(retType === undefined ? {} : { retType, retMsg });
  say("answer", number, NAMES.get(error.status), Number(error.wasSent), error.retryAfterMs, said);
}

class Variant {
  clients = [];
  closesInside;
  /** Resolved by the command `wait`, when all requests have been made. */
  allAsked = new Promise((fulfil) => (this.tellAllAsked = fulfil));

  async open(group, port, settings) {
    const options = Object.fromEntries(settings.map((setting) => {
      const [name, value] = setting.split("=");
      return [name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), Number(value)];
    }));
    const transport = way === "websocket" ? Transport.WEBSOCKET : Transport.TCP;
    this.clients.push(await connect({ port, quotaGroup: group, transport, readyTimeoutMs: 0, ...options }));
  }

  close(client) {
    this.clients[client].close();
  }

  async ask(number, client, security, maxAgeMs) {
    try {
      const figures = await this.clients[client].capitalDistribution(security, { maxAgeMs });
      if (this.closesInside === client) {
        await this.allAsked;
        this.close(client);
      }
      told(number, figures);
    } catch (error) {
      toldError(number, error);
    }
  }
}

class Vendor {
  clients = [];

  open(group, port) {
    const websocket = new mmWebsocket();
    websocket.start("127.0.0.1", port, false, "");
    this.clients.push(websocket);
  }

  close(client) {
    this.clients[client].stop();
  }

  async ask(number, client, security) {
    const [market, code] = security.split(".");
    const req = { c2s: { security: { market: Qot_Common.QotMarket[MARKETS[market]], code } } };
    try {
      say("answer", number, "-", "-", "-", JSON.stringify(await this.clients[client].GetCapitalDistribution(req)));
    } catch (error) {
      const { status, retType, retMsg } = error;
      // Refused before there was a request, as the vendor's classes in other languages do it.
      if (status === Status.RELEASED) say("refused", number, "-");
      else say("answer", number, "-", "-", "-", JSON.stringify({ retType, retMsg }));
    }
  }
}

async function play() {
  const variant = way === "vendor" ? new Vendor() : new Variant();
  const requests = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(" ");
    if (command === "open") await variant.open(words[0], Number(words[1]), words.slice(2));
    else if (command === "close") variant.close(Number(words[0]));
    else if (command === "close-inside") variant.closesInside = Number(words[0]);
    else if (command === "ask") requests.push(variant.ask(requests.length, Number(words[0]), words[1], Number(words[2] ?? 0)));
    else if (command === "wait") {
      variant.tellAllAsked?.();
      await Promise.all(requests);
      say("done");
    } else throw new Error(`unknown command ${command}`);
  }
}

play();

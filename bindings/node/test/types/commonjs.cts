// Uses the declarations in a CommonJS module. It is compiled and never run.
import capdist = require("capdist");
import ftWebsocket = require("futu-api");
import proto = require("futu-api/proto");
import { mmWebsocket, mmCmdID } from "moomoo-api";

async function main(): Promise<void> {
  const client: capdist.Client = await capdist.connect();
  console.log((await client.capitalDistribution("HK.00700")).capitalInBig);
  const websocket = new ftWebsocket();
  const { ftCmdID } = ftWebsocket;
  const request: ftWebsocket.Request = { c2s: { security: { market: proto.Qot_Common.QotMarket.QotMarket_HK_Security, code: "" } } };
  await websocket.GetCapitalDistribution(request).catch((error: ftWebsocket.NoAnswer) => console.log(error.retType, error.status));
  console.log(ftCmdID.Notify.cmd, mmCmdID.Notify.cmd, new mmWebsocket().getConnID(), new ftWebsocket.default());
}

main();

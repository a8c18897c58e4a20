// Uses the declarations in an ES module. It is compiled and never run.
import { CapdistError, Cipher, Client, QuotaMode, RequestError, Status, Transport, connect, version } from "capdist";
import type { CapitalDistribution, WallClock, WatchListEntry } from "capdist";
import ftWebsocket, { ftCmdID } from "futu-api";
import mmWebsocket, { mmCmdID } from "moomoo-api";
import { Common, Qot_Common } from "futu-api/proto";
import { Common as SameCommon } from "moomoo-api/proto";

const controller = new AbortController();
const client: Client = await connect({
  host: "127.0.0.1", port: 33333, transport: Transport.WEBSOCKET_TLS, websocketKey: "key", tlsCaFile: "ca.pem",
  packetCipher: Cipher.AES_CBC, quotaMode: QuotaMode.FAIL, onLog: (level, message) => console.log(level + 1, message.length),
  signal: controller.signal,
});
const figures: CapitalDistribution = await client.capitalDistribution("HK.00700", { signal: controller.signal });
const year: number | undefined = figures.updatedAt?.getFullYear();
const net: number = figures.flowMain.net;
const clock: WallClock | null = figures.updateWallClock;
for await (const entry of client.capitalDistributions(new Set(["HK.00700"]), { replyTimeoutMs: 100 })) {
  const one: WatchListEntry = entry;
  if (one.error) console.log(one.error.retryAfterMs, one.error.status === Status.REFUSED);
  else console.log(one.figures.capitalInBig, year, clock?.hour, net);
}
try {
  const { body, retType } = await client.sendProto(1002, new Uint8Array());
  console.log(body.length, retType === 0);
} catch (error) {
  if (error instanceof RequestError) console.log(error.wasSent, error.retMsg.length);
  else if (error instanceof CapdistError) console.log(error.code.length);
}
const connId: bigint = client.info().connId;
console.log(client.quota().nextSlotMs ?? 0, connId, version);
client.ref().unref().close();

// @ts-expect-error: a misspelt option
await connect({ prot: 1 });
// @ts-expect-error: only connect makes clients
new Client();
// @ts-expect-error: figures are read-only
figures.capitalInBig = 0;

const websocket = new ftWebsocket();
websocket.onlogin = (ret, msg) => console.log(ret === true, msg.length);
websocket.onPush = (cmd, res) => console.log(cmd === ftCmdID.Notify.cmd, "s2c" in res && res.s2c?.connectStatus?.qotLogined);
websocket.start("127.0.0.1", 33333, false, "key");
const response = await websocket.GetCapitalDistribution({
  c2s: { security: { market: Qot_Common.QotMarket.QotMarket_HK_Security, code: "00700" } },
});
if (response.retType === Common.RetType.RetType_Succeed) console.log(response.s2c?.capitalInBig, SameCommon.RetType[0]);
const digits: string = websocket.getConnID();
new mmWebsocket().tlsCaFile = digits + mmCmdID.InitWebSocket.name;

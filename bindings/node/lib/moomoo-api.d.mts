import { Commands, VendorWebSocket } from "./vendor.js";

export declare class mmWebsocket extends VendorWebSocket {}
export default mmWebsocket;
export declare const mmCmdID: Commands;
export type { Command, NoAnswer, Push, Request, Response, S2C } from "./vendor.js";

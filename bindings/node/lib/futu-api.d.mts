import { Commands, VendorWebSocket } from "./vendor.js";

export declare class ftWebsocket extends VendorWebSocket {}
export default ftWebsocket;
export declare const ftCmdID: Commands;
export type { Command, NoAnswer, Push, Request, Response, S2C } from "./vendor.js";

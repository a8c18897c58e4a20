import vendor = require("./vendor.js");

declare class mmWebsocket extends vendor.VendorWebSocket {}

declare namespace mmWebsocket {
  export { mmWebsocket, mmWebsocket as default };
  export const mmCmdID: vendor.Commands;
  export type Command = vendor.Command;
  export type NoAnswer = vendor.NoAnswer;
  export type Push = vendor.Push;
  export type Request = vendor.Request;
  export type Response = vendor.Response;
  export type S2C = vendor.S2C;
}

export = mmWebsocket;

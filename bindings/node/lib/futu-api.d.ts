import vendor = require("./vendor.js");

declare class ftWebsocket extends vendor.VendorWebSocket {}

declare namespace ftWebsocket {
  export { ftWebsocket, ftWebsocket as default };
  export const ftCmdID: vendor.Commands;
  export type Command = vendor.Command;
  export type NoAnswer = vendor.NoAnswer;
  export type Push = vendor.Push;
  export type Request = vendor.Request;
  export type Response = vendor.Response;
  export type S2C = vendor.S2C;
}

export = ftWebsocket;

import type { CapdistError } from "./index.js";

export interface Request {
  c2s: {
    security: { market: number; code: string };
    header?: { securityFirm?: number };
  };
}

/** What the gateway sent; a field it left out is not there. */
export interface S2C {
  capitalInBig: number;
  capitalInMid: number;
  capitalInSmall: number;
  capitalOutBig: number;
  capitalOutMid: number;
  capitalOutSmall: number;
  /** The market's local time, "yyyy-MM-dd HH:mm:ss". */
  updateTime?: string;
  /** Unix time in seconds. */
  updateTimestamp?: number;
  capitalInSuper?: number;
  capitalOutSuper?: number;
}

export interface Response {
  /** 0: the gateway succeeded, and `s2c` is there. */
  retType: number;
  retMsg: string;
  errCode: number;
  s2c?: S2C;
}

/** What a promise rejects with that got no answer. */
export type NoAnswer = CapdistError & { retType: number; retMsg: string; errCode: number };

/** Notify, decoded; any other push as its protobuf. */
export type Push =
  | {
      retType: number;
      retMsg: string;
      errCode: number;
      s2c?: { type: number; connectStatus?: { qotLogined: boolean; trdLogined: boolean } };
    }
  | { body: Uint8Array };

export interface Command {
  readonly cmd: number;
  readonly name: string;
  readonly description: string;
}

export interface Commands {
  readonly InitWebSocket: Command;
  readonly Notify: Command;
  readonly QotGetCapitalDistribution: Command;
}

/** A connection over OpenD's WebSocket, as the vendor's users know it. */
export declare class VendorWebSocket {
  /** Called with true each time the connection is established. Called with false and the reason when an attempt failed or the
   *  connection was lost, once until it is established again. The package tries again until `stop`, except after a permanent
   *  failure. */
  onlogin: ((ret: boolean, msg: string) => void) | null;
  /** Called for each push. While it is set, an open connection keeps the process alive. */
  onPush: ((cmd: number, res: Push) => void) | null;
  /** PEM file of the certificates to trust over TLS, to be set before `start`; undefined: the system's CAs. */
  tlsCaFile: string | undefined;
  /** Starts connecting, and returns at once. `key` is the key set in OpenD. */
  start(ip: string, port: number, ssl: boolean, key?: string): void;
  /** Closes the connection. Requests under way reject, `onlogin` and `onPush` are not called any more. Harmless to repeat. */
  stop(): void;
  /** The gateway's number for this connection, in decimal digits; "0" before the login. */
  getConnID(): string;
  /** Resolves with what the gateway answered, a refusal included (`retType` is not 0); rejects with NoAnswer: retType -100 not in
   *  time, -200 disconnected, -500 not valid, else -400. Always settles. */
  GetCapitalDistribution(req: Request): Promise<Response>;
}

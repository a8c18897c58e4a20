import type { CapdistError } from "./index.js";

export interface Request {
  c2s: {
    security: { market: number; code: string };
    header?: { securityFirm?: number };
  };
}

/** The gateway's figures. A figure that it did not send is missing. */
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
  /** 0: success, and `s2c` is set. */
  retType: number;
  retMsg: string;
  errCode: number;
  s2c?: S2C;
}

/** What a promise rejects with if no answer came. */
export type NoAnswer = CapdistError & { retType: number; retMsg: string; errCode: number };

/** Notify is decoded; any other push is its protobuf. */
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

/** A connection to OpenD's WebSocket, with the interface of the vendor's package. */
export declare class VendorWebSocket {
  /** Called with true each time the connection is established. Called with false and the reason when an attempt failed or the
   *  connection was lost, once until it is established again. The package tries again until `stop`, except after a permanent
   *  failure. */
  onlogin: ((ret: boolean, msg: string) => void) | null;
  /** Called for each push. While it is set, an open connection keeps the process alive. */
  onPush: ((cmd: number, res: Push) => void) | null;
  /** TLS only: the path of a PEM file with the certificates to trust, to be set before `start`; undefined: the system's CAs. */
  tlsCaFile: string | undefined;
  /** Starts to connect, and returns at once. `key` is the key that is set in OpenD. */
  start(ip: string, port: number, ssl: boolean, key?: string): void;
  /** Closes the connection. Requests in flight reject, and `onlogin` and `onPush` are not called any more. Calling it again is
   *  harmless. */
  stop(): void;
  /** The gateway's number for this connection, in decimal digits; "0" before the first handshake. */
  getConnID(): string;
  /** Requests a stock's capital distribution. The promise always settles. It resolves with the gateway's answer, also with a
   *  refusal (`retType` is not 0). It rejects with NoAnswer if no answer came: retType -100 timeout, -200 disconnected, -500
   *  damaged, -400 other causes. */
  GetCapitalDistribution(req: Request): Promise<Response>;
}

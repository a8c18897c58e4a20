import { Cipher, LogLevel, OutageMode, QuotaMode, Retry, Status, Transport } from "./abi.js";
export { Cipher, LogLevel, OutageMode, QuotaMode, Retry, Status, Transport };

/** How to connect. Times are in milliseconds, from 1 to 3,600,000; 0 takes the default. */
export interface ConnectOptions {
  /** Numeric address, `localhost` or a name, which Node looks up before each attempt; default 127.0.0.1. */
  host?: string;
  /** 1 to 65535; default 11111, whatever the transport. */
  port?: number;
  /** Names the program to the gateway, 1 to 255 bytes; default "capdist". */
  clientId?: string;
  /** major * 100 + minor; default 101. */
  clientVersion?: number;
  /** Ask the gateway for pushes, delivered to `onPush`; default false. */
  recvNotify?: boolean;
  transport?: Transport;
  /** Over TCP: the RSA key that OpenD has, as PEM text; turns encryption on. */
  rsaPrivateKey?: string;
  /** Or the path of a PEM file. */
  rsaPrivateKeyFile?: string;
  packetCipher?: Cipher;
  /** Over WebSocket: the key set in OpenD. */
  websocketKey?: string;
  /** Over TLS: PEM file of the certificates to trust; default the system's CAs. The certificate must be for `host`. */
  tlsCaFile?: string;
  /** WebSocket only: server name for the HTTP Host header, SNI and the certificate check; default `host`. */
  tlsServerName?: string;
  /** Accept any certificate; for tests only. */
  tlsInsecureAcceptAnyCertificate?: boolean;
  /** Repeat attempts to connect, the first one too, and reconnect after a lost connection; default true. */
  reconnect?: boolean;
  /** First pause between attempts; default 500. */
  reconnectMinMs?: number;
  /** Longest pause; default 30,000. */
  reconnectMaxMs?: number;
  /** For one attempt; default 10,000. */
  connectTimeoutMs?: number;
  /** From accepted to sent, waiting for the quota included; default 120,000. */
  queueTimeoutMs?: number;
  /** From sent to answered; default 12,000. */
  replyTimeoutMs?: number;
  /** Requests in a window, 0 to 100,000; 0 keeps no quota; default 30. */
  quotaRequests?: number;
  /** The window; default 30,000. */
  quotaWindowMs?: number;
  /** Default WAIT. */
  quotaMode?: QuotaMode;
  /** Default WAIT. */
  outageMode?: OutageMode;
  /** Clients with the same group share a quota in this process; default: the clients of one address. */
  quotaGroup?: string;
  /** Most requests queued and in flight together, 1 to 1,000,000; default 4096. */
  maxQueue?: number;
  /** Longest body, sent or received, 1,024 to 268,435,456; default 4 MiB. */
  maxBodyBytes?: number;
  /** The connection is established (`errCode` 0; again after each reconnect), or has failed permanently. */
  onInitConnect?: (errCode: number, desc: string) => void;
  /** The connection was lost. */
  onDisconnect?: (errCode: number, desc: string) => void;
  /** An attempt to connect failed, and another one follows. */
  onAttemptFailed?: (errCode: number, desc: string) => void;
  /** The gateway pushed a message; `body` is its protobuf. */
  onPush?: (protoId: number, body: Uint8Array) => void;
  /** A message for a log. */
  onLog?: (level: LogLevel, message: string) => void;
  /** How long `connect` waits for the connection; default `connectTimeoutMs` and a second; 0: not at
   *  all, and requests wait for it. */
  readyTimeoutMs?: number;
  /** Gives up connecting; without effect after `connect` has resolved. */
  signal?: AbortSignal;
}

/** What one request may set for itself; 0 takes the connection's. */
export interface RequestOptions {
  queueTimeoutMs?: number;
  replyTimeoutMs?: number;
  quotaMode?: QuotaMode;
  outageMode?: OutageMode;
  /** Sent only if not 0. */
  securityFirm?: number;
  /** Cancels the request; its promise then rejects with the signal's reason. One that was sent keeps its quota slot. */
  signal?: AbortSignal;
}

/** What follows from the figures of one order size, or of several together. What is missing is NaN. */
export interface Flow {
  /** Bought. */
  readonly capitalIn: number;
  /** Sold. */
  readonly capitalOut: number;
  /** What came in less what went out: above 0, money stayed. */
  readonly net: number;
  /** What went out in both together, from 0 to 1: above a half, money left. */
  readonly outShare: number;
}

/**
 * Money that went into a stock and out of it during today's regular trading hours, by order size, in the security's currency.
 * A figure that the gateway did not send is NaN.
 */
export declare class CapitalDistribution {
  private constructor();
  /** The security that was asked for, such as "HK.00700". */
  readonly security: string;
  /** Bought with extra-large orders; may be NaN. */
  readonly capitalInSuper: number;
  readonly capitalInBig: number;
  readonly capitalInMid: number;
  readonly capitalInSmall: number;
  /** Sold with extra-large orders; may be NaN. */
  readonly capitalOutSuper: number;
  readonly capitalOutBig: number;
  readonly capitalOutMid: number;
  readonly capitalOutSmall: number;
  /** The market's local time, "yyyy-MM-dd HH:mm:ss", as the gateway wrote it; "" if missing. */
  readonly updateTime: string;
  /** Unix time in seconds; NaN if missing. */
  readonly updateTimestamp: number;
  /** What follows for extra-large orders. */
  get flowSuper(): Flow;
  get flowBig(): Flow;
  get flowMid(): Flow;
  get flowSmall(): Flow;
  /** Main money: super and big. A sum with a missing part is missing. */
  get flowMain(): Flow;
  /** Retail: mid and small. */
  get flowRetail(): Flow;
  /** All four order sizes. A sum with a missing part is missing. */
  get flowTotal(): Flow;
  /** The same instant; null if missing. */
  get updatedAt(): Date | null;
  /**
   * The update time in words, as `Temporal.PlainDateTime.from` takes them: a `Date` would need the market's zone. Seconds may be
   * missing in the text, and a fraction of one may be there. Null if the text is missing or no such time.
   */
  get updateWallClock(): WallClock | null;
}

/** A date and a time of day without a zone. Months are numbered from 1. */
export interface WallClock {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  readonly microsecond: number;
  readonly nanosecond: number;
}

/** Base of all errors of this package, and what a refused call throws. */
export declare class CapdistError extends Error {
  constructor(message: string, status: Status, options?: { cause?: unknown });
  readonly status: Status;
  /** The status's name in `capdist.h`, such as "CAPDIST_INVALID_ARGUMENT". */
  readonly code: string;
  /** Whether it is of use to ask again. */
  get retry(): Retry;
}

/** There is no connection, and why. */
export declare class ConnectError extends CapdistError {}

/** A request ended without figures. */
export declare class RequestError extends CapdistError {
  private constructor();
  /** The security that was asked for; "" for a raw request. */
  readonly security: string;
  /** False: the request never left, and is safe to repeat. */
  readonly wasSent: boolean;
  /** The gateway's retType; undefined if it did not answer. */
  readonly retType: number | undefined;
  /** The gateway's words, often Chinese; "" if it sent none. */
  readonly retMsg: string;
  readonly errCode: number | undefined;
  /** After a refusal for frequency: milliseconds until the quota group sends again; else 0. */
  readonly retryAfterMs: number;
}

/** One entry of a watch list: figures, or the error that tells why there are none. */
export type WatchListEntry =
  | { security: string; figures: CapitalDistribution; error: undefined }
  | { security: string; figures: undefined; error: RequestError };

export interface ProtoReply {
  protoId: number;
  /** The body's retType; undefined if it has none. */
  retType: number | undefined;
  /** The protobuf as it came. */
  body: Uint8Array;
}

export interface ConnectionInfo {
  /** The gateway's number for this connection; 0n before the first handshake. */
  connId: bigint;
  /** 0n before the first handshake, and over WebSocket. */
  loginUserId: bigint;
  /** 0 before the first handshake, and over WebSocket. */
  serverVersion: number;
  isReady: boolean;
  /** Failed permanently. */
  isFinal: boolean;
}

export interface Quota {
  /** Requests in a window; 0: no quota is kept. */
  limit: number;
  windowMs: number;
  /** Slots in use. */
  used: number;
  /** Requests of the whole group that wait for a slot. */
  waiting: number;
  /** Milliseconds until the next slot is free; null: not known, every slot is held by a request in flight. */
  nextSlotMs: number | null;
}

/**
 * A connection to an OpenD gateway, made by `connect`, for the thread that made it. It keeps the process alive while a request
 * is under way or something is awaited, and idle only after `ref`. One that is dropped without callbacks closes by itself.
 */
export declare class Client {
  private constructor();
  /**
   * A stock's capital distribution. Rejects with a RequestError if there are no figures, with another CapdistError if the
   * request was not made, with the signal's reason if it was aborted; always settles, within the two timeouts.
   */
  capitalDistribution(security: string, options?: RequestOptions): Promise<CapitalDistribution>;
  /**
   * The figures of a watch list, each as it comes, within the quota. An entry that is no security comes with an error of
   * status INVALID_ARGUMENT. What the gateway refuses for frequency is asked again after the time it tells, up to ten times.
   * Leaving the loop cancels what is under way. Throws the signal's reason when it is aborted.
   */
  capitalDistributions(
    securities: Iterable<string>,
    options?: { replyTimeoutMs?: number; signal?: AbortSignal },
  ): AsyncGenerator<WatchListEntry, void, void>;
  /** Any other request as raw protobuf. Rejects only if no answer came. */
  sendProto(protoId: number, body: Uint8Array, options?: Omit<RequestOptions, "securityFirm">): Promise<ProtoReply>;
  /** Waits until the connection is established, by default 10,000 ms at most; rejects with why it does not. */
  waitReady(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<void>;
  info(): ConnectionInfo;
  quota(): Quota;
  /** The process goes on for as long as this connection is open: for programs that wait for pushes. */
  ref(): this;
  unref(): this;
  /** Closes the connection; requests under way reject with RELEASED. Harmless to repeat. */
  close(): void;
}

/** Connects, and waits until the connection is established. Rejects with a ConnectError that tells why it does not. */
export declare function connect(options?: ConnectOptions): Promise<Client>;

/** The version of the library that was loaded, such as "1.1.0". */
export declare const version: string;

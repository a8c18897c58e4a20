import { Cipher, LogLevel, OutageMode, QuotaMode, Retry, Status, Transport } from "./abi.js";
export { Cipher, LogLevel, OutageMode, QuotaMode, Retry, Status, Transport };

/** How to connect. Times are in milliseconds, from 1 to 3,600,000; 0 means the default. */
export interface ConnectOptions {
  /** The gateway: a numeric address, `localhost` or a host name, which Node looks up before each attempt; default 127.0.0.1. */
  host?: string;
  /** 1 to 65535; default 11111 for every transport. */
  port?: number;
  /** The application's name, shown to the gateway, 1 to 255 bytes; default "capdist". */
  clientId?: string;
  /** The application's version, major * 100 + minor, not negative; default 101. */
  clientVersion?: number;
  /** Whether to ask the gateway for pushes, which go to `onPush`; default false. Over WebSocket the gateway always pushes, and with
   *  false the library drops the pushes. */
  recvNotify?: boolean;
  transport?: Transport;
  /** TCP only: an RSA key of 512 to 4096 bits as PEM text, PKCS#1 or PKCS#8, without passphrase. It turns encryption on. */
  rsaPrivateKey?: string;
  /** The same as a file: its path. */
  rsaPrivateKeyFile?: string;
  packetCipher?: Cipher;
  /** WebSocket only: the key that is set in OpenD, not its MD5. */
  websocketKey?: string;
  /** TLS only: the path of a PEM file with the certificates to trust; default: the system's CAs. */
  tlsCaFile?: string;
  /** WebSocket only: server name for the HTTP Host header, SNI and the certificate check; default `host`. */
  tlsServerName?: string;
  /** TLS only: accept any certificate; for tests only. */
  tlsInsecureAcceptAnyCertificate?: boolean;
  /** Whether to repeat attempts to connect, the first one too, and to reconnect after a lost connection; default true. */
  reconnect?: boolean;
  /** The first pause between attempts; default 500. Pauses double, and each is shortened at random by up to half. */
  reconnectMinMs?: number;
  /** The longest pause, not below the first; default 30,000. */
  reconnectMaxMs?: number;
  /** The limit of one attempt, including name lookup and InitConnect; default 10,000. */
  connectTimeoutMs?: number;
  /** From accepted to sent; default 120,000, so that a watch list can wait for the quota. */
  queueTimeoutMs?: number;
  /** From sent to answered; default 12,000. */
  replyTimeoutMs?: number;
  /** Requests in a window, 0 to 100,000; 0: no quota is kept; default 30. */
  quotaRequests?: number;
  /** The window's length; default 30,000. */
  quotaWindowMs?: number;
  /** What a request does when no slot of the quota is free; default WAIT. */
  quotaMode?: QuotaMode;
  /** What a request does during an outage; default WAIT. */
  outageMode?: OutageMode;
  /** Clients of this process with the same group share a quota, 1 to 255 bytes; default: one group for each host. */
  quotaGroup?: string;
  /** Most requests queued and in flight together, 1 to 1,000,000; default 4096. */
  maxQueue?: number;
  /** Longest body, sent or received, 1,024 to 268,435,456; default 4 MiB. */
  maxBodyBytes?: number;
  /** The connection is established (`errCode` 0), or it has failed permanently. Called again after each reconnect. */
  onInitConnect?: (errCode: number, desc: string) => void;
  /** The connection was lost. */
  onDisconnect?: (errCode: number, desc: string) => void;
  /** An attempt to connect failed, and the library will try again. */
  onAttemptFailed?: (errCode: number, desc: string) => void;
  /** The gateway pushed a message; `body` is its protobuf. */
  onPush?: (protoId: number, body: Uint8Array) => void;
  /** A message for the application's log: one line of English, without a key or a body. */
  onLog?: (level: LogLevel, message: string) => void;
  /** How long `connect` waits for the connection; default `connectTimeoutMs` plus 1000; 0: `connect` does not wait, and requests
   *  are queued until the connection is established. */
  readyTimeoutMs?: number;
  /** Ends `connect`; has no effect after `connect` has resolved. */
  signal?: AbortSignal;
}

/** Options of one request. In every field, 0 means the connection's value. */
export interface RequestOptions {
  queueTimeoutMs?: number;
  replyTimeoutMs?: number;
  quotaMode?: QuotaMode;
  outageMode?: OutageMode;
  /** QotHeader.securityFirm, not negative; 0: not sent. Gateways read it since 10.11. */
  securityFirm?: number;
  /**
   * Above 0: takes another request's answer if it is at most this old, and waits for it if one is in flight (docs/quota.md, Shared
   * answers). 0, the default: the request is always sent.
   */
  maxAgeMs?: number;
  /** Ends the request; its promise rejects with the signal's reason. A request that was sent keeps its quota slot. */
  signal?: AbortSignal;
}

/** Figures derived for one group of order sizes, in the security's currency. A missing number is NaN. */
export interface Flow {
  /** Bought. */
  readonly capitalIn: number;
  /** Sold. */
  readonly capitalOut: number;
  /** `capitalIn - capitalOut`; above 0 if more was bought than sold. */
  readonly net: number;
  /** `capitalOut / (capitalIn + capitalOut)`, from 0 to 1; above 0.5 if more was sold than bought. */
  readonly outShare: number;
}

/**
 * Money that went into a stock and out of it during today's regular trading hours, by order size. Amounts are in the
 * security's currency. A figure that the gateway did not send is NaN.
 */
export declare class CapitalDistribution {
  private constructor();
  /** The requested security, such as "HK.00700". */
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
  /** Whether the answer is another request's (`maxAgeMs`); then this one was not sent. */
  readonly fromCache: boolean;
  /** If from the cache: milliseconds from the arrival of the answer to the completion of this request; else 0. */
  readonly ageMs: number;
  /** Figures of extra-large orders. */
  get flowSuper(): Flow;
  get flowBig(): Flow;
  get flowMid(): Flow;
  get flowSmall(): Flow;
  /** Figures of main money: super and big. If an amount is missing, the sum is missing, too. */
  get flowMain(): Flow;
  /** Figures of retail: mid and small. */
  get flowRetail(): Flow;
  /** Figures of all four order sizes. If an amount is missing, the sum is missing, too. */
  get flowTotal(): Flow;
  /** `updateTimestamp` as a Date; null if missing. */
  get updatedAt(): Date | null;
  /**
   * The update time as a date and time of day in the market's time zone, in the form that `Temporal.PlainDateTime.from` takes.
   * Texts without seconds, or with a fraction of a second, are read, too. Null if the text is missing or is not a valid time.
   */
  get updateWallClock(): WallClock | null;
}

/** A date and a time of day without a time zone. Months are numbered from 1. */
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

/** The base class of all errors of this package. Thrown itself if a call was refused. */
export declare class CapdistError extends Error {
  constructor(message: string, status: Status, options?: { cause?: unknown });
  readonly status: Status;
  /** The status's name in `capdist.h`, such as "CAPDIST_INVALID_ARGUMENT". */
  readonly code: string;
  /** Whether the call or request may succeed if it is repeated. */
  get retry(): Retry;
}

/** There is no connection. The message says why. */
export declare class ConnectError extends CapdistError {}

/** A request completed without figures. */
export declare class RequestError extends CapdistError {
  private constructor();
  /** The requested security; "" for a raw request. */
  readonly security: string;
  /** True: sent, and its quota slot is used; false: never sent, safe to repeat. */
  readonly wasSent: boolean;
  /** The gateway's retType; undefined if it did not answer. */
  readonly retType: number | undefined;
  /** The gateway's message, often Chinese; "" if it sent none. */
  readonly retMsg: string;
  readonly errCode: number | undefined;
  /** After a refusal because of the rate limit: milliseconds until the quota group sends again; else 0. */
  readonly retryAfterMs: number;
  /** The gateway refused another request for the security, whose answer this one waited for (`maxAgeMs`). */
  readonly fromCache: boolean;
}

/** One entry of a watch list: its figures, or the error that tells why there are none. */
export type WatchListEntry =
  | { security: string; figures: CapitalDistribution; error: undefined }
  | { security: string; figures: undefined; error: RequestError };

export interface ProtoReply {
  protoId: number;
  /** The body's retType; undefined if it has none. */
  retType: number | undefined;
  /** The answer's protobuf as it came, decrypted. */
  body: Uint8Array;
}

export interface ConnectionInfo {
  /** The gateway's number for this connection; 0n before the first handshake. */
  connId: bigint;
  /** The user that the gateway is logged in as; 0n before the first handshake, and over WebSocket. */
  loginUserId: bigint;
  /** The gateway's version, major * 100 + minor; 0 before the first handshake, and over WebSocket. */
  serverVersion: number;
  isReady: boolean;
  /** The connection has failed permanently. */
  isFinal: boolean;
}

export interface Quota {
  /** Requests in a window; 0: no quota is kept. */
  limit: number;
  windowMs: number;
  /** Slots in use: by requests in flight, and by those answered within the last window. */
  used: number;
  /** Requests of the whole group that wait for a slot. */
  waiting: number;
  /** Milliseconds until a slot is free; 0: one is free now; null: not known, because requests in flight use every slot. */
  nextSlotMs: number | null;
}

/**
 * A connection to a gateway, and the requests over it. `connect` makes it, for the thread that calls. It keeps the process
 * alive while a request is in flight or `waitReady` waits. An idle client keeps it alive only after `ref`. A client without
 * references and callbacks closes when it is garbage-collected.
 */
export declare class Client {
  private constructor();
  /**
   * Requests a stock's capital distribution. The promise always settles, within the queue timeout plus the reply timeout. It
   * rejects with a RequestError if the request completes without figures, with another CapdistError if it is refused, and with
   * the signal's reason if it is aborted.
   */
  capitalDistribution(security: string, options?: RequestOptions): Promise<CapitalDistribution>;
  /**
   * The figures of a watch list, in the order in which they come, within the quota. If a text is not a security, its entry has
   * an error with the status INVALID_ARGUMENT. A request that the gateway refuses because of its rate limit is repeated up to
   * ten times, each time after the pause that the refusal tells. Leaving the loop cancels the requests in flight. Throws the
   * signal's reason if it is aborted.
   */
  capitalDistributions(
    securities: Iterable<string>,
    options?: { replyTimeoutMs?: number; maxAgeMs?: number; signal?: AbortSignal },
  ): AsyncGenerator<WatchListEntry, void, void>;
  /** Sends any other request as raw protobuf. Rejects only if no answer came. */
  sendProto(protoId: number, body: Uint8Array, options?: Omit<RequestOptions, "securityFirm" | "maxAgeMs">): Promise<ProtoReply>;
  /** Waits until the connection is established, by default at most 10,000 ms. Rejects with the reason why it is not. */
  waitReady(options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<void>;
  info(): ConnectionInfo;
  quota(): Quota;
  /** Keeps the process alive as long as this connection is open, for programs that wait for pushes. */
  ref(): this;
  unref(): this;
  /** Closes the connection. Each request that is queued or in flight rejects with RELEASED. Calling it again is harmless. */
  close(): void;
}

/** Connects, and waits until the connection is established. Rejects with a ConnectError that says why it is not. */
export declare function connect(options?: ConnectOptions): Promise<Client>;

/** The version of the loaded library, such as "1.1.0". */
export declare const version: string;

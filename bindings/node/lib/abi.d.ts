// Generated from include/capdist.h: do not edit. `make abi` writes it.

/** The result of a call or of a request. */
export declare const Status: {
  /** Done. */
  readonly OK: 0;
  /** The gateway refused the request. */
  readonly REFUSED: 1;
  /** The gateway refused because too many requests were made. Try again after the time given. */
  readonly RATE_LIMITED: 2;
  /** The request timed out before it was sent. It is safe to repeat. */
  readonly QUEUE_TIMEOUT: 3;
  /** The request was sent, and no answer came in time. */
  readonly REPLY_TIMEOUT: 4;
  /** The connection to the gateway was lost. */
  readonly DISCONNECTED: 5;
  /** The gateway's answer is damaged. */
  readonly MALFORMED_REPLY: 6;
  /** The request was cancelled. */
  readonly CANCELLED: 7;
  /** The connection was released. */
  readonly RELEASED: 8;
  /** The gateway could not be reached. */
  readonly CONNECT_FAILED: 16;
  /** The gateway did not answer in time. */
  readonly CONNECT_TIMEOUT: 17;
  /** The gateway refused the connection's InitConnect. */
  readonly CONNECT_REFUSED: 18;
  /** The peer does not speak OpenD's protocol. */
  readonly PROTOCOL_ERROR: 19;
  /** The requested encryption failed. */
  readonly ENCRYPTION_FAILED: 20;
  /** The TLS connection could not be made. */
  readonly TLS_FAILED: 21;
  /** An argument is not valid. */
  readonly INVALID_ARGUMENT: 32;
  /** Too many requests are waiting. */
  readonly QUEUE_FULL: 33;
  /** The quota is used up for now. */
  readonly QUOTA_EXHAUSTED: 34;
  /** The connection has failed permanently. Release it and make a new one. */
  readonly NOT_CONNECTED: 35;
  /** The call would wait for the thread that it runs on. */
  readonly WOULD_DEADLOCK: 36;
  /** Another thread drives this connection. */
  readonly BUSY: 37;
  /** The connection belongs to the parent process. */
  readonly FORKED: 38;
  /** This version of the library cannot do that. */
  readonly UNSUPPORTED: 39;
  /** A numeric address is needed here. */
  readonly NEEDS_ADDRESS: 40;
  /** Another connection of this quota group has another limit or window. */
  readonly QUOTA_CONFLICT: 41;
  /** There is no such request. It may have completed already. */
  readonly NOT_FOUND: 42;
  /** The operating system refused a thread, a descriptor or memory. */
  readonly SYSTEM_ERROR: 43;
};
export type Status = (typeof Status)[keyof typeof Status];

/** Whether a failed request or call may succeed if it is repeated. */
export declare const Retry: {
  /** Not known: the gateway's words do not tell, or the answer was damaged. Also the value after success. */
  readonly UNKNOWN: 0;
  /** The same request cannot succeed: the stock is unknown, the account may not see the quote, the connection has
   *  ended. */
  readonly NEVER: 1;
  /** It may succeed later: a timeout, a lost connection, a gateway that lost the vendor's servers. */
  readonly LATER: 2;
  /** It may succeed after `retryAfterMs`. */
  readonly AFTER: 3;
};
export type Retry = (typeof Retry)[keyof typeof Retry];

/** Levels of #capdist_log_fn. */
export declare const LogLevel: {
  /** The connection failed permanently: somebody must act. */
  readonly ERROR: 1;
  /** An attempt failed, a connection was lost, a gateway is silent, a refusal paused the quota group, or requests
   *  failed (one message a minute at most, with their number). */
  readonly WARNING: 2;
  /** Connecting, connected. */
  readonly INFO: 3;
  /** Each failed request, and answers that no request waits for. */
  readonly DEBUG: 4;
};
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/** What carries the messages (docs/protocol.md). */
export declare const Transport: {
  /** OpenD's own protocol over TCP. */
  readonly TCP: 0;
  /** OpenD's WebSocket bridge, which has a port of its own and is off by default. */
  readonly WEBSOCKET: 1;
  /** The same over TLS 1.2 or newer, if OpenD has a certificate configured. */
  readonly WEBSOCKET_TLS: 2;
};
export type Transport = (typeof Transport)[keyof typeof Transport];

/** How bodies after InitConnect are encrypted if an RSA key is set (docs/protocol.md, Encryption). */
export declare const Cipher: {
  /** Not encrypted; InitConnect alone is. */
  readonly NONE: -1;
  /** AES-128, ECB with the vendor's padding: the vendor's default. */
  readonly FTAES_ECB: 0;
  /** AES-128, ECB. */
  readonly AES_ECB: 1;
  /** AES-128, CBC. */
  readonly AES_CBC: 2;
};
export type Cipher = (typeof Cipher)[keyof typeof Cipher];

/** What a request does during an outage. An outage begins when an attempt to connect fails, and ends when one
 *  succeeds (docs/timeouts.md, While the gateway is down). */
export declare const OutageMode: {
  /** In request options: as the connection; in capdist_options: wait. */
  readonly DEFAULT: 0;
  /** Wait for the connection, at most for the queue timeout. */
  readonly WAIT: 1;
  /** The call is refused at once, with the status and the cause of the last attempt. Before an outage begins, a
   *  request waits for the attempt in progress. If that attempt fails, the request completes with the same status. */
  readonly FAIL: 2;
};
export type OutageMode = (typeof OutageMode)[keyof typeof OutageMode];

/** What a request does when no slot of the quota is free. */
export declare const QuotaMode: {
  /** In request options: as the connection; in capdist_options: wait. */
  readonly DEFAULT: 0;
  /** Wait for a slot, at most for the queue timeout. */
  readonly WAIT: 1;
  /** The call is refused at once with `QUOTA_EXHAUSTED`, unless a shared answer serves it
   *  (capdist_request_options.max_age_ms). */
  readonly FAIL: 2;
};
export type QuotaMode = (typeof QuotaMode)[keyof typeof QuotaMode];

export {
  connect, Client, CapitalDistribution, CapdistError, ConnectError, RequestError, Status, Retry, Transport, Cipher, QuotaMode,
  OutageMode, LogLevel, version,
} from "./index.js";

export {
  connect, Client, CapitalDistribution, CapdistError, ConnectError, RequestError, Status, Transport, Cipher, QuotaMode,
  OutageMode, LogLevel, version,
} from "./index.js";

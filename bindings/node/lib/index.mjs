export {
  connect, Client, CapitalDistribution, CapdistError, ConnectError, RequestError, Status, Transport, Cipher, QuotaMode, version,
} from "./index.js";

export { Common, Qot_Common } from "./proto.js";

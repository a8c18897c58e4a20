import proto from "./proto.js";

export const { Common, Qot_Common } = proto;

// Decodes Notify (protocol 1003), the only push without a subscription, into the object of the vendor's package.
"use strict";

const S2C = { 1: ["type", "int32"], 4: ["connectStatus", { 1: ["qotLogined", "bool"], 2: ["trdLogined", "bool"] }] };
const RESPONSE = { 1: ["retType", "int32"], 2: ["retMsg", "string"], 3: ["errCode", "int32"], 4: ["s2c", S2C] };

/** Decodes these fields of a protobuf message, and skips others. Throws a RangeError if it is not valid. */
function decode(bytes, fields) {
  const message = {};
  let at = 0;
  const take = (length) => {
    if (length > bytes.length - at) throw new RangeError("the message is cut off");
    return bytes.subarray(at, (at += length));
  };
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = take(1);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError("a number is longer than 64 bits");
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const wireType = key % 8;
    let value;
    if (wireType === 0) value = varint();
    else if (wireType === 1) value = take(8);
    else if (wireType === 2) value = take(Number(varint()));
    else if (wireType === 5) value = take(4);
    else throw new RangeError(`there is no wire type ${wireType}`);
    const [name, type] = fields[Math.floor(key / 8)] ?? [];
    if (wireType === 0 && type === "int32") message[name] = Number(BigInt.asIntN(32, value));
    if (wireType === 0 && type === "bool") message[name] = value !== 0n;
    if (wireType === 2 && type === "string") message[name] = new TextDecoder().decode(value);
    if (wireType === 2 && typeof type === "object") message[name] = { ...message[name], ...decode(value, type) };
  }
  return message;
}

function decodeNotify(bytes) {
  return { retType: -400, retMsg: "", errCode: 0, ...decode(bytes, RESPONSE) };
}

module.exports = { decodeNotify };

import mmWebsocket from "./moomoo-api.js";

export default mmWebsocket;
export { mmWebsocket };
export const { mmCmdID } = mmWebsocket;

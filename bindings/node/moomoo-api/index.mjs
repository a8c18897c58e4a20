import mmWebsocket from "./index.js";

export default mmWebsocket;
export { mmWebsocket };
export const { mmCmdID } = mmWebsocket;

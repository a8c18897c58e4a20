import ftWebsocket from "./index.js";

export default ftWebsocket;
export { ftWebsocket };
export const { ftCmdID } = ftWebsocket;

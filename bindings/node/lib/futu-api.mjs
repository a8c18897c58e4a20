import ftWebsocket from "./futu-api.js";

export default ftWebsocket;
export { ftWebsocket };
export const { ftCmdID } = ftWebsocket;

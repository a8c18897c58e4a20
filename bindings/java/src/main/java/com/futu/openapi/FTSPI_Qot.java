package com.futu.openapi;

import com.futu.openapi.pb.QotGetCapitalDistribution;

/** Answers. Implement it, and pass it to setQotSpi. Called on the connection's thread. */
public interface FTSPI_Qot {
    /**
     * The answer to a request, called exactly once. If no answer came, retType tells why (-100 timeout, -200 disconnected, -500
     * damaged, -400 other causes), and retMsg says it in words.
     */
    default void onReply_GetCapitalDistribution(
            FTAPI_Conn client, int nSerialNo, QotGetCapitalDistribution.Response rsp) {}
}

package com.futu.openapi;

import com.futu.openapi.pb.QotGetCapitalDistribution;

/** Answers; implement it and pass it to setQotSpi. On the connection's thread. */
public interface FTSPI_Qot {
    /**
     * The answer to a request, exactly once. Where no answer came, retType says why (-100 timeout, -200 disconnected, -500
     * damaged, -400 else) and retMsg says it in words.
     */
    default void onReply_GetCapitalDistribution(
            FTAPI_Conn client, int nSerialNo, QotGetCapitalDistribution.Response rsp) {}
}

package com.futu.openapi;

import capdist.Reply;
import capdist.Status;
import com.futu.openapi.pb.QotCommon;
import com.futu.openapi.pb.QotGetCapitalDistribution;
import com.google.protobuf.InvalidProtocolBufferException;

/** A connection for quotes. */
public class FTAPI_Conn_Qot extends FTAPI_Conn {
    private volatile FTSPI_Qot qotSpi;

    /** Sets who receives the answers; null: nobody. */
    public void setQotSpi(FTSPI_Qot spi) {
        qotSpi = spi;
    }

    /**
     * Requests a stock's capital distribution. The answer goes to onReply_GetCapitalDistribution.
     *
     * @return the request's serial number; 0 if refused, and then no answer follows
     */
    public int getCapitalDistribution(QotGetCapitalDistribution.Request req) {
        if (req == null || !req.isInitialized()) return 0;
        QotGetCapitalDistribution.C2S c2s = req.getC2S();
        QotCommon.Security security = c2s.getSecurity();
        return ask(security.getMarket(), security.getCode(), c2s.getHeader().getSecurityFirm(), reply -> {
            FTSPI_Qot spi = qotSpi;
            if (spi != null) spi.onReply_GetCapitalDistribution(this, (int) reply.serialNo(), response(reply));
        });
    }

    /** The gateway's answer, or why there is none. It is a success only if the library reports one. */
    private static QotGetCapitalDistribution.Response response(Reply reply) {
        try {
            if (reply.body().length > 0) {
                QotGetCapitalDistribution.Response response =
                        QotGetCapitalDistribution.Response.parseFrom(reply.body());
                if (reply.status() == Status.OK || response.getRetType() != 0) return response;
            }
        } catch (InvalidProtocolBufferException malformed) {
            // The reply's desc tells that the body is not valid.
        }
        return QotGetCapitalDistribution.Response.newBuilder()
                .setRetType(retTypeOf(reply.status()))
                .setRetMsg(reply.desc())
                .build();
    }
}

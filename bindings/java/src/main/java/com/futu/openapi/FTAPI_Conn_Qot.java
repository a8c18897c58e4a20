package com.futu.openapi;

import capdist.Reply;
import capdist.Status;
import com.futu.openapi.pb.QotCommon;
import com.futu.openapi.pb.QotGetCapitalDistribution;
import com.google.protobuf.InvalidProtocolBufferException;

/** A connection for quotes. */
public class FTAPI_Conn_Qot extends FTAPI_Conn {
    private volatile FTSPI_Qot qotSpi;

    /** Who gets the answers; null: nobody. */
    public void setQotSpi(FTSPI_Qot spi) {
        qotSpi = spi;
    }

    /**
     * Asks for a stock's capital distribution; onReply_GetCapitalDistribution gets the answer.
     *
     * @return its serial number, or 0 if it was refused, and then nothing comes
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

    /** The gateway's answer, or why there is none. Never a success that the library did not call one. */
    private static QotGetCapitalDistribution.Response response(Reply reply) {
        try {
            if (reply.body().length > 0) {
                QotGetCapitalDistribution.Response response =
                        QotGetCapitalDistribution.Response.parseFrom(reply.body());
                if (reply.status() == Status.OK || response.getRetType() != 0) return response;
            }
        } catch (InvalidProtocolBufferException malformed) {
            // The reply's desc says so.
        }
        return QotGetCapitalDistribution.Response.newBuilder()
                .setRetType(retTypeOf(reply.status()))
                .setRetMsg(reply.desc())
                .build();
    }
}

package com.futu.openapi;

/** What happens to a connection; implement it and pass it to setConnSpi. On the connection's thread. */
public interface FTSPI_Conn {
    /**
     * The connection stands, or could not be made, which is told once until it stands: meanwhile it is tried again and again.
     *
     * @param errCode 0, or the high 32 bits are the kind (100: InitConnect failed, low 32: 0 unknown, 1 timeout, 3 disconnect,
     *     4 could not send, 5 refused by OpenD; else the socket's: 1 create, 4 name not found, 6 connect, 9 select, 10 send,
     *     11 receive, low 32: errno)
     * @param desc what happened; "" on success
     */
    default void onInitConnect(FTAPI_Conn client, long errCode, String desc) {}

    /**
     * The connection was lost. It is made again, and onInitConnect tells when it stands, unless setAutoReconnect(false) asked for no
     * such thing.
     */
    default void onDisconnect(FTAPI_Conn client, long errCode) {}
}

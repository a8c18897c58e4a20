package com.futu.openapi;

/** Events of a connection. Implement it, and pass it to setConnSpi. Called on the connection's thread. */
public interface FTSPI_Conn {
    /**
     * The connection is established, or could not be. While the library tries again, only the first failure is reported.
     *
     * @param errCode 0, or the error: the high 32 bits are the kind, the low 32 bits the code. Kinds: 1 create, 4 name not found,
     *     6 connect, 9 select, 10 send, 11 receive (the code is errno); 100 InitConnect (0 unknown, 1 timeout, 3 disconnected,
     *     4 not sent, 5 refused by OpenD)
     * @param desc what happened; "" on success
     */
    default void onInitConnect(FTAPI_Conn client, long errCode, String desc) {}

    /**
     * The connection was lost. The library reconnects by itself, and then calls onInitConnect, unless setAutoReconnect(false) was
     * called.
     */
    default void onDisconnect(FTAPI_Conn client, long errCode) {}
}

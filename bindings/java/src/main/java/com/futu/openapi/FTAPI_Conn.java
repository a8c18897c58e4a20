package com.futu.openapi;

import capdist.vendor.VendorConn;

/** A connection to the gateway. Every method may be called from any thread and from inside callbacks. */
public class FTAPI_Conn extends VendorConn {
    private volatile FTSPI_Conn connSpi;

    /** Sets who receives the connection's events; null: nobody. A callback that is running goes on. */
    public void setConnSpi(FTSPI_Conn spi) {
        connSpi = spi;
    }

    @Override
    protected void toldInitConnect(long errCode, String desc) {
        FTSPI_Conn spi = connSpi;
        if (spi != null) spi.onInitConnect(this, errCode, desc);
    }

    @Override
    protected void toldDisconnect(long errCode) {
        FTSPI_Conn spi = connSpi;
        if (spi != null) spi.onDisconnect(this, errCode);
    }
}

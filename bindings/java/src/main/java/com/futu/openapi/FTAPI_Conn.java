package com.futu.openapi;

import capdist.vendor.VendorConn;

/** A connection, before it has a purpose. Every method may be called from any thread and in any callback. */
public class FTAPI_Conn extends VendorConn {
    private volatile FTSPI_Conn connSpi;

    /** Who is told of the connection; null: nobody. Callbacks that began before go on. */
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

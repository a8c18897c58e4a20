package com.futu.openapi;

/** Start and end of a program that was written for the vendor's SDK. Both methods do nothing. */
public final class FTAPI {
    private FTAPI() {}

    /** Does nothing. */
    public static void init() {}

    /** Does nothing. */
    public static void unInit() {}
}

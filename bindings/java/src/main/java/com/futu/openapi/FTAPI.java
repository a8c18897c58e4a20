package com.futu.openapi;

/** Where the vendor's programs begin and end; nothing needs to be done here. */
public final class FTAPI {
    private FTAPI() {}

    /** Call it first. */
    public static void init() {}

    /** Call it last. */
    public static void unInit() {}
}

package capdist;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A stock, warrant or fund.
 *
 * @param market its market, one of {@code MARKET_…}
 * @param code "00700", "AAPL", "BRK.B": not empty, at most 59 bytes of UTF-8
 */
public record Security(int market, String code) {
    /** {@code HK.} */
    public static final int MARKET_HK = 1;
    /** {@code US.} */
    public static final int MARKET_US = 11;
    /** {@code SH.} */
    public static final int MARKET_SH = 21;
    /** {@code SZ.} */
    public static final int MARKET_SZ = 22;
    /** {@code SG.} */
    public static final int MARKET_SG = 31;
    /** {@code JP.} */
    public static final int MARKET_JP = 41;
    /** {@code AU.} */
    public static final int MARKET_AU = 51;
    /** {@code MY.} */
    public static final int MARKET_MY = 61;
    /** {@code CA.} */
    public static final int MARKET_CA = 71;
    /** {@code FX.}: foreign exchange */
    public static final int MARKET_FX = 81;
    /** {@code CC.}: crypto currencies */
    public static final int MARKET_CC = 91;

    /**
     * Reads "HK.00700". The first dot separates; the code may hold dots ("US.BRK.B").
     *
     * @throws CapdistException {@link Status#INVALID_ARGUMENT}
     */
    public static Security parse(String text) {
        byte[] raw = new byte[CapdistLibrary.SECURITY_SIZE];
        CapdistLibrary.check(CapdistLibrary.capdist_security_parse(CapdistLibrary.utf8(text, "security"), raw));
        return of(raw);
    }

    /** "HK.00700"; a market without a prefix is written as its number. */
    @Override
    public String toString() {
        String prefix =
                switch (market) {
                    case MARKET_HK -> "HK";
                    case MARKET_US -> "US";
                    case MARKET_SH -> "SH";
                    case MARKET_SZ -> "SZ";
                    case MARKET_SG -> "SG";
                    case MARKET_JP -> "JP";
                    case MARKET_AU -> "AU";
                    case MARKET_MY -> "MY";
                    case MARKET_CA -> "CA";
                    case MARKET_FX -> "FX";
                    case MARKET_CC -> "CC";
                    default -> String.valueOf(market);
                };
        return prefix + "." + code;
    }

    /** From C's struct. */
    static Security of(byte[] raw) {
        ByteBuffer fields = ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder());
        return new Security(fields.getInt(), CapdistLibrary.text(raw, Integer.BYTES));
    }

    /** C's struct. */
    byte[] raw() {
        byte[] bytes = CapdistLibrary.utf8Bytes(code, "security.code");
        if (bytes.length >= CapdistLibrary.CODE_SIZE) {
            throw new CapdistException(Status.INVALID_ARGUMENT, "security.code is longer than 59 bytes: " + code);
        }
        byte[] raw = new byte[CapdistLibrary.SECURITY_SIZE];
        ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder()).putInt(market).put(bytes);
        return raw;
    }
}

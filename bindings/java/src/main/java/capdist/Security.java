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
    /** {@code HK_FUTURE.}: Hong Kong futures */
    public static final int MARKET_HK_FUTURE = 2;
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
    /** {@code EC.}: event contracts */
    public static final int MARKET_EC = 101;

    /**
     * Reads "HK.00700". The first dot separates; the code may hold dots ("US.BRK.B"). Blanks around it are skipped, and the
     * market may be in lower case.
     *
     * @throws CapdistException {@link Status#INVALID_ARGUMENT}; it names what was probably meant
     */
    public static Security parse(String text) {
        byte[] raw = new byte[CapdistLibrary.SECURITY_SIZE];
        CapdistLibrary.check(CapdistLibrary.capdist_security_parse(CapdistLibrary.utf8(text, "security"), raw));
        return of(raw);
    }

    /** "HK.00700"; "#999.X" for a market that has no name here, and for what is no security. */
    @Override
    public String toString() {
        byte[] text = new byte[CapdistLibrary.CODE_SIZE + 16];
        try {
            if (CapdistLibrary.capdist_security_format(raw(), text, text.length) >= 0) return CapdistLibrary.text(text, 0);
        } catch (CapdistException e) {
            // Its text is no code: it is shown as it is.
        }
        return "#" + market + "." + code;
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

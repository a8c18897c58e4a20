package capdist;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A stock, warrant or fund.
 *
 * @param market one of {@code MARKET_…}, or another number above 0
 * @param code such as "00700", "AAPL", "BRK.B": 1 to 59 bytes of UTF-8
 */
public record Security(int market, String code) {
    /** {@code HK.} */
    public static final int MARKET_HK = Abi.MARKET_HK;
    /** {@code HK_FUTURE.}: Hong Kong futures */
    public static final int MARKET_HK_FUTURE = Abi.MARKET_HK_FUTURE;
    /** {@code US.} */
    public static final int MARKET_US = Abi.MARKET_US;
    /** {@code SH.} */
    public static final int MARKET_SH = Abi.MARKET_SH;
    /** {@code SZ.} */
    public static final int MARKET_SZ = Abi.MARKET_SZ;
    /** {@code SG.} */
    public static final int MARKET_SG = Abi.MARKET_SG;
    /** {@code JP.} */
    public static final int MARKET_JP = Abi.MARKET_JP;
    /** {@code AU.} */
    public static final int MARKET_AU = Abi.MARKET_AU;
    /** {@code MY.} */
    public static final int MARKET_MY = Abi.MARKET_MY;
    /** {@code CA.} */
    public static final int MARKET_CA = Abi.MARKET_CA;
    /** {@code FX.}: foreign exchange */
    public static final int MARKET_FX = Abi.MARKET_FX;
    /** {@code CC.}: crypto currencies */
    public static final int MARKET_CC = Abi.MARKET_CC;
    /** {@code EC.}: event contracts */
    public static final int MARKET_EC = Abi.MARKET_EC;

    /**
     * Reads a text such as "HK.00700". The first dot separates; the code may contain dots ("US.BRK.B"). Blanks around the text
     * are skipped, and the market may be in lower case.
     *
     * @throws CapdistException {@link Status#INVALID_ARGUMENT}; the message suggests what was probably meant
     */
    public static Security parse(String text) {
        byte[] raw = new byte[Abi.Security.SIZE];
        CapdistLibrary.check(Abi.capdist_security_parse(CapdistLibrary.utf8(text, "security"), raw));
        return of(raw);
    }

    /** The text, such as "HK.00700", or "#999.X" if the market has no name here. */
    @Override
    public String toString() {
        byte[] text = new byte[Abi.CODE_SIZE + 16];
        try {
            if (Abi.capdist_security_format(raw(), text, text.length) >= 0) return CapdistLibrary.text(text, 0);
        } catch (CapdistException e) {
            // The code is not valid: show it unchanged.
        }
        return "#" + market + "." + code;
    }

    /** Reads the C struct. */
    static Security of(byte[] raw) {
        ByteBuffer fields = ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder());
        return new Security(fields.getInt(), CapdistLibrary.text(raw, Integer.BYTES));
    }

    /** Writes the C struct. */
    byte[] raw() {
        byte[] bytes = CapdistLibrary.utf8Bytes(code, "security.code");
        if (bytes.length >= Abi.CODE_SIZE) {
            throw new CapdistException(Status.INVALID_ARGUMENT, "security.code is longer than 59 bytes: " + code);
        }
        byte[] raw = new byte[Abi.Security.SIZE];
        ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder()).putInt(market).put(bytes);
        return raw;
    }
}

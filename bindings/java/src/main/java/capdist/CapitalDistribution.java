package capdist;

import com.sun.jna.Pointer;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Money that went into a stock and out of it during today's regular trading hours, by order size, in the security's
 * currency. An order is small when its turnover is below the reference (the average turnover of a trade over the last month;
 * three days for warrants), big from ten times the reference, mid between; where extra-large begins is not published. What a
 * gateway may leave out is optional.
 *
 * @param capitalInSuper bought with extra-large orders
 * @param capitalInBig bought with big orders
 * @param capitalInMid bought with mid orders
 * @param capitalInSmall bought with small orders
 * @param capitalOutSuper sold with extra-large orders
 * @param capitalOutBig sold with big orders
 * @param capitalOutMid sold with mid orders
 * @param capitalOutSmall sold with small orders
 * @param updateTime the market's local time, "yyyy-MM-dd HH:mm:ss", as the gateway wrote it
 * @param updateTimestamp the same instant in Unix seconds
 */
public record CapitalDistribution(
        OptionalDouble capitalInSuper,
        double capitalInBig,
        double capitalInMid,
        double capitalInSmall,
        OptionalDouble capitalOutSuper,
        double capitalOutBig,
        double capitalOutMid,
        double capitalOutSmall,
        Optional<String> updateTime,
        OptionalDouble updateTimestamp) {

    /**
     * Extra-large orders.
     *
     * @return what follows from their figures
     */
    public Flow flowSuper() {
        return Flow.of(capitalInSuper.orElse(Double.NaN), capitalOutSuper.orElse(Double.NaN));
    }

    /**
     * Big orders.
     *
     * @return what follows from their figures
     */
    public Flow flowBig() {
        return Flow.of(capitalInBig, capitalOutBig);
    }

    /**
     * Mid orders.
     *
     * @return what follows from their figures
     */
    public Flow flowMid() {
        return Flow.of(capitalInMid, capitalOutMid);
    }

    /**
     * Small orders.
     *
     * @return what follows from their figures
     */
    public Flow flowSmall() {
        return Flow.of(capitalInSmall, capitalOutSmall);
    }

    /**
     * Main money: super and big. A sum with a missing part is missing.
     *
     * @return what follows from their figures
     */
    public Flow flowMain() {
        return Flow.of(capitalInSuper.orElse(Double.NaN) + capitalInBig, capitalOutSuper.orElse(Double.NaN) + capitalOutBig);
    }

    /**
     * Retail: mid and small.
     *
     * @return what follows from their figures
     */
    public Flow flowRetail() {
        return Flow.of(capitalInMid + capitalInSmall, capitalOutMid + capitalOutSmall);
    }

    /**
     * All four order sizes. A sum with a missing part is missing.
     *
     * @return what follows from their figures
     */
    public Flow flowTotal() {
        return Flow.of(
                capitalInSuper.orElse(Double.NaN) + capitalInBig + capitalInMid + capitalInSmall,
                capitalOutSuper.orElse(Double.NaN) + capitalOutBig + capitalOutMid + capitalOutSmall);
    }

    private static final Pattern WALL_CLOCK =
            Pattern.compile("([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\\.([0-9]{1,9}))?)?");

    /**
     * The update time as a date and time of day, of the market's zone. Seconds may be missing in the text, and a fraction of
     * one may be there.
     *
     * @return empty if the text is missing or no such time
     */
    public Optional<LocalDateTime> updateWallClock() {
        return updateTime.map(WALL_CLOCK::matcher).filter(Matcher::matches).flatMap(CapitalDistribution::dateTime);
    }

    private static Optional<LocalDateTime> dateTime(MatchResult found) {
        int[] words = new int[7];
        for (int at = 0; at < words.length; at++) {
            String word = found.group(at + 1);
            words[at] = word == null ? 0 : Integer.parseInt(at < 6 ? word : (word + "00000000").substring(0, 9));
        }
        try {
            if (words[0] == 0) {
                return Optional.empty(); // a year that Java has, and the calendar has not
            }
            return Optional.of(LocalDateTime.of(words[0], words[1], words[2], words[3], words[4], words[5], words[6]));
        } catch (DateTimeException noSuchDay) {
            return Optional.empty();
        }
    }

    static CapitalDistribution of(Pointer raw) {
        int present = raw.getInt(Abi.CapitalDistribution.PRESENT);
        return new CapitalDistribution(
                given(present, Abi.HAS_CAPITAL_IN_SUPER, raw.getDouble(Abi.CapitalDistribution.CAPITAL_IN_SUPER)),
                raw.getDouble(Abi.CapitalDistribution.CAPITAL_IN_BIG),
                raw.getDouble(Abi.CapitalDistribution.CAPITAL_IN_MID),
                raw.getDouble(Abi.CapitalDistribution.CAPITAL_IN_SMALL),
                given(present, Abi.HAS_CAPITAL_OUT_SUPER, raw.getDouble(Abi.CapitalDistribution.CAPITAL_OUT_SUPER)),
                raw.getDouble(Abi.CapitalDistribution.CAPITAL_OUT_BIG),
                raw.getDouble(Abi.CapitalDistribution.CAPITAL_OUT_MID),
                raw.getDouble(Abi.CapitalDistribution.CAPITAL_OUT_SMALL),
                (present & Abi.HAS_UPDATE_TIME) != 0
                        ? Optional.of(CapdistLibrary.text(raw.getPointer(Abi.CapitalDistribution.UPDATE_TIME)))
                        : Optional.empty(),
                given(present, Abi.HAS_UPDATE_TIMESTAMP, raw.getDouble(Abi.CapitalDistribution.UPDATE_TIMESTAMP)));
    }

    private static OptionalDouble given(int present, int bit, double value) {
        return (present & bit) != 0 ? OptionalDouble.of(value) : OptionalDouble.empty();
    }

    /** For {@link Reply#toJson()}: the C struct. */
    Abi.CapitalDistribution raw() {
        Abi.CapitalDistribution raw = new Abi.CapitalDistribution();
        raw.present = CapdistLibrary.HAS_REQUIRED_FIGURES;
        raw.capital_in_big = capitalInBig;
        raw.capital_in_mid = capitalInMid;
        raw.capital_in_small = capitalInSmall;
        raw.capital_out_big = capitalOutBig;
        raw.capital_out_mid = capitalOutMid;
        raw.capital_out_small = capitalOutSmall;
        capitalInSuper.ifPresent(value -> {
            raw.present |= Abi.HAS_CAPITAL_IN_SUPER;
            raw.capital_in_super = value;
        });
        capitalOutSuper.ifPresent(value -> {
            raw.present |= Abi.HAS_CAPITAL_OUT_SUPER;
            raw.capital_out_super = value;
        });
        updateTimestamp.ifPresent(value -> {
            raw.present |= Abi.HAS_UPDATE_TIMESTAMP;
            raw.update_timestamp = value;
        });
        updateTime.ifPresent(value -> {
            raw.present |= Abi.HAS_UPDATE_TIME;
            raw.update_time = CapdistLibrary.utf8(value, "updateTime");
        });
        return raw;
    }
}

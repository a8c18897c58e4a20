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
 * Money that went into a stock and out of it during today's regular trading hours, by order size. Amounts are in the
 * security's currency.
 *
 * <p>Order sizes are relative to a reference: the average turnover of a trade over the last month, for warrants over the last
 * three days. An order is small if its turnover is below the reference, mid from there, and big from ten times the reference.
 * The vendor does not publish where extra-large (super) begins. A figure that the gateway did not send is empty.
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
 * @param updateTimestamp Unix time in seconds
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
     * Figures of extra-large orders.
     *
     * @return their sums, net and share of sales
     */
    public Flow flowSuper() {
        return Flow.of(capitalInSuper.orElse(Double.NaN), capitalOutSuper.orElse(Double.NaN));
    }

    /**
     * Figures of big orders.
     *
     * @return their sums, net and share of sales
     */
    public Flow flowBig() {
        return Flow.of(capitalInBig, capitalOutBig);
    }

    /**
     * Figures of mid orders.
     *
     * @return their sums, net and share of sales
     */
    public Flow flowMid() {
        return Flow.of(capitalInMid, capitalOutMid);
    }

    /**
     * Figures of small orders.
     *
     * @return their sums, net and share of sales
     */
    public Flow flowSmall() {
        return Flow.of(capitalInSmall, capitalOutSmall);
    }

    /**
     * Figures of main money: super and big. If an amount is missing, the sum is missing, too.
     *
     * @return its sums, net and share of sales
     */
    public Flow flowMain() {
        return Flow.of(capitalInSuper.orElse(Double.NaN) + capitalInBig, capitalOutSuper.orElse(Double.NaN) + capitalOutBig);
    }

    /**
     * Figures of retail: mid and small.
     *
     * @return its sums, net and share of sales
     */
    public Flow flowRetail() {
        return Flow.of(capitalInMid + capitalInSmall, capitalOutMid + capitalOutSmall);
    }

    /**
     * Figures of all four order sizes. If an amount is missing, the sum is missing, too.
     *
     * @return their sums, net and share of sales
     */
    public Flow flowTotal() {
        return Flow.of(
                capitalInSuper.orElse(Double.NaN) + capitalInBig + capitalInMid + capitalInSmall,
                capitalOutSuper.orElse(Double.NaN) + capitalOutBig + capitalOutMid + capitalOutSmall);
    }

    private static final Pattern WALL_CLOCK =
            Pattern.compile("([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\\.([0-9]{1,9}))?)?");

    /**
     * The update time as a date and time of day in the market's time zone. Texts without seconds, or with a fraction of a
     * second, are read, too.
     *
     * @return empty if the text is missing or is not a valid time
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
                return Optional.empty(); // LocalDateTime has a year 0, and the calendar has none
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

    /** The C struct, for {@link Reply#toJson()}. */
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

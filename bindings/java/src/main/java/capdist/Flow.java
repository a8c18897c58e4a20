package capdist;

import java.util.OptionalDouble;

/**
 * Figures derived for one group of order sizes, in the security's currency. A missing number is empty.
 *
 * @param capitalIn bought
 * @param capitalOut sold
 * @param net {@code capitalIn - capitalOut}; above 0 if more was bought than sold
 * @param outShare {@code capitalOut / (capitalIn + capitalOut)}, from 0 to 1; above 0.5 if more was sold than bought
 */
public record Flow(OptionalDouble capitalIn, OptionalDouble capitalOut, OptionalDouble net, OptionalDouble outShare) {

    /** A missing figure is NaN, and so is every sum with it. */
    static Flow of(double in, double out) {
        double turnover = in + out;
        return new Flow(known(in), known(out), known(in - out), turnover > 0 ? known(out / turnover) : OptionalDouble.empty());
    }

    private static OptionalDouble known(double number) {
        return Double.isFinite(number) ? OptionalDouble.of(number) : OptionalDouble.empty();
    }
}

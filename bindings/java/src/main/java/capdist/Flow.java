package capdist;

import java.util.OptionalDouble;

/**
 * What follows from the figures of one order size, or of several together. What is missing is empty.
 *
 * @param capitalIn bought
 * @param capitalOut sold
 * @param net what came in less what went out: above 0, money stayed
 * @param outShare what went out in both together, from 0 to 1: above a half, money left
 */
public record Flow(OptionalDouble capitalIn, OptionalDouble capitalOut, OptionalDouble net, OptionalDouble outShare) {

    /** A missing figure is NaN, which every sum with it is, too. */
    static Flow of(double in, double out) {
        double turnover = in + out;
        return new Flow(known(in), known(out), known(in - out), turnover > 0 ? known(out / turnover) : OptionalDouble.empty());
    }

    private static OptionalDouble known(double number) {
        return Double.isFinite(number) ? OptionalDouble.of(number) : OptionalDouble.empty();
    }
}

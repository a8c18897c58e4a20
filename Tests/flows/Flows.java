import capdist.CapitalDistribution;
import capdist.Flow;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** Plays Tests/cases/flows.json in Java. Tests/flows/play.py describes the input and output. */
final class Flows {
    public static void main(String[] words) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            double[] told = Stream.of(line.replace("nan", "NaN").split(" ")).mapToDouble(Double::parseDouble).toArray();
            CapitalDistribution figures = new CapitalDistribution(
                    given(told[0]), told[1], told[2], told[3], given(told[4]), told[5], told[6], told[7],
                    Optional.empty(), OptionalDouble.empty());
            StringBuilder printed = new StringBuilder();
            Stream.of(figures.flowSuper(), figures.flowBig(), figures.flowMid(), figures.flowSmall(), figures.flowMain(),
                            figures.flowRetail(), figures.flowTotal())
                    .forEach(flow -> print(printed, flow));
            System.out.println(printed);
        }
    }

    private static OptionalDouble given(double number) {
        return Double.isNaN(number) ? OptionalDouble.empty() : OptionalDouble.of(number);
    }

    private static void print(StringBuilder printed, Flow flow) {
        Stream.of(flow.capitalIn(), flow.capitalOut(), flow.net(), flow.outShare())
                .forEach(number -> printed.append(number.orElse(Double.NaN)).append(' '));
    }
}

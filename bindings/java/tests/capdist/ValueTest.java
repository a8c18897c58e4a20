package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Values that are computed from the gateway's figures. */
class ValueTest {
    private static final Path UPDATE_TIMES = Path.of("Tests/cases/times.tsv");
    private static final DateTimeFormatter TOLD = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSSSSS");

    private static CapitalDistribution updated(Optional<String> time) {
        OptionalDouble missing = OptionalDouble.empty();
        return new CapitalDistribution(missing, 1, 2, 3, missing, 4, 5, 6, time, missing);
    }

    /** The table that all languages test with. */
    @TestFactory
    Stream<DynamicTest> updateTimes() throws IOException {
        return Files.readAllLines(UPDATE_TIMES).stream().filter(line -> !line.startsWith("#")).map(line -> {
            String[] words = line.split("\t");
            return DynamicTest.dynamicTest(words[0], () -> {
                CapitalDistribution figures = updated(Optional.of(words[1]));
                assertEquals(words[2], figures.updateWallClock().map(TOLD::format).orElse("-"));
                assertEquals(words[1], figures.updateTime().orElseThrow());
            });
        });
    }

    @Test
    void noUpdateTimeIsNone() {
        assertEquals(Optional.empty(), updated(Optional.empty()).updateWallClock());
    }
}

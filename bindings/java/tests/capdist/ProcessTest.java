package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How a JVM starts and ends while its connections are busy. */
@Timeout(300)
class ProcessTest {
    /** The child process: it requests all the time, prints "ready", and ends as it is told. */
    static final class Program {
        public static void main(String[] args) throws Exception {
            Client client = new Client(new Options().port(Integer.parseInt(args[1])).quotaRequests(0));
            client.fetchCapitalDistribution("HK.00700");
            String way = args[0];
            Thread asking = new Thread(() -> {
                while (true) {
                    try {
                        client.getCapitalDistribution("HK.00700");
                    } catch (CapdistException full) {
                        Thread.onSpinWait();
                    }
                }
            });
            asking.setDaemon(true);
            asking.start();
            System.out.println("ready");
            switch (way) {
                case "return" -> {}
                case "exit" -> System.exit(3);
                case "halt" -> Runtime.getRuntime().halt(4);
                case "exit in callback" -> client.getCapitalDistribution("HK.00005").thenRun(() -> System.exit(5));
                case "throw" -> throw new IllegalStateException("on purpose");
                case "signal" -> {
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                        client.close();
                        System.out.println("closed " + Simulator.attached());
                    }));
                    Thread.sleep(60_000);
                }
                default -> throw new IllegalArgumentException(way);
            }
            if (way.equals("exit in callback")) Thread.sleep(60_000);
        }
    }

    static Process child(Map<String, String> env, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path")));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(env);
        Process process = builder.start();
        // No child is left behind, and reading its output ends.
        CompletableFuture.delayedExecutor(20, TimeUnit.SECONDS).execute(process::destroyForcibly);
        return process;
    }

    static List<String> output(Process process) throws InterruptedException {
        List<String> lines = process.inputReader().lines().toList();
        assertTrue(process.waitFor(20, TimeUnit.SECONDS));
        return lines;
    }

    /** Sends a signal. Process.destroy() would also close the child's output. */
    private static void signal(Process process, String name) throws Exception {
        assertEquals(0, new ProcessBuilder("kill", name, String.valueOf(process.pid())).start().waitFor());
    }

    @Test
    void withRequestsInFlight() throws Exception {
        Map<String, Integer> ways = Map.of("return", 0, "exit", 3, "halt", 4, "exit in callback", 5, "throw", 1);
        try (Simulator gateway = new Simulator("--no-quota")) {
            List<Map.Entry<String, Process>> children = new ArrayList<>();
            for (String way : ways.keySet()) {
                children.add(Map.entry(way, child(Map.of(), Program.class.getName(), way, String.valueOf(gateway.port))));
            }
            for (Map.Entry<String, Process> one : children) {
                List<String> lines = output(one.getValue());
                assertEquals("ready", lines.get(0), one.getKey());
                assertEquals(ways.get(one.getKey()), one.getValue().exitValue(), one.getKey() + ": " + lines);
                assertEquals(one.getKey().equals("throw"), lines.size() > 1, lines.toString());
            }
        }
    }

    /** The JVM's own signals work as usual: SIGQUIT shows its threads, SIGTERM runs its hooks. */
    @Test
    void signals() throws Exception {
        try (Simulator gateway = new Simulator("--no-quota")) {
            Process process = child(Map.of(), Program.class.getName(), "signal", String.valueOf(gateway.port));
            BufferedReader reader = process.inputReader();
            assertEquals("ready", reader.readLine());
            signal(process, "-QUIT");
            List<String> dump = new ArrayList<>();
            String line;
            while ((line = reader.readLine()) != null && !line.startsWith("JNI global refs")) dump.add(line);
            assertTrue(
                    dump.stream().anyMatch(one -> one.startsWith("\"capdist\" ") && one.contains(" daemon ")),
                    dump::toString);
            signal(process, "-TERM");
            List<String> rest = output(process);
            assertTrue(rest.contains("closed 0"), rest::toString);
            assertEquals(143, process.exitValue());
        }
    }

    @Test
    void theLibraryIsWhereTheSystemLooks() throws Exception {
        String folder = Path.of(System.getenv("CAPDIST_LIBRARY")).getParent().toString();
        try (Simulator gateway = new Simulator()) {
            Process process = child(
                    Map.of("CAPDIST_LIBRARY", "", "LD_LIBRARY_PATH", folder),
                    Program.class.getName(),
                    "return",
                    String.valueOf(gateway.port));
            assertEquals(List.of("ready"), output(process));
            assertEquals(0, process.exitValue());
        }
    }

    @Test
    void aLibraryThatIsNotThere() throws Exception {
        Process process =
                child(Map.of("CAPDIST_LIBRARY", "/nowhere/libcapdist.so.1"), Program.class.getName(), "return", "1");
        List<String> lines = output(process);
        assertEquals(1, process.exitValue());
        String said = String.join("\n", lines);
        assertTrue(said.contains("libcapdist cannot be loaded") && said.contains("CAPDIST_LIBRARY"), said);
        assertFalse(lines.contains("ready"));
    }
}

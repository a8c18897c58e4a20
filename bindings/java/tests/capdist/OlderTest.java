package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The binding with version 1.0 of the library: its structs are shorter, and it lacks functions and options. */
class OlderTest {
    static final class Program {
        public static void main(String[] args) throws Exception {
            int port = Integer.parseInt(args[0]);
            Listener listener = new Listener() {};
            try (Client client = new Client(new Options().port(port).quotaRequests(0).listener(listener))) {
                client.waitReady(Duration.ofSeconds(20));
                System.out.println(client.fetchCapitalDistribution("HK.00700").capitalInBig());
                try {
                    client.fetchCapitalDistribution("HK.99999");
                } catch (RequestException refused) {
                    System.out.println(refused.status() + " " + refused.retry());
                }
                // The vendor's protobuf encodes the same request like this.
                byte[] body = {0x0a, 0x0b, 0x0a, 0x09, 0x08, 0x01, 0x12, 0x05, 0x39, 0x39, 0x39, 0x39, 0x39};
                ProtoReply raw = client.sendProto(3212, body, null).get(20, TimeUnit.SECONDS);
                System.out.println(raw.status() + " " + raw.retry());
                System.out.println(client.connectionInfo().state() + " " + client.quota().limit());
            }
            System.out.println(CapdistLibrary.retry(Status.RELEASED));
            try {
                new Client(new Options().port(port).outageMode(OutageMode.FAIL));
            } catch (CapdistException refused) {
                System.out.println(refused.status());
            }
        }
    }

    /** Reading beyond the struct's end would crash the process. */
    @Test
    void overTheFirstVersion(@TempDir Path folder) throws Exception {
        Path library = folder.resolve("libcapdist.so.1");
        Process compiler = new ProcessBuilder(
                        "cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-Iinclude", "Tests/older/older.c",
                        "-Wl,-soname,libcapdist.so.1", "-o", library.toString())
                .inheritIO()
                .start();
        assertEquals(0, compiler.waitFor());
        try (Simulator gateway = new Simulator("--no-quota")) {
            Map<String, String> older =
                    Map.of("CAPDIST_LIBRARY", library.toString(), "CAPDIST_REAL", System.getenv("CAPDIST_LIBRARY"));
            Process process = ProcessTest.child(older, Program.class.getName(), String.valueOf(gateway.port));
            List<String> lines = ProcessTest.output(process);
            assertEquals(
                    List.of("8.5947938E8", "REFUSED UNKNOWN", "REFUSED UNKNOWN", "READY 0", "UNKNOWN", "UNSUPPORTED"), lines);
            assertEquals(0, process.exitValue());
        }
    }
}

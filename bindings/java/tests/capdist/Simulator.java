package capdist;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Runs an opend-simulator, whose path is in the variable CAPDIST_SIMULATOR, and helps tests that use it. */
public final class Simulator implements AutoCloseable {
    private static final long PATIENCE_MS = 20_000;

    private final Process process;
    public final int port;

    public Simulator(String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(System.getenv("CAPDIST_SIMULATOR"), "--port", "0", "--end-with-input"));
        command.addAll(List.of(options));
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader output = process.inputReader();
        String line = output.readLine();
        if (line == null || !line.startsWith("listening ")) throw new IOException("the simulator does not listen: " + line);
        port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
    }

    /** Kills the simulator, as if it had crashed. */
    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws IOException, InterruptedException {
        process.getOutputStream().close();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new IOException("the simulator does not end with its input");
        }
    }

    /** Options to connect to it, with a quota group of its own, so that tests do not share a quota. */
    public Options options() {
        return new Options().port(port).quotaGroup("test " + System.nanoTime());
    }

    /** A gateway that accepts connections and sends nothing. */
    static ServerSocket silent() throws IOException {
        return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    /** Waits until the condition holds. Returns whether it did in time. */
    public static boolean soon(BooleanSupplier holds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > end) return false;
            Thread.sleep(1);
        }
        return true;
    }

    /** The number of this process's threads in /proc. */
    static int threads() {
        String[] tasks = new java.io.File("/proc/self/task").list();
        return tasks == null ? -1 : tasks.length;
    }

    /** The number of the connections' threads that Java knows. */
    static long attached() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("capdist"))
                .count();
    }
}

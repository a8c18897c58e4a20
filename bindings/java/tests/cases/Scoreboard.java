package cases;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What the players of all variants share. Tests/cases/play.py describes what a player reads and prints. */
final class Scoreboard {
    private int pending;
    private boolean allAsked;

    synchronized void begin() {
        pending++;
    }

    synchronized void end(String line) {
        System.out.println(line.replace("\n", "")); // only between tokens: JSON escapes it in texts
        pending--;
        notifyAll();
    }

    /** Inside a callback: waits until all requests of the case have been made. A new JVM makes them slowly. */
    synchronized void awaitAllAsked() {
        try {
            while (!allAsked) wait();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    synchronized void await() throws InterruptedException {
        allAsked = true;
        notifyAll();
        long end = System.nanoTime() + 20_000_000_000L;
        while (pending > 0) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) return;
            wait(left);
        }
        System.out.println("done");
    }

    /** A way to make requests. */
    interface Variant {
        void open(String group, int port, String[] settings) throws Exception;

        void close(int client);

        void closeInside(int client);

        void ask(int number, int client, String security, long maxAgeMs) throws Exception;
    }

    /** Performs what it reads, until the input ends. */
    static void play(Variant variant, Scoreboard board) throws Exception {
        int asked = 0;
        BufferedReader input = new BufferedReader(
                new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        while ((line = input.readLine()) != null) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "open" -> variant.open(
                        words[1], Integer.parseInt(words[2]), Arrays.copyOfRange(words, 3, words.length));
                case "close" -> variant.close(Integer.parseInt(words[1]));
                case "close-inside" -> variant.closeInside(Integer.parseInt(words[1]));
                case "ask" -> {
                    board.begin();
                    long maxAgeMs = words.length > 3 ? Long.parseLong(words[3]) : 0;
                    variant.ask(asked++, Integer.parseInt(words[1]), words[2], maxAgeMs);
                }
                case "wait" -> board.await();
                default -> throw new IllegalArgumentException(line);
            }
        }
    }
}

package cases;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What the players of all variants share; Tests/cases/play.py tells what a player reads and prints. */
final class Scoreboard {
    private int pending;
    private boolean allAsked;

    synchronized void begin() {
        pending++;
    }

    synchronized void end(String line) {
        System.out.println(line.replace("\n", "")); // JSON's own; in its texts there is none
        pending--;
        notifyAll();
    }

    /** In a callback: until all that belongs to it has been asked. A JVM that has just started asks slowly. */
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

    /** A way to ask. */
    interface Variant {
        void open(String group, int port, String[] settings) throws Exception;

        void close(int client);

        void closeInside(int client);

        void ask(int number, int client, String security) throws Exception;
    }

    /** Does what it reads, to the end of the input. */
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
                    variant.ask(asked++, Integer.parseInt(words[1]), words[2]);
                }
                case "wait" -> board.await();
                default -> throw new IllegalArgumentException(line);
            }
        }
    }
}

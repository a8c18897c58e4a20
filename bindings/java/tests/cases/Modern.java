package cases;

import capdist.CapdistException;
import capdist.CapitalDistribution;
import capdist.Client;
import capdist.Options;
import capdist.Reply;
import capdist.RequestException;
import capdist.RequestOptions;
import capdist.Security;
import capdist.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Plays the named cases with one variant of the modern interface: Modern {blocking|callbacks|futures}. */
final class Modern implements Scoreboard.Variant {
    private final String way;
    private final Scoreboard board;
    private final List<Client> clients = new ArrayList<>();
    private final AtomicInteger closes = new AtomicInteger(-1);

    private Modern(String way, Scoreboard board) {
        this.way = way;
        this.board = board;
    }

    public static void main(String[] args) throws Exception {
        Scoreboard board = new Scoreboard();
        Scoreboard.play(new Modern(args[0], board), board);
    }

    @Override
    public void open(String group, int port, String[] settings) {
        Options options = new Options().port(port).quotaGroup(group);
        for (String setting : settings) {
            String[] pair = setting.split("=");
            int value = Integer.parseInt(pair[1]);
            switch (pair[0]) {
                case "queue_timeout_ms" -> options.queueTimeout(Duration.ofMillis(value));
                case "reply_timeout_ms" -> options.replyTimeout(Duration.ofMillis(value));
                case "quota_requests" -> options.quotaRequests(value);
                default -> throw new IllegalArgumentException(setting);
            }
        }
        clients.add(new Client(options));
    }

    @Override
    public void close(int client) {
        clients.get(client).close();
    }

    @Override
    public void closeInside(int client) {
        closes.set(client);
    }

    @Override
    public void ask(int number, int client, String text, long maxAgeMs) throws InterruptedException {
        Client asked = clients.get(client);
        RequestOptions options = new RequestOptions().maxAge(Duration.ofMillis(maxAgeMs));
        try {
            switch (way) {
                case "blocking" -> board.end(told(number, asked.fetchCapitalDistribution(Security.parse(text), options)));
                case "callbacks" -> asked.getCapitalDistribution(Security.parse(text), options, reply -> {
                    if (closes.compareAndSet(client, -1)) {
                        board.awaitAllAsked();
                        asked.close();
                    }
                    board.end(told(number, reply));
                });
                case "futures" -> asked.getCapitalDistribution(Security.parse(text), options)
                        .whenComplete((figures, failed) -> board.end(
                                failed == null
                                        ? told(number, figures)
                                        : told(number, ((RequestException) failed).reply())));
                default -> throw new IllegalArgumentException(way);
            }
        } catch (RequestException failed) {
            board.end(told(number, failed.reply()));
        } catch (CapdistException refused) {
            board.end("refused\t" + number + "\t" + name(refused.status()));
        }
    }

    private static String name(Status status) {
        return "CAPDIST_" + status;
    }

    private static String told(int number, Reply reply) {
        if (reply.age().isNegative() || !reply.fromCache() && !reply.age().isZero()) throw new IllegalStateException("age");
        return String.join("\t", "answer", "" + number, name(reply.status()), reply.wasSent() ? "1" : "0",
                "" + reply.retryAfter().toMillis(), reply.toJson(), reply.fromCache() ? "1" : "0");
    }

    /** For variants that return figures alone: the line that a reply with them would give. */
    private static String told(int number, CapitalDistribution figures) {
        StringBuilder json = new StringBuilder("{\"retType\":0,\"s2c\":{\"capitalInBig\":" + figures.capitalInBig()
                + ",\"capitalInMid\":" + figures.capitalInMid() + ",\"capitalInSmall\":" + figures.capitalInSmall()
                + ",\"capitalOutBig\":" + figures.capitalOutBig() + ",\"capitalOutMid\":" + figures.capitalOutMid()
                + ",\"capitalOutSmall\":" + figures.capitalOutSmall());
        figures.capitalInSuper().ifPresent(value -> json.append(",\"capitalInSuper\":").append(value));
        figures.capitalOutSuper().ifPresent(value -> json.append(",\"capitalOutSuper\":").append(value));
        figures.updateTimestamp().ifPresent(value -> json.append(",\"updateTimestamp\":").append(value));
        figures.updateTime().ifPresent(value -> json.append(",\"updateTime\":\"").append(value).append('"'));
        return "answer\t" + number + "\tCAPDIST_OK\t1\t0\t" + json + "}}";
    }
}

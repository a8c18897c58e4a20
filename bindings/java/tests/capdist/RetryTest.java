package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Memory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whether to repeat a request, and the texts for securities that people write. */
@Timeout(30)
class RetryTest {
    @Test
    void anErrorTellsWhetherToAskAgain() throws Exception {
        try (Simulator gateway = new Simulator("--no-quota", "--fault", "never@HK.00001");
                Client client = new Client(new Options().port(gateway.port).quotaRequests(0))) {
            RequestException refused =
                    assertThrows(RequestException.class, () -> client.fetchCapitalDistribution("HK.99999"));
            assertEquals(Retry.NEVER, refused.retry());
            assertEquals(Retry.NEVER, refused.reply().retry());
            RequestOptions soon = new RequestOptions().replyTimeout(Duration.ofMillis(50));
            RequestException late =
                    assertThrows(RequestException.class, () -> client.fetchCapitalDistribution(Security.parse("HK.00001"), soon));
            assertEquals(Retry.LATER, late.retry());
            CapdistException wrong =
                    assertThrows(CapdistException.class, () -> client.fetchCapitalDistribution("nonsense"));
            assertEquals(Retry.NEVER, wrong.retry());
        }
    }

    /** The struct of an older library ends before the field. */
    @Test
    void anOlderLibrarysStructIsNotReadBeyondItsEnd() {
        int end = new Abi.Reply().size();
        try (Memory reply = new Memory(end)) {
            reply.clear();
            reply.setInt(end - 16, 1); // where the field would be, with what came after it
            reply.setInt(Abi.Reply.STATUS, Status.REFUSED.number());
            assertEquals(Retry.UNKNOWN, Reply.of(reply).retry());
            reply.setInt(Abi.Reply.PRESENT, Abi.HAS_RETRY);
            assertEquals(Retry.NEVER, Reply.of(reply).retry());
        }
        end = new Abi.ProtoReply().size();
        try (Memory reply = new Memory(end)) {
            reply.clear();
            reply.setInt(end - 8, 1);
            assertEquals(Retry.UNKNOWN, ProtoReply.of(reply).retry());
        }
    }

    @Test
    void securitiesAreReadAsPeopleWriteThem() throws Exception {
        int read = 0;
        for (String line : Files.readAllLines(Path.of("Tests/cases/securities.tsv"))) {
            if (line.isEmpty() || line.startsWith("# ")) continue;
            String[] row = line.split("\t");
            String text = row[0].replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t");
            if (!row[1].equals("-")) {
                assertEquals(row[1], Security.parse(text).toString(), text);
                read++;
                continue;
            }
            CapdistException refused = assertThrows(CapdistException.class, () -> Security.parse(text), text);
            assertEquals(Status.INVALID_ARGUMENT, refused.status());
            String message = refused.getMessage();
            if (row[2].equals("-")) assertFalse(message.contains("meant"), message);
            else assertTrue(message.contains("was " + row[2] + " meant?"), text + ": " + message);
        }
        assertTrue(read > 15);
        assertEquals("#0.", new Security(0, "").toString());
    }
}

package cases;

import com.futu.openapi.FTAPI_Conn;
import com.futu.openapi.FTAPI_Conn_Qot;
import com.futu.openapi.FTSPI_Conn;
import com.futu.openapi.FTSPI_Qot;
import com.futu.openapi.pb.QotCommon;
import com.futu.openapi.pb.QotGetCapitalDistribution;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Plays the named cases with the vendor's classes. The suite runs it for both brands. */
final class FTPlayer implements Scoreboard.Variant {
    private final Scoreboard board;
    private final List<One> clients = new ArrayList<>();

    private FTPlayer(Scoreboard board) {
        this.board = board;
    }

    public static void main(String[] args) throws Exception {
        Scoreboard board = new Scoreboard();
        Scoreboard.play(new FTPlayer(board), board);
    }

    @Override
    public void open(String group, int port, String[] settings) throws InterruptedException {
        clients.add(new One(port));
    }

    @Override
    public void close(int client) {
        clients.get(client).api.close();
    }

    @Override
    public void closeInside(int client) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void ask(int number, int client, String security, long maxAgeMs) {
        clients.get(client).ask(number, security);
    }

    private final class One implements FTSPI_Conn, FTSPI_Qot {
        final FTAPI_Conn_Qot api = new FTAPI_Conn_Qot();
        private final Map<Integer, Integer> numbers = new HashMap<>();
        private boolean isConnected;

        One(int port) throws InterruptedException {
            api.setConnSpi(this);
            api.setQotSpi(this);
            if (!api.initConnect("127.0.0.1", (short) port, false)) throw new IllegalStateException("refused");
            // The request is made when the connection is established, as in the samples.
            synchronized (this) {
                if (!isConnected) wait(10_000);
                if (!isConnected) throw new IllegalStateException("no connection");
            }
        }

        /** The answer may come before its serial number is known. */
        synchronized void ask(int number, String text) {
            QotCommon.QotMarket market = text.startsWith("SZ")
                    ? QotCommon.QotMarket.QotMarket_CNSZ_Security
                    : QotCommon.QotMarket.QotMarket_HK_Security;
            QotCommon.Security security = QotCommon.Security.newBuilder()
                    .setMarket(market.getNumber())
                    .setCode(text.substring(3))
                    .build();
            int serialNo = api.getCapitalDistribution(QotGetCapitalDistribution.Request.newBuilder()
                    .setC2S(QotGetCapitalDistribution.C2S.newBuilder().setSecurity(security))
                    .build());
            if (serialNo == 0) board.end("refused\t" + number + "\t-");
            else numbers.put(serialNo, number);
        }

        @Override
        public synchronized void onInitConnect(FTAPI_Conn client, long errCode, String desc) {
            isConnected = true;
            notifyAll();
        }

        @Override
        public synchronized void onReply_GetCapitalDistribution(
                FTAPI_Conn client, int nSerialNo, QotGetCapitalDistribution.Response rsp) {
            String json;
            try {
                json = JsonFormat.printer().print(rsp);
            } catch (InvalidProtocolBufferException e) {
                json = "{}";
            }
            board.end("answer\t" + numbers.get(nSerialNo) + "\t-\t-\t-\t" + json);
        }
    }
}

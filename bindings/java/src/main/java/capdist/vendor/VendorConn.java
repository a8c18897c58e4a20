package capdist.vendor;

import capdist.CapdistException;
import capdist.Client;
import capdist.Listener;
import capdist.Options;
import capdist.OutageMode;
import capdist.Reply;
import capdist.RequestOptions;
import capdist.Security;
import capdist.Status;
import java.math.BigInteger;
import java.util.function.Consumer;

/** What the vendor's connection classes of both brands are made of; use those. */
public abstract class VendorConn {
    private String clientID;
    private int clientVer = 101;
    private String rsaPrivateKey;
    private boolean reconnects = true;
    private Client client;

    /** For the brands' classes. */
    protected VendorConn() {}

    /** Names the program to the gateway; call it before initConnect. */
    public synchronized void setClientInfo(String clientID, int clientVer) {
        this.clientID = clientID == null || clientID.isEmpty() ? null : clientID;
        this.clientVer = clientVer;
    }

    /** The RSA key as PEM text, for initConnect with encryption; call it before that. */
    public synchronized void setRSAPrivateKey(String key) {
        rsaPrivateKey = key;
    }

    /**
     * Ours: whether a connection that was lost, or could not be made, is made again without being asked, which is so unless it is
     * turned off. Call it before initConnect.
     */
    public synchronized void setAutoReconnect(boolean reconnects) {
        this.reconnects = reconnects;
    }

    /**
     * Starts to connect; onInitConnect tells how it went: success each time, failure once until the next success, for it is tried
     * again meanwhile. One that is open is closed first, so that a program may as well call this itself when the connection is
     * lost.
     *
     * @param port also as a short, whose sign is dropped: {@code (short) 33333}
     * @return false, and nothing comes, for what is refused: a bad address, encryption without a key or with one that can't
     *     be used
     */
    public boolean initConnect(String ip, int port, boolean isEnableEncrypt) {
        close();
        Client replaced; // by two threads at once
        synchronized (this) {
            if (isEnableEncrypt && (rsaPrivateKey == null || rsaPrivateKey.isEmpty())) return false;
            Options options = new Options()
                    .host(ip == null ? "" : ip)
                    .port(port < 0 && port >= Short.MIN_VALUE ? port & 0xffff : port)
                    .clientId(clientID)
                    .clientVersion(clientVer)
                    .reconnect(reconnects)
                    .outageMode(OutageMode.FAIL)
                    .listener(new Told());
            if (isEnableEncrypt) options.rsaPrivateKey(rsaPrivateKey);
            try {
                Client made = new Client(options);
                replaced = client;
                client = made;
            } catch (CapdistException refused) {
                return false;
            }
        }
        if (replaced != null) replaced.close();
        return true;
    }

    /**
     * Closes the connection. What is in flight is answered with retType -200 before this returns; in a callback, after that
     * callback.
     */
    public void close() {
        Client closing;
        synchronized (this) {
            closing = client;
            client = null;
        }
        if (closing != null) closing.close();
    }

    /**
     * The gateway's number for this connection; 0 before the first handshake. It has 64 bits without sign, more than a long
     * can show: {@code longValue()} is what messages take.
     */
    public BigInteger getConnectID() {
        Client current = current();
        try {
            return current == null ? BigInteger.ZERO : current.connectionInfo().connId();
        } catch (CapdistException closed) {
            return BigInteger.ZERO;
        }
    }

    /** Tells the registered SPI. */
    protected abstract void toldInitConnect(long errCode, String desc);

    /** Tells the registered SPI that the connection was lost. */
    protected abstract void toldDisconnect(long errCode);

    /** Asks for a capital distribution; 0 if it was refused, as while the gateway cannot be reached, and then {@code callback} is not called. */
    protected final int ask(int market, String code, int securityFirm, Consumer<Reply> callback) {
        Client current = current();
        if (current == null) return 0;
        RequestOptions options = securityFirm == 0 ? null : new RequestOptions().securityFirm(securityFirm);
        try {
            return (int) current.getCapitalDistribution(new Security(market, code), options, callback);
        } catch (CapdistException refused) {
            return 0;
        }
    }

    /** The vendor's retType for a request that the gateway did not answer. */
    protected static int retTypeOf(Status status) {
        return switch (status) {
            case QUEUE_TIMEOUT, REPLY_TIMEOUT, CONNECT_TIMEOUT -> -100;
            case DISCONNECTED, CONNECT_FAILED, CONNECT_REFUSED, NOT_CONNECTED, RELEASED -> -200;
            case MALFORMED_REPLY -> -500;
            default -> -400;
        };
    }

    private synchronized Client current() {
        return client;
    }

    /** All on the connection's thread. */
    private final class Told implements Listener {
        private boolean isDownTold;

        @Override
        public void onInitConnect(Client client, long errCode, String desc) {
            isDownTold = errCode != 0;
            toldInitConnect(errCode, desc);
        }

        @Override
        public void onAttemptFailed(Client client, long errCode, String desc) {
            if (isDownTold) return;
            isDownTold = true;
            toldInitConnect(errCode, desc);
        }

        @Override
        public void onDisconnect(Client client, long errCode, String desc) {
            isDownTold = true;
            toldDisconnect(errCode);
        }
    }
}

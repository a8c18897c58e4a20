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

/** The base of both brands' connection classes. Use those. */
public abstract class VendorConn {
    private String clientID;
    private int clientVer = 101;
    private String rsaPrivateKey;
    private boolean reconnects = true;
    private Client client;

    /** Called by the subclasses of the brands. */
    protected VendorConn() {}

    /** Sets the application's name and version, which are shown to the gateway. Call it before initConnect. */
    public synchronized void setClientInfo(String clientID, int clientVer) {
        this.clientID = clientID == null || clientID.isEmpty() ? null : clientID;
        this.clientVer = clientVer;
    }

    /** Sets the RSA key as PEM text, for initConnect with encryption. Call it before initConnect. */
    public synchronized void setRSAPrivateKey(String key) {
        rsaPrivateKey = key;
    }

    /**
     * Not in the vendor's SDK: whether the library tries again by itself after a failed attempt or a lost connection; default
     * true. Call it before initConnect.
     */
    public synchronized void setAutoReconnect(boolean reconnects) {
        this.reconnects = reconnects;
    }

    /**
     * Starts to connect; onInitConnect tells the result. It is called for each success. While the library tries again by itself,
     * it is called for one failure only until the next success. A connection that is open is closed first, so an application may
     * also call this when the connection was lost.
     *
     * @param port also as a short whose sign bit is part of the number: {@code (short) 33333}
     * @return false if refused, and no callback follows: the address is not valid, or encryption was requested without a usable
     *     key
     */
    public boolean initConnect(String ip, int port, boolean isEnableEncrypt) {
        close();
        Client replaced; // not null if two threads connect at the same time
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
     * Closes the connection. Requests in flight are answered with retType -200 before this returns. Inside a callback it returns
     * at once, and they are answered after that callback.
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
     * The gateway's number for this connection; 0 before the first handshake. It has 64 bits without a sign, more than a long has.
     * Use {@code longValue()} for messages.
     */
    public BigInteger getConnectID() {
        Client current = current();
        try {
            return current == null ? BigInteger.ZERO : current.connectionInfo().connId();
        } catch (CapdistException closed) {
            return BigInteger.ZERO;
        }
    }

    /** Calls the registered SPI. */
    protected abstract void toldInitConnect(long errCode, String desc);

    /** Calls the registered SPI: the connection was lost. */
    protected abstract void toldDisconnect(long errCode);

    /**
     * Requests a capital distribution. Returns 0 if the request was refused, also during an outage; then {@code callback} is not
     * called.
     */
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

    /** Passes events to the SPI. Called on the connection's thread. */
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

package capdist;

import java.math.BigInteger;

/**
 * What is known of a connection; the numbers are 0 before the first handshake.
 *
 * @param connId the gateway's number for this connection, of 64 bits without sign
 * @param loginUserId the user the gateway is logged in as, of 64 bits without sign
 * @param serverVersion the gateway's version
 * @param state its state
 */
public record ConnectionInfo(BigInteger connId, BigInteger loginUserId, int serverVersion, State state) {
    /** State of a connection. */
    public enum State {
        /** Connecting, or pausing before the next attempt. */
        CONNECTING,
        /** The connection is established. */
        READY,
        /** Failed permanently. */
        NOT_CONNECTED;

        static State of(int number) {
            return switch (number) {
                case Abi.STATE_CONNECTING -> CONNECTING;
                case Abi.STATE_READY -> READY;
                default -> NOT_CONNECTED;
            };
        }
    }
}

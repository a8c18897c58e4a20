package capdist;

import java.math.BigInteger;

/**
 * What is known of a connection. The numbers are 0 before the first handshake.
 *
 * @param connId the gateway's number for this connection, 64 bits unsigned
 * @param loginUserId the user that the gateway is logged in as, 64 bits unsigned; 0 over WebSocket
 * @param serverVersion the gateway's version, major * 100 + minor; 0 over WebSocket
 * @param state its state
 */
public record ConnectionInfo(BigInteger connId, BigInteger loginUserId, int serverVersion, State state) {
    /** State of a connection. */
    public enum State {
        /** Connecting, or in the pause before the next attempt. */
        CONNECTING,
        /** Established. */
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

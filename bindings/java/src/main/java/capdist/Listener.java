package capdist;

/**
 * Events of a connection. The methods are called on the connection's thread, one at a time. They may call everything but what
 * waits, {@link Client#close()} included. Keep them short: one that does not return delays its connection. What one throws goes
 * to the thread's uncaught exception handler and harms nothing.
 */
public interface Listener {
    /**
     * The connection is established (also after each reconnect, and before any answer that comes over it), or it has failed
     * permanently.
     *
     * @param errCode 0, or what {@link ErrCode} takes apart
     * @param desc what happened and what to do; "" on success
     */
    default void onInitConnect(Client client, long errCode, String desc) {}

    /** The connection was lost; not called because of {@link Client#close()}. What was in flight ends after this. */
    default void onDisconnect(Client client, long errCode, String desc) {}

    /** An attempt to connect failed, and another one follows. Arguments as for {@link #onInitConnect}. */
    default void onAttemptFailed(Client client, long errCode, String desc) {}

    /** The gateway pushed a message ({@link Options#recvNotify}); {@code body} is its protobuf, and yours. */
    default void onPush(Client client, int protoId, byte[] body) {}

    /** A message for the application's log. It holds no key and no body. */
    default void onLog(Client client, LogLevel level, String message) {}

    /** The very last of the connection's callbacks, after every answer's. */
    default void onClosed(Client client) {}

    /** Levels of {@link #onLog}. */
    enum LogLevel {
        /** Failed permanently: somebody must act. */
        ERROR,
        /** Went wrong, and the library handles it; and, at most once a minute, how many requests failed. */
        WARNING,
        /** Connecting, connected. */
        INFO,
        /** Each request that failed, and answers that no request waits for. */
        DEBUG;

        static LogLevel of(int number) {
            return switch (number) {
                case Abi.LOG_ERROR -> ERROR;
                case Abi.LOG_WARNING -> WARNING;
                case Abi.LOG_INFO -> INFO;
                default -> DEBUG;
            };
        }
    }
}

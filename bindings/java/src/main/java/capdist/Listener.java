package capdist;

/**
 * Events of a connection. The methods are called on the connection's thread, one at a time. They may call everything except
 * what waits, also {@link Client#close()}. Keep them short: a slow method delays everything that its connection does. What a
 * method throws goes to the thread's uncaught exception handler, and changes nothing else.
 */
public interface Listener {
    /**
     * The connection is established, or it has failed permanently. Called again after each reconnect, and before any reply that
     * comes over the new connection. A failed attempt that will be repeated goes to {@link #onAttemptFailed} instead.
     *
     * @param errCode 0, or the error: see {@link ErrCode}
     * @param desc what happened and what to do, in English; "" on success
     */
    default void onInitConnect(Client client, long errCode, String desc) {}

    /**
     * The connection was lost. After this call the requests that were in flight complete as {@link Status#DISCONNECTED}.
     * {@link Client#close()} does not cause this call.
     */
    default void onDisconnect(Client client, long errCode, String desc) {}

    /** An attempt to connect failed, and the library will try again. Arguments as for {@link #onInitConnect}. */
    default void onAttemptFailed(Client client, long errCode, String desc) {}

    /** The gateway pushed a message ({@link Options#recvNotify}). {@code body} is its protobuf. The array is yours. */
    default void onPush(Client client, int protoId, byte[] body) {}

    /** A message for the application's log: one line of English, without a key or a body. */
    default void onLog(Client client, LogLevel level, String message) {}

    /** The connection has ended. This is the last callback, after every completion. */
    default void onClosed(Client client) {}

    /** Levels of {@link #onLog}. */
    enum LogLevel {
        /** The connection failed permanently: somebody must act. */
        ERROR,
        /**
         * An attempt failed, a connection was lost, a gateway is silent, a refusal paused the quota group, or requests failed (one
         * message a minute at most, with their number).
         */
        WARNING,
        /** Connecting, connected. */
        INFO,
        /** Each failed request, and answers that no request waits for. */
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

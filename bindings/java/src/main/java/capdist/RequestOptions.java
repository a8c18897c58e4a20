package capdist;

import java.time.Duration;
import java.util.Objects;

/** What one request may set for itself; what is left alone is as the connection's {@link Options}. Times as there. */
public final class RequestOptions {
    private int queueTimeoutMs;
    private int replyTimeoutMs;
    private QuotaMode quotaMode = QuotaMode.DEFAULT;
    private int securityFirm;
    private OutageMode outageMode = OutageMode.DEFAULT;

    /** From accepted to sent. */
    public RequestOptions queueTimeout(Duration timeout) {
        queueTimeoutMs = Options.milliseconds(timeout);
        return this;
    }

    /** From sent to answered. */
    public RequestOptions replyTimeout(Duration timeout) {
        replyTimeoutMs = Options.milliseconds(timeout);
        return this;
    }

    /** When no slot of the quota is free. */
    public RequestOptions quotaMode(QuotaMode mode) {
        quotaMode = Objects.requireNonNull(mode);
        return this;
    }

    /** QotHeader.securityFirm, sent only if not 0 (gateways since 10.11); not negative. */
    public RequestOptions securityFirm(int firm) {
        securityFirm = firm;
        return this;
    }

    /** While the gateway cannot be reached. */
    public RequestOptions outageMode(OutageMode mode) {
        outageMode = Objects.requireNonNull(mode);
        return this;
    }

    Abi.RequestOptions raw() {
        Abi.RequestOptions raw = new Abi.RequestOptions();
        raw.queue_timeout_ms = queueTimeoutMs;
        raw.reply_timeout_ms = replyTimeoutMs;
        raw.quota_mode = quotaMode.number();
        raw.security_firm = securityFirm;
        raw.outage_mode = outageMode.number();
        return raw;
    }
}

package capdist;

import java.time.Duration;
import java.util.Objects;

/** Options of one request. An option that is not set is the connection's. Times as in {@link Options}. */
public final class RequestOptions {
    private int queueTimeoutMs;
    private int replyTimeoutMs;
    private QuotaMode quotaMode = QuotaMode.DEFAULT;
    private int securityFirm;
    private OutageMode outageMode = OutageMode.DEFAULT;
    private int maxAgeMs;

    /** Time from accepted to sent. */
    public RequestOptions queueTimeout(Duration timeout) {
        queueTimeoutMs = Options.milliseconds(timeout);
        return this;
    }

    /** Time from sent to answered. */
    public RequestOptions replyTimeout(Duration timeout) {
        replyTimeoutMs = Options.milliseconds(timeout);
        return this;
    }

    /** What the request does when no slot of the quota is free. */
    public RequestOptions quotaMode(QuotaMode mode) {
        quotaMode = Objects.requireNonNull(mode);
        return this;
    }

    /** QotHeader.securityFirm, not negative; 0: not sent. Gateways read it since 10.11. */
    public RequestOptions securityFirm(int firm) {
        securityFirm = firm;
        return this;
    }

    /** What the request does during an outage. */
    public RequestOptions outageMode(OutageMode mode) {
        outageMode = Objects.requireNonNull(mode);
        return this;
    }

    /**
     * Takes another request's answer if it is at most this old, and waits for it if one is in flight (docs/quota.md, Shared
     * answers). Zero: the request is always sent. Not for raw requests.
     */
    public RequestOptions maxAge(Duration age) {
        maxAgeMs = Options.milliseconds(age);
        return this;
    }

    Abi.RequestOptions raw() {
        Abi.RequestOptions raw = new Abi.RequestOptions();
        raw.queue_timeout_ms = queueTimeoutMs;
        raw.reply_timeout_ms = replyTimeoutMs;
        raw.quota_mode = quotaMode.number();
        raw.security_firm = securityFirm;
        raw.outage_mode = outageMode.number();
        raw.max_age_ms = maxAgeMs;
        return raw;
    }
}

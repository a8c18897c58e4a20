package capdist;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a request for a capital distribution completed.
 *
 * @param status {@link Status#OK}, or why there is no {@code distribution}
 * @param serialNo the request's serial number
 * @param security the requested security
 * @param wasSent true: sent, and its quota slot is used; false: never sent, safe to repeat
 * @param retryAfter {@link Status#RATE_LIMITED}: the time until the quota group sends again; else zero
 * @param retType the gateway's result, if it sent one
 * @param retMsg the gateway's message, often Chinese, if it sent one
 * @param errCode the gateway's error code, if it sent one
 * @param desc what happened, in English; "" if the status is OK
 * @param distribution the figures, if the status is OK
 * @param body the answer's protobuf as it came, decrypted; empty if none came. The array is yours.
 * @param retry whether to repeat the request
 * @param fromCache whether the answer is another request's ({@link RequestOptions#maxAge}); then this one was not sent
 * @param age if from the cache: from the arrival of the answer to the completion of this request; else zero
 */
public record Reply(
        Status status,
        long serialNo,
        Security security,
        boolean wasSent,
        Duration retryAfter,
        OptionalInt retType,
        Optional<String> retMsg,
        OptionalInt errCode,
        String desc,
        Optional<CapitalDistribution> distribution,
        byte[] body,
        Retry retry,
        boolean fromCache,
        Duration age) {

    static Reply of(Pointer raw) {
        int present = raw.getInt(Abi.Reply.PRESENT);
        Pointer figures = raw.getPointer(Abi.Reply.DISTRIBUTION);
        return new Reply(
                Status.of(raw.getInt(Abi.Reply.STATUS)),
                Integer.toUnsignedLong(raw.getInt(Abi.Reply.SERIAL_NO)),
                Security.of(raw.getByteArray(Abi.Reply.SECURITY, Abi.Security.SIZE)),
                raw.getInt(Abi.Reply.WAS_SENT) != 0,
                Duration.ofMillis(raw.getInt(Abi.Reply.RETRY_AFTER_MS)),
                given(present, Abi.HAS_RET_TYPE, raw.getInt(Abi.Reply.RET_TYPE)),
                (present & Abi.HAS_RET_MSG) != 0
                        ? Optional.of(CapdistLibrary.text(raw.getPointer(Abi.Reply.RET_MSG)))
                        : Optional.empty(),
                given(present, Abi.HAS_ERR_CODE, raw.getInt(Abi.Reply.ERR_CODE)),
                CapdistLibrary.text(raw.getPointer(Abi.Reply.DESC)),
                figures != null ? Optional.of(CapitalDistribution.of(figures)) : Optional.empty(),
                CapdistLibrary.bytes(
                        raw.getPointer(Abi.Reply.BODY), raw.getLong(Abi.Reply.BODY_LENGTH)),
                Retry.of(Abi.Reply.retry(raw).orElse(Retry.UNKNOWN.number())),
                Abi.Reply.fromCache(raw).orElse(0) != 0,
                Duration.ofMillis(Abi.Reply.ageMs(raw).orElse(0)));
    }

    private static OptionalInt given(int present, int bit, int value) {
        return (present & bit) != 0 ? OptionalInt.of(value) : OptionalInt.empty();
    }

    /** The gateway's answer as JSON: the field names of the .proto files; fields that it did not send are left out. */
    public String toJson() {
        Abi.Reply raw = new Abi.Reply();
        raw.status = status.number();
        retType.ifPresent(value -> {
            raw.present |= Abi.HAS_RET_TYPE;
            raw.ret_type = value;
        });
        Memory text = CapdistLibrary.utf8(retMsg.orElse(""), "retMsg");
        if (retMsg.isPresent()) raw.present |= Abi.HAS_RET_MSG;
        raw.ret_msg = text;
        errCode.ifPresent(value -> {
            raw.present |= Abi.HAS_ERR_CODE;
            raw.err_code = value;
        });
        Abi.CapitalDistribution figures = distribution.map(CapitalDistribution::raw).orElse(null);
        if (figures != null) {
            figures.write();
            raw.distribution = figures.getPointer();
        }
        long length = Abi.capdist_reply_to_json(raw, null, 0);
        byte[] json = new byte[Math.toIntExact(length + 1)];
        Abi.capdist_reply_to_json(raw, json, json.length);
        Reference.reachabilityFence(figures);
        return new String(json, 0, json.length - 1, StandardCharsets.UTF_8);
    }
}

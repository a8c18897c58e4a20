package capdist;

import com.sun.jna.Pointer;
import java.time.Duration;
import java.util.OptionalInt;

/**
 * How a request of {@link Client#sendProto} completed.
 *
 * @param status {@link Status#OK} also for a body without retType
 * @param serialNo the request's serial number
 * @param protoId the request's protocol number
 * @param wasSent true: sent; false: never sent, safe to repeat
 * @param retryAfter {@link Status#RATE_LIMITED}: the time until the quota group sends again; else zero
 * @param retType the body's retType, if it has one
 * @param desc what happened, in English; "" if the status is OK
 * @param body the answer's protobuf as it came, decrypted; empty if none came. The array is yours.
 * @param retry whether to repeat the request
 */
public record ProtoReply(
        Status status,
        long serialNo,
        int protoId,
        boolean wasSent,
        Duration retryAfter,
        OptionalInt retType,
        String desc,
        byte[] body,
        Retry retry) {

    static ProtoReply of(Pointer raw) {
        int present = raw.getInt(Abi.ProtoReply.PRESENT);
        return new ProtoReply(
                Status.of(raw.getInt(Abi.ProtoReply.STATUS)),
                Integer.toUnsignedLong(raw.getInt(Abi.ProtoReply.SERIAL_NO)),
                raw.getInt(Abi.ProtoReply.PROTO_ID),
                raw.getInt(Abi.ProtoReply.WAS_SENT) != 0,
                Duration.ofMillis(raw.getInt(Abi.ProtoReply.RETRY_AFTER_MS)),
                (present & Abi.HAS_RET_TYPE) != 0
                        ? OptionalInt.of(raw.getInt(Abi.ProtoReply.RET_TYPE))
                        : OptionalInt.empty(),
                CapdistLibrary.text(raw.getPointer(Abi.ProtoReply.DESC)),
                CapdistLibrary.bytes(
                        raw.getPointer(Abi.ProtoReply.BODY),
                        raw.getLong(Abi.ProtoReply.BODY_LENGTH)),
                Retry.of(Abi.ProtoReply.retry(raw).orElse(Retry.UNKNOWN.number())));
    }
}

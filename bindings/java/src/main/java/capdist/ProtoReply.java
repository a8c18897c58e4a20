package capdist;

import com.sun.jna.Pointer;
import java.time.Duration;
import java.util.OptionalInt;

/**
 * How a request of {@link Client#sendProto} ended.
 *
 * @param status {@link Status#OK} also for a body without retType
 * @param serialNo the request's number
 * @param protoId the protocol that was asked
 * @param wasSent false: it never left, and is safe to repeat
 * @param retryAfter {@link Status#RATE_LIMITED}: until the quota group sends again; else zero
 * @param retType the body's retType, if it has one
 * @param desc what happened, in English; "" when all is well
 * @param body the answer's protobuf as it came; empty if none came. The array is yours.
 * @param retry whether it is of use to ask again
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
        int present = raw.getInt(CapdistLibrary.ProtoReply.PRESENT);
        return new ProtoReply(
                Status.of(raw.getInt(CapdistLibrary.ProtoReply.STATUS)),
                Integer.toUnsignedLong(raw.getInt(CapdistLibrary.ProtoReply.SERIAL_NO)),
                raw.getInt(CapdistLibrary.ProtoReply.PROTO_ID),
                raw.getInt(CapdistLibrary.ProtoReply.WAS_SENT) != 0,
                Duration.ofMillis(raw.getInt(CapdistLibrary.ProtoReply.RETRY_AFTER_MS)),
                (present & CapdistLibrary.HAS_RET_TYPE) != 0
                        ? OptionalInt.of(raw.getInt(CapdistLibrary.ProtoReply.RET_TYPE))
                        : OptionalInt.empty(),
                CapdistLibrary.text(raw.getPointer(CapdistLibrary.ProtoReply.DESC)),
                CapdistLibrary.bytes(
                        raw.getPointer(CapdistLibrary.ProtoReply.BODY),
                        raw.getLong(CapdistLibrary.ProtoReply.BODY_LENGTH)),
                CapdistLibrary.retry(raw, present, CapdistLibrary.ProtoReply.RETRY));
    }
}

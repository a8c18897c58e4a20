using System;

namespace Capdist
{
    /// <summary>What became of a request, a connection or a call, with the numbers of capdist.h.</summary>
    public enum Status
    {
        /// <summary>Done.</summary>
        Ok = 0,
        /// <summary>The gateway answered with a retType other than 0.</summary>
        Refused = 1,
        /// <summary>The gateway refused for frequency.</summary>
        RateLimited = 2,
        /// <summary>Timed out before it was sent: safe to repeat.</summary>
        QueueTimeout = 3,
        /// <summary>Sent, and no answer came in time.</summary>
        ReplyTimeout = 4,
        /// <summary>The connection was lost.</summary>
        Disconnected = 5,
        /// <summary>The answer is damaged.</summary>
        MalformedReply = 6,
        /// <summary>Cancelled.</summary>
        Cancelled = 7,
        /// <summary>The connection was closed.</summary>
        Released = 8,
        /// <summary>The gateway could not be reached.</summary>
        ConnectFailed = 16,
        /// <summary>No connection in time.</summary>
        ConnectTimeout = 17,
        /// <summary>The gateway refused InitConnect, as OpenD does while it waits for a code: tried again.</summary>
        ConnectRefused = 18,
        /// <summary>The peer broke the protocol: is that port OpenD's?</summary>
        ProtocolError = 19,
        /// <summary>Encryption was asked for and is not happening.</summary>
        EncryptionFailed = 20,
        /// <summary>TLS could not be set up, or the certificate was not accepted.</summary>
        TlsFailed = 21,
        /// <summary>An argument is not valid.</summary>
        InvalidArgument = 32,
        /// <summary>Too many requests are under way.</summary>
        QueueFull = 33,
        /// <summary>Fail mode, and no slot of the quota is free.</summary>
        QuotaExhausted = 34,
        /// <summary>The connection has failed for good.</summary>
        NotConnected = 35,
        /// <summary>The call would wait for the thread it is on.</summary>
        WouldDeadlock = 36,
        /// <summary>Another thread is in a call that only one may be in.</summary>
        Busy = 37,
        /// <summary>The connection comes from before a fork.</summary>
        Forked = 38,
        /// <summary>Not built into this library.</summary>
        Unsupported = 39,
        /// <summary>Only a numeric address will do.</summary>
        NeedsAddress = 40,
        /// <summary>An open connection of the same quota group was given other figures.</summary>
        QuotaConflict = 41,
        /// <summary>No request with that serial number is under way.</summary>
        NotFound = 42,
        /// <summary>The operating system refused.</summary>
        SystemError = 43
    }

    /// <summary>Whether it is of use to ask again, with the numbers of capdist.h.</summary>
    public enum Retry
    {
        /// <summary>Not known: the gateway's words tell nothing, the answer was damaged, or the library is an older one.</summary>
        Unknown = 0,
        /// <summary>The same request can not succeed.</summary>
        Never = 1,
        /// <summary>It may succeed later.</summary>
        Later = 2,
        /// <summary>It may succeed after the reply's RetryAfter.</summary>
        After = 3
    }

    /// <summary>A call was refused (then nothing was changed), or there is no connection. The message says why, and what to
    /// do next where that is known. What .NET has an exception of its own for is thrown as that: ArgumentException,
    /// NotSupportedException (not in this version of the library), ObjectDisposedException.</summary>
    public class CapdistException : Exception
    {
        /// <summary>Why.</summary>
        public Status Status { get; }

        /// <summary>Whether it is of use to ask again.</summary>
        public Retry Retry { get; }

        internal CapdistException(Status status, string message) : this(status, message, Native.RetryOf(status))
        {
        }

        internal CapdistException(Status status, string message, Retry retry) : base(message)
        {
            Status = status;
            Retry = retry;
        }

        /// <summary>Throws for a call that was refused.</summary>
        internal static void Check(int result)
        {
            if (result != 0) throw Of(result);
        }

        /// <summary>For what the last call on this thread, which was refused, returned.</summary>
        internal static unsafe Exception Of(int result)
        {
            string words = Native.Text(Native.capdist_last_error());
            if (result == (int)Status.Released) Exit.Vanish();
            switch ((Status)result)
            {
                case Status.InvalidArgument:
                case Status.NeedsAddress:
                case Status.QuotaConflict: return new ArgumentException(words);
                case Status.Unsupported: return new NotSupportedException(words);
                case Status.Released:
                case Status.Forked: return new ObjectDisposedException("Capdist.Client", words);
                default: return new CapdistException((Status)result, words);
            }
        }
    }

    /// <summary>A request that was accepted ended without figures.</summary>
    public sealed class RequestException : CapdistException
    {
        /// <summary>All that is known: whether it was sent, what the gateway said.</summary>
        public Reply Reply { get; }

        internal RequestException(Reply reply) : base(reply.Status, reply.Security + ": " + reply.Desc, reply.Retry)
        {
            Reply = reply;
        }
    }

    /// <summary>A raw request that was accepted ended without an answer that says success.</summary>
    public sealed class ProtoRequestException : CapdistException
    {
        /// <summary>All that is known.</summary>
        public ProtoReply Reply { get; }

        internal ProtoRequestException(ProtoReply reply) : base(reply.Status, "protocol " + reply.ProtoId + ": " + reply.Desc, reply.Retry)
        {
            Reply = reply;
        }
    }
}

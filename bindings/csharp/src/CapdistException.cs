using System;

namespace Capdist
{
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

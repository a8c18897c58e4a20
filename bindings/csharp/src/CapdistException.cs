using System;

namespace Capdist
{
    /// <summary>A call was refused: it changed nothing, and no answer follows. Or there is no connection. The message says why,
    /// and what to do next where that is known. Some refusals are exceptions of .NET instead: ArgumentException,
    /// NotSupportedException (this version of the library does not have the feature), ObjectDisposedException.</summary>
    public class CapdistException : Exception
    {
        /// <summary>Why the call was refused, or how the request completed.</summary>
        public Status Status { get; }

        /// <summary>Whether the call or request may succeed if it is repeated.</summary>
        public Retry Retry { get; }

        internal CapdistException(Status status, string message) : this(status, message, Native.RetryOf(status))
        {
        }

        internal CapdistException(Status status, string message, Retry retry) : base(message)
        {
            Status = status;
            Retry = retry;
        }

        /// <summary>Throws if the status is not success.</summary>
        internal static void Check(int result)
        {
            if (result != 0) throw Of(result);
        }

        /// <summary>The exception for the last call on this thread, which was refused with this status.</summary>
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

    /// <summary>An accepted request completed without figures.</summary>
    public sealed class RequestException : CapdistException
    {
        /// <summary>How the request completed.</summary>
        public Reply Reply { get; }

        internal RequestException(Reply reply) : base(reply.Status, reply.Security + ": " + reply.Desc, reply.Retry)
        {
            Reply = reply;
        }
    }

    /// <summary>An accepted raw request completed with a status other than Ok.</summary>
    public sealed class ProtoRequestException : CapdistException
    {
        /// <summary>How the request completed.</summary>
        public ProtoReply Reply { get; }

        internal ProtoRequestException(ProtoReply reply) : base(reply.Status, "protocol " + reply.ProtoId + ": " + reply.Desc, reply.Retry)
        {
            Reply = reply;
        }
    }
}

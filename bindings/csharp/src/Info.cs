using System;

namespace Capdist
{
    /// <summary>What is known of a connection; the numbers are 0 before the first handshake.</summary>
    public sealed class ConnectionInfo
    {
        /// <summary>The gateway's number for it.</summary>
        public ulong ConnId { get; }
        /// <summary>The user the gateway is logged in as.</summary>
        public ulong LoginUserId { get; }
        /// <summary>The gateway's version.</summary>
        public int ServerVersion { get; }
        /// <summary>Its state.</summary>
        public ConnectionState State { get; }

        internal unsafe ConnectionInfo(Native.capdist_connection_info* raw)
        {
            ConnId = raw->conn_id;
            LoginUserId = raw->login_user_id;
            ServerVersion = raw->server_version;
            State = (ConnectionState)raw->state;
        }
    }

    /// <summary>The quota of a connection's group.</summary>
    public sealed class Quota
    {
        /// <summary>Requests in a window; 0: no quota is kept.</summary>
        public int Limit { get; }
        /// <summary>The window.</summary>
        public TimeSpan Window { get; }
        /// <summary>Slots in use: requests in flight, and those of the last window.</summary>
        public int Used { get; }
        /// <summary>Requests of the whole group that wait for a slot.</summary>
        public int Waiting { get; }
        /// <summary>Until the next slot is free; zero: one is; null: every slot is held by a request in flight.</summary>
        public TimeSpan? NextSlot { get; }

        internal unsafe Quota(Native.capdist_quota* raw)
        {
            Limit = raw->limit;
            Window = TimeSpan.FromMilliseconds(raw->window_ms);
            Used = raw->used;
            Waiting = raw->waiting;
            NextSlot = raw->next_slot_ms < 0 ? (TimeSpan?)null : TimeSpan.FromMilliseconds(raw->next_slot_ms);
        }
    }
}

using System;

namespace Capdist
{
    /// <summary>What is known of a connection. The numbers are 0 before the first handshake.</summary>
    public sealed class ConnectionInfo
    {
        /// <summary>The gateway's number for this connection.</summary>
        public ulong ConnId { get; }
        /// <summary>The user that the gateway is logged in as; 0 over WebSocket.</summary>
        public ulong LoginUserId { get; }
        /// <summary>The gateway's version, major * 100 + minor; 0 over WebSocket.</summary>
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

    /// <summary>The state of a quota group.</summary>
    public sealed class Quota
    {
        /// <summary>Requests in a window; 0: no quota is kept.</summary>
        public int Limit { get; }
        /// <summary>The window's length.</summary>
        public TimeSpan Window { get; }
        /// <summary>Slots in use: by requests in flight, and by those answered within the last window.</summary>
        public int Used { get; }
        /// <summary>Requests of the whole group that wait for a slot.</summary>
        public int Waiting { get; }
        /// <summary>The time until a slot is free; zero: one is free now; null: not known, because requests in flight use every
        /// slot.</summary>
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

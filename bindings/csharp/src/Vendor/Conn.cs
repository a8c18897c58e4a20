using System;
using Capdist.Messages;
using Futu.OpenApi.Pb;

namespace Capdist.Vendor
{
    /// <summary>Start and end of a program that was written for the vendor's SDK. Both methods do nothing.</summary>
    public abstract class Api
    {
        internal Api()
        {
        }

        /// <summary>Does nothing.</summary>
        public static void Init()
        {
        }

        /// <summary>Does nothing: each connection is closed by itself.</summary>
        public static void UnInit()
        {
        }
    }

    /// <summary>Events of a connection. Called on the connection's thread. What a method throws goes to
    /// <see cref="Client.CallbackException"/>.</summary>
    public interface IConnCallback<TConn>
    {
        /// <summary>The connection is established (errCode 0), or could not be: see <see cref="Conn.InitFail"/>. While the
        /// library tries again, only the first failure is reported.</summary>
        void OnInitConnect(TConn client, long errCode, string desc);

        /// <summary>The connection was lost. The library reconnects by itself, and then calls OnInitConnect, unless
        /// SetAutoReconnect(false) was called.</summary>
        void OnDisconnect(TConn client, long errCode);
    }

    /// <summary>Answers. Called on the connection's thread.</summary>
    public interface IQotCallback<TConn>
    {
        /// <summary>The answer to a request, called exactly once. If no answer came, retType tells why (-100 timeout, -200
        /// disconnected, -500 damaged, -400 other causes), and retMsg says it in words.</summary>
        void OnReply_GetCapitalDistribution(TConn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp);
    }

    /// <summary>A connection of a brand's classes.</summary>
    public abstract class Conn<TConn, TCallback> : Conn
        where TConn : Conn<TConn, TCallback>
        where TCallback : class, IConnCallback<TConn>
    {
        private volatile TCallback connCallback;
        internal volatile IQotCallback<TConn> QotCallback;

        internal Conn()
        {
        }

        /// <summary>Sets who receives the connection's events; null: nobody.</summary>
        public void SetConnCallback(TCallback callback)
        {
            connCallback = callback;
        }

        internal override void TellInitConnect(long errCode, string desc)
        {
            connCallback?.OnInitConnect((TConn)this, errCode, desc);
        }

        internal override void TellDisconnect(long errCode)
        {
            connCallback?.OnDisconnect((TConn)this, errCode);
        }

        internal override void TellReply(uint serialNo, QotGetCapitalDistribution.Response response)
        {
            QotCallback?.OnReply_GetCapitalDistribution((TConn)this, serialNo, response);
        }
    }

    /// <summary>The base of both brands' connection classes. Every member may be called from any thread and from inside
    /// callbacks. An open connection stays open until <see cref="Close"/>, even without references.</summary>
    public abstract class Conn : IDisposable
    {
        /// <summary>The kind of an errCode (its high 32 bits) if InitConnect failed. The code (its low 32 bits) is then 0
        /// unknown, 1 timeout, 3 disconnected, 4 not sent, 5 refused by OpenD. Other kinds have errno as code: 1 create, 4 name
        /// not found, 6 connect, 9 select, 10 send, 11 receive.</summary>
        public const int InitFail = 100;

        private readonly object mutex = new object();
        private Client client;
        private string clientId;
        private int clientVer = 101;
        private string rsaPrivateKey;
        private bool reconnect = true;

        internal Conn()
        {
        }

        /// <summary>Sets the application's name and version, which are shown to the gateway. Call it before
        /// InitConnect.</summary>
        public void SetClientInfo(string clientID, int clientVer)
        {
            lock (mutex)
            {
                clientId = clientID;
                this.clientVer = clientVer;
            }
        }

        /// <summary>Sets the RSA key as PEM text, for InitConnect with encryption. Call it before InitConnect.</summary>
        public void SetRSAPrivateKey(string key)
        {
            lock (mutex) rsaPrivateKey = key;
        }

        /// <summary>Not in the vendor's SDK: whether the library tries again by itself after a failed attempt or a lost
        /// connection; default true. Call it before InitConnect.</summary>
        public void SetAutoReconnect(bool isReconnect)
        {
            lock (mutex) reconnect = isReconnect;
        }

        /// <summary>Starts to connect; OnInitConnect tells the result. It is called for each success. While the library tries
        /// again by itself, it is called for one failure only until the next success. A connection that is open is closed
        /// first, so an application may also call this when the connection was lost. Returns false if refused, and no callback
        /// follows: the address is not valid, or encryption was requested without a usable key.</summary>
        public bool InitConnect(string ip, ushort port, bool isEnableEncrypt)
        {
            Close();
            Client before;
            lock (mutex)
            {
                if (isEnableEncrypt && string.IsNullOrEmpty(rsaPrivateKey)) return false;
                // Used on the connection's thread only.
                bool isDownTold = false;
                Options given = new Options
                {
                    Host = ip ?? "",
                    Port = port,
                    ClientId = string.IsNullOrEmpty(clientId) ? null : clientId,
                    ClientVersion = clientVer,
                    RsaPrivateKey = isEnableEncrypt ? rsaPrivateKey : null,
                    Reconnect = reconnect,
                    OutageMode = OutageMode.Fail,
                    OnInitConnect = (sender, errCode, desc) =>
                    {
                        isDownTold = errCode != 0;
                        TellInitConnect(errCode, desc);
                    },
                    OnAttemptFailed = (sender, errCode, desc) =>
                    {
                        if (isDownTold) return;
                        isDownTold = true;
                        TellInitConnect(errCode, desc);
                    },
                    OnDisconnect = (sender, errCode, desc) =>
                    {
                        isDownTold = true;
                        TellDisconnect(errCode);
                    }
                };
                Client opened;
                try
                {
                    opened = new Client(given);
                }
                catch (Exception refused) when (
                    refused is ArgumentException || refused is CapdistException || refused is InvalidOperationException)
                {
                    return false; // InvalidOperationException: the process is exiting
                }
                before = client;
                client = opened;
            }
            // Not null if another thread has connected meanwhile.
            before?.Dispose();
            return true;
        }

        /// <summary>Closes the connection. Requests in flight are answered with retType -200 before this returns. Inside a
        /// callback it returns at once, and they are answered after that callback. Calling it again is harmless, and
        /// InitConnect may be called again.</summary>
        public void Close()
        {
            Client closing;
            lock (mutex)
            {
                closing = client;
                client = null;
            }
            closing?.Dispose();
        }

        /// <summary>The same as <see cref="Close"/>.</summary>
        public void Dispose()
        {
            Close();
        }

        /// <summary>The gateway's number for this connection; 0 before the first handshake.</summary>
        public ulong GetConnectID()
        {
            try
            {
                return Current()?.GetConnectionInfo().ConnId ?? 0;
            }
            catch (ObjectDisposedException)
            {
                return 0;
            }
        }

        internal abstract void TellInitConnect(long errCode, string desc);

        internal abstract void TellDisconnect(long errCode);

        internal abstract void TellReply(uint serialNo, QotGetCapitalDistribution.Response response);

        /// <summary>Requests a capital distribution. Returns the serial number, or 0 if the request was refused, also during an
        /// outage; then no answer follows.</summary>
        internal uint Ask(QotGetCapitalDistribution.Request request)
        {
            Client asked = Current();
            if (asked == null || request == null || !request.IsInitialized) return 0;
            QotGetCapitalDistribution.C2S c2s = request.C2S;
            try
            {
                return asked.GetCapitalDistribution(
                    new Security((Market)c2s.Security.Market, c2s.Security.Code),
                    reply => TellReply(reply.SerialNo, ResponseOf(reply)),
                    new RequestOptions { SecurityFirm = c2s.Header.SecurityFirm });
            }
            catch (Exception refused) when (
                refused is ArgumentException || refused is CapdistException || refused is ObjectDisposedException)
            {
                return 0;
            }
        }

        private Client Current()
        {
            lock (mutex) return client;
        }

        /// <summary>The gateway's answer, or why there is none. It is a success only if the library reports one.</summary>
        private static QotGetCapitalDistribution.Response ResponseOf(Reply reply)
        {
            try
            {
                if (reply.Body.Length > 0)
                {
                    QotGetCapitalDistribution.Response said = QotGetCapitalDistribution.Response.ParseFrom(reply.Body);
                    if (reply.Status == Status.Ok || said.RetType != 0) return said;
                }
            }
            catch (InvalidProtocolBufferException)
            {
                // The library's status tells that the body is not valid.
            }
            return QotGetCapitalDistribution.Response.CreateBuilder()
                .SetRetType((int)RetTypeOf(reply.Status)).SetRetMsg(reply.Desc).Build();
        }

        private static Common.RetType RetTypeOf(Status status)
        {
            switch (status)
            {
                case Status.QueueTimeout:
                case Status.ReplyTimeout:
                case Status.ConnectTimeout: return Common.RetType.RetType_TimeOut;
                case Status.Disconnected:
                case Status.ConnectFailed:
                case Status.ConnectRefused:
                case Status.NotConnected:
                case Status.Released: return Common.RetType.RetType_DisConnect;
                case Status.MalformedReply: return Common.RetType.RetType_Invalid;
                default: return Common.RetType.RetType_Unknown;
            }
        }
    }
}

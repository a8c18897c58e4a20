using System;
using Capdist.Messages;
using Futu.OpenApi.Pb;

namespace Capdist.Vendor
{
    /// <summary>Where it begins and ends; nothing needs to be done.</summary>
    public abstract class Api
    {
        internal Api()
        {
        }

        /// <summary>Does nothing.</summary>
        public static void Init()
        {
        }

        /// <summary>Does nothing: connections are closed one by one.</summary>
        public static void UnInit()
        {
        }
    }

    /// <summary>What happens to a connection; on the connection's thread. What it throws goes to
    /// <see cref="Client.CallbackException"/>.</summary>
    public interface IConnCallback<TConn>
    {
        /// <summary>The connection stands (errCode 0), or could not be made: <see cref="Conn.InitFail"/>.</summary>
        void OnInitConnect(TConn client, long errCode, string desc);

        /// <summary>The connection was lost. It is made again, and OnInitConnect tells when it stands, unless
        /// SetAutoReconnect(false) asked for no such thing.</summary>
        void OnDisconnect(TConn client, long errCode);
    }

    /// <summary>Answers; on the connection's thread.</summary>
    public interface IQotCallback<TConn>
    {
        /// <summary>The answer to a request, exactly once. Where no answer came, retType says why (-100 timeout, -200
        /// disconnected, -500 damaged, -400 else) and retMsg says it in words.</summary>
        void OnReply_GetCapitalDistribution(TConn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp);
    }

    /// <summary>A connection of a brand, before it has a purpose.</summary>
    public abstract class Conn<TConn, TCallback> : Conn
        where TConn : Conn<TConn, TCallback>
        where TCallback : class, IConnCallback<TConn>
    {
        private volatile TCallback connCallback;
        internal volatile IQotCallback<TConn> QotCallback;

        internal Conn()
        {
        }

        /// <summary>Who is told; null: nobody.</summary>
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

    /// <summary>What both brands' connections are made of. Every member may be called from any thread and in any callback.
    /// A connection that is open stays, whoever forgets it, until <see cref="Close"/>.</summary>
    public abstract class Conn : IDisposable
    {
        /// <summary>The kind of an errCode (its high 32 bits) when InitConnect failed; its low 32 bits are then 0 unknown,
        /// 1 timeout, 3 disconnect, 4 could not send, 5 refused by OpenD. Other kinds are the socket's: 1 create, 4 name
        /// not found, 6 connect, 9 select, 10 send, 11 receive, with errno.</summary>
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

        /// <summary>Names the program to the gateway; call it before InitConnect.</summary>
        public void SetClientInfo(string clientID, int clientVer)
        {
            lock (mutex)
            {
                clientId = clientID;
                this.clientVer = clientVer;
            }
        }

        /// <summary>The RSA key as PEM text, for InitConnect with encryption; call it before that.</summary>
        public void SetRSAPrivateKey(string key)
        {
            lock (mutex) rsaPrivateKey = key;
        }

        /// <summary>Ours: whether a connection that was lost, or could not be made, is made again by itself, which is so unless it
        /// is turned off. Call it before InitConnect.</summary>
        public void SetAutoReconnect(bool isReconnect)
        {
            lock (mutex) reconnect = isReconnect;
        }

        /// <summary>Starts to connect; OnInitConnect tells how it went: success each time, failure once until the next success, for
        /// it is tried again meanwhile. One that is open is closed first, so that a program may as well call this itself when the
        /// connection is lost. Returns false, and
        /// nothing comes, for what is refused: a bad address, encryption without a key or with one that can't be used.
        /// </summary>
        public bool InitConnect(string ip, ushort port, bool isEnableEncrypt)
        {
            Close();
            Client before;
            lock (mutex)
            {
                if (isEnableEncrypt && string.IsNullOrEmpty(rsaPrivateKey)) return false;
                // Only on the connection's thread.
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
            // Another thread's, made since.
            before?.Dispose();
            return true;
        }

        /// <summary>Closes the connection. What is in flight is answered with retType -200 before this returns; in a
        /// callback, after that callback. Harmless to repeat, and InitConnect may come again.</summary>
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

        /// <summary>The gateway's number for this connection; 0 before the first handshake, and while there is none.</summary>
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

        /// <summary>Asks. Returns the serial number, or 0 if it was refused, and then nothing comes; so it is while the gateway can
        /// not be reached.</summary>
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

        /// <summary>The gateway's answer, or why there is none. Never a success that the library did not call one.</summary>
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
                // The library has found it malformed, too, and its status says so.
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

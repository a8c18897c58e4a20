// Plays the named cases. Tests/cases/play.py describes what a player reads and prints. Player {tasks|callbacks|blocking|vendor}
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Capdist;
using Futu.OpenApi;
using Futu.OpenApi.Pb;

/// <summary>Prints how requests completed, and counts those that have not.</summary>
internal sealed class Scoreboard
{
    private readonly object mutex = new object();
    private int pending;
    private bool allAsked;

    internal void Begin()
    {
        lock (mutex) pending++;
    }

    internal void End(params object[] words)
    {
        lock (mutex)
        {
            Print(string.Join("\t", words).Replace("\n", "")); // only between tokens: JSON escapes it in texts
            pending--;
            Monitor.PulseAll(mutex);
        }
    }

    /// <summary>Inside a callback: waits until all requests of the case have been made.</summary>
    internal void AwaitAllAsked()
    {
        lock (mutex)
        {
            while (!allAsked && Monitor.Wait(mutex, TimeSpan.FromSeconds(20))) { }
        }
    }

    internal void Wait()
    {
        lock (mutex)
        {
            allAsked = true;
            Monitor.PulseAll(mutex);
            while (pending > 0)
            {
                if (!Monitor.Wait(mutex, TimeSpan.FromSeconds(20))) return;
            }
            Print("done");
        }
    }

    private static void Print(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        using (System.IO.Stream output = Console.OpenStandardOutput()) output.Write(bytes, 0, bytes.Length);
    }
}

internal interface IVariant
{
    void Open(string group, int port, Dictionary<string, int> settings);
    void Close(int client);
    void CloseInside(int client);
    void Ask(int number, int client, string security, TimeSpan maxAge);
}

/// <summary>Capdist.Client in each of its variants.</summary>
internal sealed class ClientVariant : IVariant
{
    private readonly string way;
    private readonly Scoreboard board;
    private readonly List<Client> clients = new List<Client>();
    private int closes = -1;

    internal ClientVariant(string way, Scoreboard board)
    {
        this.way = way;
        this.board = board;
    }

    public void Open(string group, int port, Dictionary<string, int> settings)
    {
        Options options = new Options { Port = port, QuotaGroup = group };
        foreach (KeyValuePair<string, int> setting in settings)
        {
            if (setting.Key == "queue_timeout_ms") options.QueueTimeout = TimeSpan.FromMilliseconds(setting.Value);
            else if (setting.Key == "reply_timeout_ms") options.ReplyTimeout = TimeSpan.FromMilliseconds(setting.Value);
            else if (setting.Key == "quota_requests") options.QuotaRequests = setting.Value;
            else throw new ArgumentException("unknown option " + setting.Key);
        }
        clients.Add(new Client(options));
    }

    public void Close(int client)
    {
        clients[client].Dispose();
    }

    public void CloseInside(int client)
    {
        closes = client;
    }

    public void Ask(int number, int client, string security, TimeSpan maxAge)
    {
        RequestOptions options = new RequestOptions { MaxAge = maxAge };
        try
        {
            if (way == "tasks") Tasks(number, clients[client], security, options).ContinueWith(task => task.Exception);
            else if (way == "blocking") Told(number, clients[client].FetchCapitalDistribution(security, options));
            else clients[client].GetCapitalDistribution(security, reply =>
            {
                if (Interlocked.CompareExchange(ref closes, -1, client) == client)
                {
                    board.AwaitAllAsked();
                    Close(client);
                }
                Told(number, reply);
            }, options);
        }
        catch (RequestException ended)
        {
            Told(number, ended.Reply);
        }
        catch (ObjectDisposedException)
        {
            board.End("refused", number, "CAPDIST_RELEASED");
        }
    }

    private async Task Tasks(int number, Client client, string security, RequestOptions options)
    {
        try
        {
            Told(number, await client.GetCapitalDistributionAsync(security, options));
        }
        catch (RequestException ended)
        {
            Told(number, ended.Reply);
        }
        catch (ObjectDisposedException)
        {
            board.End("refused", number, "CAPDIST_RELEASED");
        }
    }

    private static string Name(Status status)
    {
        return "CAPDIST" + string.Concat(status.ToString().Select(letter => char.IsUpper(letter) ? "_" + letter : letter.ToString()))
            .ToUpperInvariant();
    }

    private void Told(int number, Reply reply)
    {
        board.End("answer", number, Name(reply.Status), reply.WasSent ? 1 : 0, (int)reply.RetryAfter.TotalMilliseconds,
                  reply.RetType.HasValue ? reply.ToJson() : "{}", reply.FromCache ? 1 : 0);
    }

    /// <summary>For variants that return figures alone: the line that a reply with them would give.</summary>
    private void Told(int number, CapitalDistribution figures)
    {
        Json s2c = new Json();
        s2c.Add("capitalInSuper", figures.CapitalInSuper);
        s2c.Add("capitalInBig", figures.CapitalInBig);
        s2c.Add("capitalInMid", figures.CapitalInMid);
        s2c.Add("capitalInSmall", figures.CapitalInSmall);
        s2c.Add("capitalOutSuper", figures.CapitalOutSuper);
        s2c.Add("capitalOutBig", figures.CapitalOutBig);
        s2c.Add("capitalOutMid", figures.CapitalOutMid);
        s2c.Add("capitalOutSmall", figures.CapitalOutSmall);
        s2c.Add("updateTime", figures.UpdateTime);
        s2c.Add("updateTimestamp", figures.UpdateTimestamp);
        board.End("answer", number, "CAPDIST_OK", 1, 0, "{\"retType\":0,\"s2c\":" + s2c + "}");
    }
}

/// <summary>The vendor's classes.</summary>
internal sealed class VendorVariant : IVariant
{
    private readonly Scoreboard board;
    private readonly List<One> clients = new List<One>();

    internal VendorVariant(Scoreboard board)
    {
        this.board = board;
    }

    public void Open(string group, int port, Dictionary<string, int> settings)
    {
        clients.Add(new One(port, board));
    }

    public void Close(int client)
    {
        clients[client].Api.Close();
    }

    public void CloseInside(int client)
    {
        throw new NotSupportedException();
    }

    public void Ask(int number, int client, string security, TimeSpan maxAge)
    {
        clients[client].Ask(number, security);
    }

    private sealed class One : FTSPI_Qot, FTSPI_Conn
    {
        internal readonly FTAPI_Qot Api = new FTAPI_Qot();
        private readonly Scoreboard board;
        private readonly ManualResetEvent connected = new ManualResetEvent(false);
        private readonly Dictionary<uint, int> numbers = new Dictionary<uint, int>();

        internal One(int port, Scoreboard board)
        {
            this.board = board;
            Api.SetConnCallback(this);
            Api.SetQotCallback(this);
            // The request is made when the connection is established, as in the sample.
            if (!Api.InitConnect("127.0.0.1", (ushort)port, false) || !connected.WaitOne(TimeSpan.FromSeconds(10)))
                throw new InvalidOperationException("no connection");
        }

        internal void Ask(int number, string security)
        {
            Security asked = security;
            QotGetCapitalDistribution.Request request = QotGetCapitalDistribution.Request.CreateBuilder().SetC2S(
                QotGetCapitalDistribution.C2S.CreateBuilder().SetSecurity(
                    QotCommon.Security.CreateBuilder().SetMarket((int)asked.Market).SetCode(asked.Code))).Build();
            // The answer may come before its serial number is known.
            lock (numbers)
            {
                uint serialNo = Api.GetCapitalDistribution(request);
                if (serialNo == 0) board.End("refused", number, "-");
                else numbers[serialNo] = number;
            }
        }

        public void OnInitConnect(FTAPI_Conn client, long errCode, string desc)
        {
            connected.Set();
        }

        public void OnDisconnect(FTAPI_Conn client, long errCode)
        {
        }

        public void OnReply_GetCapitalDistribution(FTAPI_Conn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp)
        {
            Json json = new Json();
            json.Add("retType", rsp.RetType);
            if (rsp.HasRetMsg) json.Add("retMsg", rsp.RetMsg);
            if (rsp.HasS2C)
            {
                QotGetCapitalDistribution.S2C figures = rsp.S2C;
                Json s2c = new Json();
                if (figures.HasCapitalInSuper) s2c.Add("capitalInSuper", figures.CapitalInSuper);
                s2c.Add("capitalInBig", figures.CapitalInBig);
                s2c.Add("capitalInMid", figures.CapitalInMid);
                s2c.Add("capitalInSmall", figures.CapitalInSmall);
                if (figures.HasCapitalOutSuper) s2c.Add("capitalOutSuper", figures.CapitalOutSuper);
                s2c.Add("capitalOutBig", figures.CapitalOutBig);
                s2c.Add("capitalOutMid", figures.CapitalOutMid);
                s2c.Add("capitalOutSmall", figures.CapitalOutSmall);
                if (figures.HasUpdateTime) s2c.Add("updateTime", figures.UpdateTime);
                if (figures.HasUpdateTimestamp) s2c.Add("updateTimestamp", figures.UpdateTimestamp);
                json.Add("s2c", s2c);
            }
            lock (numbers) board.End("answer", numbers[nSerialNo], "-", "-", "-", json);
        }
    }
}

/// <summary>A JSON object. Null values are left out.</summary>
internal sealed class Json
{
    private readonly List<string> members = new List<string>();

    internal void Add(string name, object value)
    {
        if (value == null) return;
        string text = value as string;
        string told = text != null ? "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""
            : value is double ? ((double)value).ToString("r", CultureInfo.InvariantCulture) : value.ToString();
        members.Add("\"" + name + "\":" + told);
    }

    public override string ToString()
    {
        return "{" + string.Join(",", members) + "}";
    }
}

internal static class Player
{
    private static int Main(string[] arguments)
    {
        Scoreboard board = new Scoreboard();
        IVariant variant = arguments[0] == "vendor" ? (IVariant)new VendorVariant(board) : new ClientVariant(arguments[0], board);
        int asked = 0;
        for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            string[] words = line.Split(' ');
            switch (words[0])
            {
                case "open":
                    variant.Open(words[1], int.Parse(words[2]), words.Skip(3).Select(word => word.Split('='))
                        .ToDictionary(pair => pair[0], pair => int.Parse(pair[1])));
                    break;
                case "close": variant.Close(int.Parse(words[1])); break;
                case "close-inside": variant.CloseInside(int.Parse(words[1])); break;
                case "ask":
                    board.Begin();
                    TimeSpan maxAge = TimeSpan.FromMilliseconds(words.Length > 3 ? int.Parse(words[3]) : 0);
                    variant.Ask(asked++, int.Parse(words[1]), words[2], maxAge);
                    break;
                case "wait": board.Wait(); break;
                default: return 2;
            }
        }
        // Mono 6.8 may hang for a minute, also without the library, if it exits just when a thread of its pool becomes idle.
        Thread.Sleep(150);
        return 0;
    }
}

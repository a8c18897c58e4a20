using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;
using static Capdist.Tests.Support;

namespace Capdist.Tests
{
    [TestFixture]
    public class ClientTests
    {
        private static void CheckFigures(CapitalDistribution figures)
        {
            Assert.That(figures.CapitalInSuper, Is.EqualTo(824967660));
            Assert.That(figures.CapitalInBig, Is.EqualTo(859479380));
            Assert.That(figures.CapitalInMid, Is.EqualTo(763181580));
            Assert.That(figures.CapitalInSmall, Is.EqualTo(1011289940));
            Assert.That(figures.CapitalOutSuper, Is.EqualTo(252818140));
            Assert.That(figures.CapitalOutBig, Is.EqualTo(444405720));
            Assert.That(figures.CapitalOutMid, Is.EqualTo(503977520));
            Assert.That(figures.CapitalOutSmall, Is.EqualTo(807438760));
            Assert.That(figures.UpdateTime, Is.EqualTo("2022-06-08 10:44:21"));
            Assert.That(figures.UpdateTimestamp, Is.EqualTo(1654656261));
        }

        private static T Failure<T>(Task task) where T : Exception
        {
            Exception thrown = Assert.Throws<AggregateException>(() => task.Wait(Patience)).InnerException;
            Assert.That(thrown, Is.InstanceOf<T>(), thrown.ToString());
            return (T)thrown;
        }

        /// <summary>Makes a request with a callback, and returns the reply.</summary>
        private static Reply Ask(Client client, string security, RequestOptions options = null)
        {
            Reply reply = null;
            using (ManualResetEvent replied = new ManualResetEvent(false))
            {
                uint serialNo = client.GetCapitalDistribution(security, it =>
                {
                    reply = it;
                    replied.Set();
                }, options);
                Assert.That(replied.WaitOne(Patience));
                Assert.That(serialNo, Is.Not.EqualTo(0));
                Assert.That(reply.SerialNo, Is.EqualTo(serialNo));
            }
            return reply;
        }

        [Test]
        public async Task Figures()
        {
            using (Client client = new Client(Given()))
            {
                CheckFigures(await client.GetCapitalDistributionAsync("HK.00700"));
                CheckFigures(client.FetchCapitalDistribution(new Security(Market.HK, "00700")));
                Reply reply = Ask(client, "HK.00700");
                CheckFigures(reply.Value);
                Assert.That(reply.Status, Is.EqualTo(Status.Ok));
                Assert.That(reply.WasSent);
                Assert.That(reply.RetType, Is.EqualTo(0));
                Assert.That(reply.RetMsg, Is.EqualTo(""));
                Assert.That(reply.ErrCode, Is.EqualTo(0));
                Assert.That(reply.Desc, Is.EqualTo(""));
                Assert.That(reply.Security.ToString(), Is.EqualTo("HK.00700"));
            }
        }

        [Test]
        public void MissingFiguresAreNull()
        {
            using (Client client = new Client(Given("CAPDIST_PORT_OLD")))
            {
                CapitalDistribution figures = client.FetchCapitalDistribution("HK.00700");
                Assert.That(figures.CapitalInBig, Is.EqualTo(859479380));
                Assert.That(figures.CapitalInSuper, Is.Null);
                Assert.That(figures.CapitalOutSuper, Is.Null);
                Assert.That(figures.UpdateTime, Is.Null);
                Assert.That(figures.UpdateTimestamp, Is.Null);
                Assert.That(Ask(client, "HK.00700").ToJson(), Is.Not.StringContaining("Super").And.Not.StringContaining("update"));
            }
        }

        /// <summary>The table that all languages test with.</summary>
        static IEnumerable<string[]> UpdateTimes()
        {
            string table = Environment.GetEnvironmentVariable("CAPDIST_TIMES");
            return File.ReadAllLines(table).Where(line => !line.StartsWith("#")).Select(line => line.Split('\t'));
        }

        [TestCaseSource("UpdateTimes")]
        public void UpdateTimesAreRead(string name, string text, string read)
        {
            DateTime? told = CapitalDistribution.ReadWallClock(text);
            string expected = read.Length > 27 ? read.Substring(0, 27) : read;
            string form = "yyyy-MM-dd HH:mm:ss.fffffff";
            Assert.That(told.HasValue ? told.Value.ToString(form, CultureInfo.InvariantCulture) : "-", Is.EqualTo(expected), name);
            Assert.That(told == null || told.Value.Kind == DateTimeKind.Unspecified);
        }

        [Test]
        public void ARefusalTellsWhatTheGatewaySaid()
        {
            using (Client client = new Client(Given()))
            {
                RequestException refused = Failure<RequestException>(client.GetCapitalDistributionAsync("HK.99999"));
                Assert.That(refused.Status, Is.EqualTo(Status.Refused));
                Assert.That(refused.Message, Is.StringContaining("HK.99999").And.StringContaining("未知股票"));
                Assert.That(refused.Reply.RetType, Is.EqualTo(-1));
                Assert.That(refused.Reply.RetMsg, Is.EqualTo("未知股票 HK.99999"));
                Assert.That(refused.Reply.Distribution, Is.Null);
                Assert.That(refused.Reply.ToJson(), Is.StringContaining("\"retMsg\": \"未知股票 HK.99999\""));
                Assert.Throws<RequestException>(() => client.FetchCapitalDistribution("HK.99999"));
            }
        }

        [Test]
        public void JsonIsTheLibrarys()
        {
            using (Client client = new Client(Given()))
            {
                string json = Ask(client, "HK.00700").ToJson();
                Assert.That(json, Is.StringStarting("{\n  \"retType\": 0,\n  \"retMsg\": \"\",\n  \"errCode\": 0,\n  \"s2c\": {\n"));
                Assert.That(json, Is.StringContaining("\n    \"updateTimestamp\": 1654656261,\n    \"capitalInSuper\": 824967660,\n"));
            }
        }

        [TestCase("")]
        [TestCase("HK")]
        [TestCase("XX.00700")]
        [TestCase("HK.")]
        [TestCase("HK.0\00700")]
        [TestCase("HK.123456789012345678901234567890123456789012345678901234567890")]
        public void NoSecurity(string text)
        {
            Assert.Throws<ArgumentException>(() => Security.Parse(text));
            using (Client client = new Client(Given()))
            {
                Security built = new Security(Market.HK, text.StartsWith("HK.") ? text.Substring(3) : "");
                Assert.Throws<ArgumentException>(() => client.FetchCapitalDistribution(built));
                Failure<ArgumentException>(client.GetCapitalDistributionAsync(built));
                Assert.Throws<ArgumentException>(() => client.FetchCapitalDistribution(default(Security)));
            }
        }

        [Test]
        public void HalfACharacterIsNoSecurity()
        {
            Assert.Throws<ArgumentException>(() => Security.Parse("HK.\ud800"));
            using (Client client = new Client(Given()))
            {
                Assert.Throws<ArgumentException>(() => client.FetchCapitalDistribution(new Security(Market.HK, "\udc00")));
            }
        }

        [Test]
        public void SecuritiesAreValues()
        {
            Security one = "US.BRK.B";
            Assert.That(one.Market, Is.EqualTo(Market.US));
            Assert.That(one.Code, Is.EqualTo("BRK.B"));
            Assert.That(one, Is.EqualTo(new Security(Market.US, "BRK.B")));
            Assert.That(one, Is.Not.EqualTo(new Security(Market.US, "BRK.A")));
            Assert.That(one.GetHashCode(), Is.EqualTo(Security.Parse("US.BRK.B").GetHashCode()));
            Assert.That(one.ToString(), Is.EqualTo("US.BRK.B"));
            Assert.Throws<ArgumentNullException>(() => Security.Parse(null));
            foreach (Market market in Enum.GetValues(typeof(Market)))
            {
                Assert.That(Security.Parse(new Security(market, "1").ToString()).Market, Is.EqualTo(market));
            }
        }

        private static readonly Dictionary<string, Action<Options>> BadOptions = new Dictionary<string, Action<Options>>
        {
            { "host", it => it.Host = "" }, { "host_nul", it => it.Host = "a\0b" }, { "host_surrogate", it => it.Host = "\udc00" },
            { "port", it => it.Port = 0 }, { "port_high", it => it.Port = 65536 }, { "client_id", it => it.ClientId = "" },
            { "client_version", it => it.ClientVersion = -1 }, { "language", it => it.ProgrammingLanguage = new string('x', 256) },
            { "transport", it => it.Transport = (Transport)9 }, { "cipher", it => it.PacketCipher = (Cipher)9 },
            { "rsa", it => it.RsaPrivateKey = "no key" }, { "rsa_file", it => it.RsaPrivateKeyFile = "/nonexistent" },
            { "min", it => it.ReconnectMin = TimeSpan.FromMilliseconds(-1) },
            { "min_over_max", it => { it.ReconnectMin = TimeSpan.FromSeconds(2); it.ReconnectMax = TimeSpan.FromSeconds(1); } },
            { "connect", it => it.ConnectTimeout = TimeSpan.FromHours(2) }, { "queue", it => it.QueueTimeout = TimeSpan.MaxValue },
            { "reply", it => it.ReplyTimeout = TimeSpan.MinValue }, { "reply_infinite", it => it.ReplyTimeout = Timeout.InfiniteTimeSpan },
            { "quota", it => it.QuotaRequests = -1 }, { "window", it => it.QuotaWindow = TimeSpan.FromDays(1) },
            { "mode", it => it.QuotaMode = (QuotaMode)9 }, { "group", it => it.QuotaGroup = "" },
            { "max_queue", it => it.MaxQueue = -1 }, { "max_body", it => it.MaxBodyBytes = 1 }
        };

        public static IEnumerable<string> BadOptionNames
        {
            get { return BadOptions.Keys; }
        }

        [TestCaseSource("BadOptionNames")]
        public void ABadOptionIsRefused(string name)
        {
            string[] threads = LibraryThreads();
            Options options = Given();
            BadOptions[name](options);
            ArgumentException refused = Assert.Throws<ArgumentException>(() => new Client(options));
            Assert.That(refused.Message, Is.Not.Empty);
            Assert.That(LibraryThreads().Except(threads), Is.Empty);
        }

        [Test]
        public void NullIsRefused()
        {
            Assert.Throws<ArgumentNullException>(() => new Client((Options)null));
            using (Client client = new Client(Given()))
            {
                Assert.Throws<ArgumentNullException>(() => client.GetCapitalDistribution("HK.00700", null));
                Assert.Throws<ArgumentNullException>(() => client.SendProto(1002, null, reply => { }));
                Assert.Throws<ArgumentNullException>(() => client.SendProto(1002, new byte[0], null));
            }
        }

        [Test]
        public unsafe void EveryOptionReachesTheLibrary()
        {
            Options options = new Options
            {
                Host = "host", Port = 2, ClientId = "id", ClientVersion = 3, RecvNotify = true, ProgrammingLanguage = "language",
                Transport = Transport.WebSocketTls, PacketCipher = Cipher.AesCbc, RsaPrivateKey = "key",
                RsaPrivateKeyFile = "file", WebSocketKey = "websocket", TlsCaFile = "ca", TlsServerName = "server", TlsInsecureAcceptAnyCertificate = true,
                Reconnect = false, ReconnectMin = TimeSpan.FromMilliseconds(4), ReconnectMax = TimeSpan.FromMilliseconds(5),
                ConnectTimeout = TimeSpan.FromMilliseconds(6), QueueTimeout = TimeSpan.FromMilliseconds(7),
                ReplyTimeout = TimeSpan.FromTicks(1), QuotaRequests = 8, QuotaWindow = TimeSpan.FromMilliseconds(9),
                QuotaMode = QuotaMode.Fail, QuotaGroup = "grüppe", MaxQueue = 10, MaxBodyBytes = 11,
                OutageMode = OutageMode.Fail
            };
            using (Texts texts = new Texts())
            {
                Native.capdist_options raw = options.Raw(texts);
                Assert.That((int)raw.struct_size, Is.EqualTo(sizeof(Native.capdist_options)));
                string[] words =
                {
                    Native.Text(raw.host), Native.Text(raw.client_id), Native.Text(raw.programming_language),
                    Native.Text(raw.rsa_private_key), Native.Text(raw.rsa_private_key_file), Native.Text(raw.websocket_key),
                    Native.Text(raw.tls_ca_file), Native.Text(raw.tls_server_name), Native.Text(raw.quota_group)
                };
                Assert.That(words, Is.EqualTo(new[] { "host", "id", "language", "key", "file", "websocket", "ca", "server", "grüppe" }));
                int[] numbers =
                {
                    raw.mode, raw.port, raw.client_version, raw.recv_notify, raw.transport, raw.packet_cipher,
                    raw.tls_insecure_accept_any_certificate, raw.reconnect, raw.reconnect_min_ms, raw.reconnect_max_ms,
                    raw.connect_timeout_ms, raw.queue_timeout_ms, raw.reply_timeout_ms, raw.quota_requests,
                    raw.quota_window_ms, raw.quota_mode, raw.max_queue, raw.max_body_bytes, raw.outage_mode
                };
                Assert.That(numbers, Is.EqualTo(new[] { 0, 2, 3, 1, 2, 2, 1, 0, 4, 5, 6, 7, 1, 8, 9, 2, 10, 11, 2 }));
            }
            Native.capdist_request_options request = RequestOptions.Raw(new RequestOptions
            {
                QueueTimeout = TimeSpan.FromMilliseconds(1), ReplyTimeout = TimeSpan.FromMilliseconds(2),
                QuotaMode = QuotaMode.Wait, SecurityFirm = 3, OutageMode = OutageMode.Wait, MaxAge = TimeSpan.FromMilliseconds(4)
            });
            int[] ofRequest =
            {
                request.queue_timeout_ms, request.reply_timeout_ms, request.quota_mode, request.security_firm, request.outage_mode,
                request.max_age_ms
            };
            Assert.That(ofRequest, Is.EqualTo(new[] { 1, 2, 1, 3, 1, 4 }));
        }

        [Test]
        public void WebSocketIsNeverTcpInstead()
        {
            foreach (Transport transport in new[] { Transport.WebSocket, Transport.WebSocketTls })
            {
                Options options = Given();
                options.Transport = transport;
                options.WebSocketKey = "key";
                options.Reconnect = false;
                try
                {
                    using (Client client = new Client(options))
                    {
                        Assert.Throws<CapdistException>(() => client.WaitReady(TimeSpan.FromSeconds(3)));
                    }
                }
                catch (NotSupportedException refused)
                {
                    Assert.That(refused.Message, Is.Not.Empty);
                }
            }
        }

        [Test]
        public void TimeOutsTellWhetherItWasSent()
        {
            using (Client client = new Client(Given("CAPDIST_PORT_SILENT")))
            {
                Reply reply = Ask(client, "HK.00700", new RequestOptions { QueueTimeout = TimeSpan.FromMilliseconds(50) });
                Assert.That(reply.Status, Is.EqualTo(Status.QueueTimeout));
                Assert.That(reply.WasSent, Is.False);
                Assert.That(reply.RetType, Is.Null);
            }
            using (Client client = new Client(Given("CAPDIST_PORT_SLOW")))
            {
                client.WaitReady(Patience);
                RequestException late = Failure<RequestException>(client.GetCapitalDistributionAsync(
                    "HK.00700", new RequestOptions { ReplyTimeout = TimeSpan.FromMilliseconds(50) }));
                Assert.That(late.Status, Is.EqualTo(Status.ReplyTimeout));
                Assert.That(late.Reply.WasSent);
            }
        }

        [Test]
        public void Cancelling()
        {
            using (Client client = new Client(Given("CAPDIST_PORT_SILENT")))
            {
                Reply reply = null;
                uint serialNo = client.GetCapitalDistribution("HK.00700", it => reply = it);
                Assert.That(client.Cancel(serialNo));
                Assert.That(Soon(() => reply != null));
                Assert.That(reply.Status, Is.EqualTo(Status.Cancelled));
                Assert.That(client.Cancel(serialNo), Is.False);

                using (CancellationTokenSource source = new CancellationTokenSource())
                {
                    Task task = client.GetCapitalDistributionAsync("HK.00700", null, source.Token);
                    Task raw = client.SendProtoAsync(1002, new byte[0], null, source.Token);
                    Assert.That(task.Wait(50), Is.False);
                    source.Cancel();
                    Failure<TaskCanceledException>(task);
                    Failure<TaskCanceledException>(raw);
                    Assert.That(task.IsCanceled);
                    Assert.That(client.GetCapitalDistributionAsync("HK.00700", null, source.Token).IsCanceled);
                }
            }
        }

        [Test]
        public void ACancelledTokenAfterTheAnswerChangesNothing()
        {
            using (Client client = new Client(Given()))
            using (CancellationTokenSource source = new CancellationTokenSource())
            {
                Task<CapitalDistribution> task = client.GetCapitalDistributionAsync("HK.00700", null, source.Token);
                CheckFigures(task.Result);
                source.Cancel();
                CheckFigures(task.Result);
            }
        }

        [Test]
        public async Task WaitingForTheConnection()
        {
            using (Client client = new Client(Given()))
            {
                await client.WaitReadyAsync(Patience);
                client.WaitReady(TimeSpan.Zero);
                Assert.That(client.GetConnectionInfo().State, Is.EqualTo(ConnectionState.Ready));
            }
            using (Client client = new Client(Given("CAPDIST_PORT_SILENT")))
            {
                Assert.That(Assert.Throws<CapdistException>(() => client.WaitReady(TimeSpan.FromMilliseconds(20))).Status,
                            Is.EqualTo(Status.ConnectTimeout));
                Assert.Throws<ArgumentException>(() => client.WaitReady(TimeSpan.FromDays(1)));
            }
            Options nobody = Given();
            nobody.Port = 1;
            nobody.Reconnect = false;
            using (Client client = new Client(nobody))
            {
                CapdistException refused = Failure<CapdistException>(client.WaitReadyAsync(Patience));
                Assert.That(refused.Status, Is.EqualTo(Status.ConnectFailed));
                Assert.That(refused.Message, Is.StringContaining("is OpenD running there?"));
                Assert.That(Failure<CapdistException>(client.GetCapitalDistributionAsync("HK.00700")).Status,
                            Is.EqualTo(Status.NotConnected));
                Assert.That(client.GetConnectionInfo().State, Is.EqualTo(ConnectionState.NotConnected));
            }
        }

        [Test]
        public void WhatWaitsIsRefusedInACallback()
        {
            Status[] seen = new Status[2];
            using (Client client = new Client(Given()))
            using (ManualResetEvent done = new ManualResetEvent(false))
            {
                client.GetCapitalDistribution("HK.00700", reply =>
                {
                    seen[0] = Assert.Throws<CapdistException>(() => client.FetchCapitalDistribution("HK.00700")).Status;
                    seen[1] = Assert.Throws<CapdistException>(() => client.WaitReady(Patience)).Status;
                    done.Set();
                });
                Assert.That(done.WaitOne(Patience));
            }
            Assert.That(seen, Is.EqualTo(new[] { Status.WouldDeadlock, Status.WouldDeadlock }));
        }

        [Test]
        public async Task AfterAnAwaitOneMayWait()
        {
            using (Client client = new Client(Given()))
            {
                for (int round = 0; round < 20; round++)
                {
                    await client.GetCapitalDistributionAsync("HK.00700").ConfigureAwait(false);
                    CheckFigures(client.FetchCapitalDistribution("HK.00700"));
                }
            }
        }

        [Test]
        public void PushesLogsAndTheConnectionsLife()
        {
            List<string> told = new List<string>();
            byte[] pushed = null;
            Options options = Given("CAPDIST_PORT_PUSHES");
            options.RecvNotify = true;
            options.OnInitConnect = (sender, errCode, desc) => { lock (told) told.Add("connected " + errCode + desc); };
            options.OnDisconnect = (sender, errCode, desc) => { lock (told) told.Add("lost"); };
            options.OnPush = (sender, protoId, body) => { if (protoId == 1003) Volatile.Write(ref pushed, body); };
            options.OnLog = (sender, level, message) => { lock (told) told.Add("log " + level); };
            options.OnClosed = () => { lock (told) told.Add("closed"); };
            using (Client client = new Client(options))
            {
                // The client has a copy.
                options.OnPush = null;
                client.WaitReady(Patience);
                Assert.That(Soon(() => Volatile.Read(ref pushed) != null));
                Assert.That(pushed.Length, Is.GreaterThan(4));
            }
            Assert.That(told.Count(it => it == "connected 0"), Is.EqualTo(1));
            Assert.That(told.Contains("log Info"));
            Assert.That(told.Contains("lost"), Is.False);
            Assert.That(told.Last(), Is.EqualTo("closed"));
        }

        [Test]
        public void ALostConnectionIsToldAndMadeAgain()
        {
            int connected = 0, lost = 0;
            Options options = Given("CAPDIST_PORT_DROPS");
            options.ReconnectMin = TimeSpan.FromMilliseconds(1);
            options.OnInitConnect = (sender, errCode, desc) => Interlocked.Increment(ref connected);
            options.OnDisconnect = (sender, errCode, desc) => Interlocked.Increment(ref lost);
            using (Client client = new Client(options))
            {
                client.FetchCapitalDistribution("HK.00700"); // then the gateway closes the connection
                Assert.That(Soon(() => Volatile.Read(ref lost) == 1 && Volatile.Read(ref connected) == 2));
            }
        }

        [Test]
        public void InfoAndQuota()
        {
            Options options = Given();
            options.QuotaRequests = 7;
            options.QuotaWindow = TimeSpan.FromSeconds(20);
            using (Client client = new Client(options))
            {
                client.FetchCapitalDistribution("HK.00700");
                Assert.That(client.GetConnectionInfo().ConnId, Is.Not.EqualTo(0));
                Assert.That(client.GetConnectionInfo().ServerVersion, Is.GreaterThan(0));
                Quota quota = client.GetQuota();
                Assert.That(quota.Limit, Is.EqualTo(7));
                Assert.That(quota.Window, Is.EqualTo(TimeSpan.FromSeconds(20)));
                Assert.That(quota.Used, Is.EqualTo(1));
                Assert.That(quota.NextSlot, Is.EqualTo(TimeSpan.Zero));

                Options others = Given();
                others.QuotaGroup = options.QuotaGroup;
                Assert.Throws<ArgumentException>(() => new Client(others)); // another quota for the same group
            }
        }

        [Test]
        public void FailModeDoesNotWaitForTheQuota()
        {
            Options options = Given();
            options.QuotaRequests = 1;
            options.QuotaMode = QuotaMode.Fail;
            using (Client client = new Client(options))
            {
                client.FetchCapitalDistribution("HK.00700");
                Assert.That(Assert.Throws<CapdistException>(() => client.FetchCapitalDistribution("HK.00700")).Status,
                            Is.EqualTo(Status.QuotaExhausted));
                Assert.That(client.GetQuota().NextSlot, Is.GreaterThan(TimeSpan.Zero));
            }
        }

        [Test]
        public async Task AnyOtherRequest()
        {
            // GetGlobalState: { c2s: { userID: 0 } }
            byte[] request = { 0x0a, 0x02, 0x08, 0x00 };
            using (Client client = new Client(Given()))
            {
                ProtoReply state = await client.SendProtoAsync(1002, request);
                Assert.That(state.RetType, Is.EqualTo(0));
                Assert.That(state.ProtoId, Is.EqualTo(1002));
                Assert.That(state.Body.Length, Is.GreaterThan(10));
                ProtoRequestException unknown = Failure<ProtoRequestException>(client.SendProtoAsync(9999, new byte[0]));
                Assert.That(unknown.Reply.RetType, Is.EqualTo(-1));
                Assert.That(unknown.Status, Is.EqualTo(Status.Refused));
                Failure<ArgumentException>(client.SendProtoAsync(1001, request)); // the library's own protocol
            }
        }

        [Test]
        public void Encrypted()
        {
            foreach (Cipher cipher in Enum.GetValues(typeof(Cipher)))
            {
                Options options = Given("CAPDIST_PORT_ENCRYPTED");
                options.PacketCipher = cipher;
                options.RsaPrivateKeyFile = RsaKeyFile;
                using (Client client = new Client(options)) CheckFigures(client.FetchCapitalDistribution("HK.00700"));
                options.RsaPrivateKeyFile = null;
                options.RsaPrivateKey = File.ReadAllText(RsaKeyFile);
                using (Client client = new Client(options)) CheckFigures(client.FetchCapitalDistribution("HK.00700"));
            }
            Options clear = Given();
            clear.Reconnect = false;
            clear.RsaPrivateKeyFile = RsaKeyFile;
            using (Client client = new Client(clear))
            {
                Assert.That(Assert.Throws<CapdistException>(() => client.WaitReady(Patience)).Status,
                            Is.EqualTo(Status.EncryptionFailed));
            }
        }
    }
}

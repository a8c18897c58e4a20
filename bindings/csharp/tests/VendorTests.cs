using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Futu.OpenApi;
using Futu.OpenApi.Pb;
using NUnit.Framework;
using static Capdist.Tests.Support;

namespace Capdist.Tests
{
    /// <summary>Records callbacks. Makes requests and closes inside them, as it is told.</summary>
    internal sealed class Recorder : FTSPI_Qot, FTSPI_Conn, IDisposable
    {
        internal readonly FTAPI_Qot Api = new FTAPI_Qot();
        internal readonly List<KeyValuePair<uint, QotGetCapitalDistribution.Response>> Answers =
            new List<KeyValuePair<uint, QotGetCapitalDistribution.Response>>();
        internal int Connected, Lost, Asks;
        internal long ErrCode;
        internal string Desc;
        internal bool Closes;

        internal Recorder()
        {
            Api.SetConnCallback(this);
            Api.SetQotCallback(this);
        }

        internal int Answered
        {
            get { lock (Answers) return Answers.Count; }
        }

        internal QotGetCapitalDistribution.Response Last
        {
            get { lock (Answers) return Answers.Last().Value; }
        }

        internal static QotGetCapitalDistribution.Request Request(string code)
        {
            return QotGetCapitalDistribution.Request.CreateBuilder().SetC2S(
                QotGetCapitalDistribution.C2S.CreateBuilder().SetSecurity(QotCommon.Security.CreateBuilder()
                    .SetMarket((int)QotCommon.QotMarket.QotMarket_HK_Security).SetCode(code))).Build();
        }

        internal bool Open(string port = "CAPDIST_PORT", bool encrypt = false)
        {
            return Api.InitConnect("127.0.0.1", (ushort)Port(port), encrypt);
        }

        internal void Ready()
        {
            Assert.That(Open());
            Assert.That(Soon(() => Volatile.Read(ref Connected) == 1));
            Assert.That(ErrCode, Is.EqualTo(0));
        }

        public void OnInitConnect(FTAPI_Conn client, long errCode, string desc)
        {
            Desc = desc;
            ErrCode = client == Api ? errCode : -2;
            for (int i = 0; i < Asks; i++)
            {
                if (Api.GetCapitalDistribution(Request("00700")) == 0) ErrCode = -1;
            }
            Interlocked.Increment(ref Connected);
        }

        public void OnDisconnect(FTAPI_Conn client, long errCode)
        {
            ErrCode = errCode;
            Interlocked.Increment(ref Lost);
        }

        public void OnReply_GetCapitalDistribution(FTAPI_Conn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp)
        {
            lock (Answers) Answers.Add(new KeyValuePair<uint, QotGetCapitalDistribution.Response>(nSerialNo, rsp));
            if (Closes) client.Close();
        }

        public void Dispose()
        {
            Api.Dispose();
        }
    }

    /// <summary>The vendor's classes. All share one quota of 30 requests.</summary>
    [TestFixture]
    public class VendorTests
    {
        private static long Kind(long errCode)
        {
            return errCode >> 32;
        }

        private static int Code(long errCode)
        {
            return (int)(errCode & 0x7fffffff);
        }

        [Test]
        public void FiguresAskedForInOnInitConnect()
        {
            using (Recorder recorder = new Recorder { Asks = 1 })
            {
                Assert.That(recorder.Open());
                Assert.That(Soon(() => recorder.Answered == 1));
                Assert.That(recorder.ErrCode, Is.EqualTo(0));
                Assert.That(recorder.Desc, Is.EqualTo(""));
                Assert.That(recorder.Last.RetType, Is.EqualTo(0));
                Assert.That(recorder.Last.S2C.CapitalInBig, Is.EqualTo(859479380));
                Assert.That(recorder.Last.S2C.UpdateTime, Is.EqualTo("2022-06-08 10:44:21"));
                Assert.That(recorder.Api.GetConnectID(), Is.Not.EqualTo(0));
            }
        }

        [Test]
        public void ARefusalByTheGatewayComesAsItIs()
        {
            using (Recorder recorder = new Recorder())
            {
                recorder.Ready();
                uint serialNo = recorder.Api.GetCapitalDistribution(Recorder.Request("99999"));
                Assert.That(serialNo, Is.Not.EqualTo(0));
                Assert.That(Soon(() => recorder.Answered == 1));
                Assert.That(recorder.Answers[0].Key, Is.EqualTo(serialNo));
                Assert.That(recorder.Last.RetType, Is.EqualTo(-1));
                Assert.That(recorder.Last.RetMsg, Is.EqualTo("未知股票 HK.99999"));
                Assert.That(recorder.Last.ToString(), Is.EqualTo(
                    "retType: -1\nretMsg: \"\\346\\234\\252\\347\\237\\245\\350\\202\\241\\347\\245\\250 HK.99999\"\nerrCode: 0\n"));
            }
        }

        [Test]
        public void ARefusedRequestHasSerialNumber0AndNoAnswer()
        {
            using (Recorder recorder = new Recorder())
            {
                FTAPI_Qot api = recorder.Api;
                Assert.That(api.GetCapitalDistribution(Recorder.Request("00700")), Is.EqualTo(0)); // not connected
                Assert.That(api.GetConnectID(), Is.EqualTo(0));
                recorder.Ready();
                Assert.That(api.GetCapitalDistribution(QotGetCapitalDistribution.Request.DefaultInstance), Is.EqualTo(0));
                Assert.That(api.GetCapitalDistribution(null), Is.EqualTo(0));
                Assert.That(api.GetCapitalDistribution(Recorder.Request("")), Is.EqualTo(0));
                Assert.That(api.GetCapitalDistribution(Recorder.Request(new string('1', 200))), Is.EqualTo(0));
                Assert.That(api.GetCapitalDistribution(Recorder.Request("a\0b")), Is.EqualTo(0));
                api.Close();
                api.Close();
                Assert.That(api.GetCapitalDistribution(Recorder.Request("00700")), Is.EqualTo(0));
                Assert.That(api.GetConnectID(), Is.EqualTo(0));
                Assert.That(recorder.Answered, Is.EqualTo(0));
                Assert.That(api.InitConnect("127.0.0.1", 0, false), Is.False);
                Assert.That(api.InitConnect("", 11111, false), Is.False);
                Assert.That(api.InitConnect(null, 11111, false), Is.False);
            }
        }

        [Test]
        public void EncryptionWithoutAKeyIsRefusedNotLeftOut()
        {
            using (Recorder recorder = new Recorder())
            {
                Assert.That(recorder.Open(encrypt: true), Is.False);
                recorder.Api.SetRSAPrivateKey("-----BEGIN RSA PRIVATE KEY-----");
                Assert.That(recorder.Open(encrypt: true), Is.False);
                Assert.That(recorder.Connected, Is.EqualTo(0));
            }
        }

        [Test]
        public void EncryptedAndByAGatewayThatIsNot()
        {
            string key = File.ReadAllText(RsaKeyFile);
            using (Recorder recorder = new Recorder { Asks = 1 })
            {
                recorder.Api.SetRSAPrivateKey(key);
                Assert.That(recorder.Open("CAPDIST_PORT_ENCRYPTED", true));
                Assert.That(Soon(() => recorder.Answered == 1));
                Assert.That(recorder.Last.S2C.CapitalInBig, Is.EqualTo(859479380));
            }
            using (Recorder recorder = new Recorder())
            {
                recorder.Api.SetRSAPrivateKey(key);
                Assert.That(recorder.Open(encrypt: true));
                Assert.That(Soon(() => Volatile.Read(ref recorder.Connected) == 1));
                Assert.That(Kind(recorder.ErrCode), Is.EqualTo(FTAPI_Conn.InitFail));
                Assert.That(Code(recorder.ErrCode), Is.EqualTo(0));
            }
        }

        [Test]
        public void NoConnectionIsToldOnceAndTriedAgain()
        {
            using (Recorder recorder = new Recorder())
            {
                Assert.That(recorder.Api.InitConnect("127.0.0.1", 1, false)); // nothing listens there
                Assert.That(Soon(() => Volatile.Read(ref recorder.Connected) == 1));
                Assert.That(Kind(recorder.ErrCode), Is.EqualTo(6));
                Assert.That(Code(recorder.ErrCode), Is.EqualTo(111)); // ECONNREFUSED
                Assert.That(recorder.Desc, Is.Not.Empty);
                Thread.Sleep(1500); // time for more attempts
                Assert.That(recorder.Connected, Is.EqualTo(1));
                // A request is refused at once, and not after two minutes.
                Assert.That(recorder.Api.GetCapitalDistribution(Recorder.Request("00700")), Is.EqualTo(0));
                // An application may also reconnect by itself.
                Assert.That(recorder.Open());
                Assert.That(Soon(() => Volatile.Read(ref recorder.Connected) == 2));
                Assert.That(recorder.ErrCode, Is.EqualTo(0));
            }
        }

        [TestCase("CAPDIST_PORT_REFUSES", 5)]
        [TestCase("CAPDIST_PORT_CLOSES", 3)]
        [TestCase("CAPDIST_PORT_ANSWERS_NONSENSE", 0)]
        public void WhyInitConnectFailed(string port, int code)
        {
            using (Recorder recorder = new Recorder())
            {
                Assert.That(recorder.Open(port));
                Assert.That(Soon(() => Volatile.Read(ref recorder.Connected) == 1));
                Assert.That(Kind(recorder.ErrCode), Is.EqualTo(FTAPI_Conn.InitFail));
                Assert.That(Code(recorder.ErrCode), Is.EqualTo(code));
                Assert.That(recorder.Lost, Is.EqualTo(0));
            }
        }

        [Test]
        public void ANameThatIsNone()
        {
            using (Recorder recorder = new Recorder())
            {
                Assert.That(recorder.Api.InitConnect("no-such-host.invalid", 11111, false));
                Assert.That(Soon(() => Volatile.Read(ref recorder.Connected) == 1));
                Assert.That(Kind(recorder.ErrCode), Is.EqualTo(4));
            }
        }

        [Test]
        public void ALostConnectionIsMadeAgainUnlessTurnedOff([Values(false, true)] bool reconnects)
        {
            using (Recorder recorder = new Recorder { Asks = 1 }) // then the gateway closes the connection
            {
                if (!reconnects) recorder.Api.SetAutoReconnect(false);
                Assert.That(recorder.Open("CAPDIST_PORT_DROPS"));
                Assert.That(Soon(() => Volatile.Read(ref recorder.Lost) >= 1));
                Assert.That(recorder.Answered, Is.GreaterThanOrEqualTo(1));
                if (reconnects)
                {
                    Assert.That(Soon(() => Volatile.Read(ref recorder.Connected) >= 2));
                    return;
                }
                Assert.That(Kind(recorder.ErrCode), Is.EqualTo(11));
                Thread.Sleep(1500); // longer than the first pause between attempts
                Assert.That(recorder.Connected, Is.EqualTo(1));
                Assert.That(recorder.Lost, Is.EqualTo(1));
            }
        }

        [Test]
        public void CloseInsideACallback()
        {
            using (Recorder recorder = new Recorder { Asks = 3, Closes = true })
            {
                Assert.That(recorder.Open());
                Assert.That(Soon(() => recorder.Answered == 3));
                Assert.That(recorder.Answers[0].Value.RetType, Is.EqualTo(0));
                Assert.That(recorder.Api.GetConnectID(), Is.EqualTo(0));
            }
        }

        [Test]
        public void ADamagedAnswerIsNoSuccess()
        {
            using (Recorder recorder = new Recorder { Asks = 1 })
            {
                Assert.That(recorder.Open("CAPDIST_PORT_DAMAGES"));
                Assert.That(Soon(() => recorder.Answered == 1));
                Assert.That(recorder.Last.RetType, Is.EqualTo((int)Common.RetType.RetType_Invalid));
                Assert.That(recorder.Last.RetMsg, Is.Not.Empty);
                Assert.That(recorder.Last.HasS2C, Is.False);
            }
        }

        [Test]
        public void TheGatewayIsToldWhoAsks()
        {
            using (Recorder recorder = new Recorder())
            {
                recorder.Api.SetClientInfo("csharp", 7);
                recorder.Ready();
            }
            string trace = File.ReadAllText(Environment.GetEnvironmentVariable("CAPDIST_TRACE"));
            Assert.That(trace, Is.StringContaining("\"csharp\""));
        }

        [Test]
        public void AnOpenConnectionStaysThoughNobodyHoldsIt()
        {
            WeakReference api = null;
            Elsewhere(() =>
            {
                Recorder recorder = new Recorder();
                recorder.Ready();
                api = new WeakReference(recorder.Api);
            });
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            Assert.That(api.IsAlive);
            ((FTAPI_Qot)api.Target).Close();
        }

        [Test]
        public void WhatACallbackThrowsIsReported()
        {
            using (Reports reports = new Reports())
            using (Recorder recorder = new Recorder())
            {
                recorder.Api.SetQotCallback(new Thrower());
                recorder.Ready();
                recorder.Api.GetCapitalDistribution(Recorder.Request("00700"));
                Assert.That(Soon(() => reports.All.Length == 1));
                Assert.That(reports.All[0].Item2.Message, Is.EqualTo("mine"));
                recorder.Api.SetQotCallback(recorder);
                recorder.Api.GetCapitalDistribution(Recorder.Request("00700"));
                Assert.That(Soon(() => recorder.Answered == 1));
                recorder.Api.SetQotCallback(null);
                recorder.Api.SetConnCallback(null);
            }
        }

        private sealed class Thrower : FTSPI_Qot
        {
            public void OnReply_GetCapitalDistribution(FTAPI_Conn client, uint nSerialNo, QotGetCapitalDistribution.Response rsp)
            {
                throw new InvalidOperationException("mine");
            }
        }
    }

    /// <summary>Its name sorts last: it uses up the quota, which all connections of the process share.</summary>
    [TestFixture]
    public class VendorTestsLast
    {
        [Test]
        public void CloseAnswersWhatIsInFlightAndNothingComesAfterIt()
        {
            using (Recorder recorder = new Recorder())
            {
                recorder.Ready();
                // More than the quota allows: the rest waits.
                int accepted = Enumerable.Range(0, 100).Count(i => recorder.Api.GetCapitalDistribution(Recorder.Request("00700")) != 0);
                Assert.That(accepted, Is.EqualTo(100));
                recorder.Api.Close();
                Assert.That(recorder.Answered, Is.EqualTo(100));
                Assert.That(recorder.Answers.Select(it => it.Key).Distinct().Count(), Is.EqualTo(100));
                Assert.That(recorder.Last.RetType, Is.EqualTo(-200));
                Assert.That(recorder.Last.RetMsg, Is.Not.Empty);
                Thread.Sleep(50);
                Assert.That(recorder.Answered, Is.EqualTo(100));
            }
        }
    }
}

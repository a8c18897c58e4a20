using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Capdist.Messages;
using Futu.OpenApi.Pb;
using NUnit.Framework;

namespace Capdist.Tests
{
    [TestFixture]
    public class MessageTests
    {
        private static QotGetCapitalDistribution.S2C.Builder Figures()
        {
            return QotGetCapitalDistribution.S2C.CreateBuilder()
                .SetCapitalInBig(1).SetCapitalInMid(2).SetCapitalInSmall(3)
                .SetCapitalOutBig(4).SetCapitalOutMid(5).SetCapitalOutSmall(6);
        }

        private static QotGetCapitalDistribution.Response Answer(string retMsg = "")
        {
            return QotGetCapitalDistribution.Response.CreateBuilder()
                .SetRetType(0).SetRetMsg(retMsg).SetErrCode(-1).SetS2C(Figures().SetUpdateTime("now").SetCapitalInSuper(0.1))
                .Build();
        }

        [Test]
        public void TextIsByNumberAndIndented()
        {
            Assert.That(Answer().ToString(), Is.EqualTo(
                "retType: 0\nretMsg: \"\"\nerrCode: -1\ns2c {\n  capitalInBig: 1\n  capitalInMid: 2\n  capitalInSmall: 3\n"
                + "  capitalOutBig: 4\n  capitalOutMid: 5\n  capitalOutSmall: 6\n  updateTime: \"now\"\n"
                + "  capitalInSuper: 0.1\n}\n"));
            Assert.That(QotGetCapitalDistribution.Response.DefaultInstance.ToString(), Is.EqualTo(""));
        }

        [Test]
        public void TextIsEscapedByteByByte()
        {
            string text = QotCommon.Security.CreateBuilder().SetMarket(1).SetCode("\a\b\f\n\r\t\v\\'\"\u0001~\u007f资").Build().ToString();
            Assert.That(text, Is.EqualTo(
                "market: 1\ncode: \"\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"\\001~\u007f\\350\\265\\204\"\n"));
        }

        [TestCase(299700820, "299700820")]
        [TestCase(0.1 + 0.2, "0.30000000000000004")]
        [TestCase(-1.5, "-1.5")]
        [TestCase(123456789012.34, "123456789012.34")]
        [TestCase(1e14, "100000000000000")]
        [TestCase(1e15, "1E+15")]
        [TestCase(1e-5, "1E-05")]
        [TestCase(double.NaN, "NaN")]
        public void NumbersReadBackAsTheSame(double value, string text)
        {
            CultureInfo before = Thread.CurrentThread.CurrentCulture;
            try
            {
                // A culture with a decimal comma must make no difference.
                CultureInfo comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
                comma.NumberFormat.NumberDecimalSeparator = ",";
                Thread.CurrentThread.CurrentCulture = comma;
                Assert.That(QotGetCapitalDistribution.S2C.CreateBuilder().SetUpdateTimestamp(value).BuildPartial().ToString(),
                            Is.EqualTo("updateTimestamp: " + text + "\n"));
            }
            finally
            {
                Thread.CurrentThread.CurrentCulture = before;
            }
        }

        [Test]
        public void BytesThereAndBack()
        {
            QotGetCapitalDistribution.Response answer = Answer("频率太高");
            QotGetCapitalDistribution.Response again = QotGetCapitalDistribution.Response.ParseFrom(answer.ToByteArray());
            Assert.That(again, Is.EqualTo(answer));
            Assert.That(again.GetHashCode(), Is.EqualTo(answer.GetHashCode()));
            Assert.That(again.RetMsg, Is.EqualTo("频率太高"));
            Assert.That(again.ErrCode, Is.EqualTo(-1));
            Assert.That(again.S2C.HasCapitalOutSuper, Is.False);
            Assert.That(again.S2C.CapitalOutSuper, Is.EqualTo(0));
            Assert.That(again.S2C.CapitalInSuper, Is.EqualTo(0.1));
            Assert.That(again, Is.Not.EqualTo(Answer()));
            Assert.That(QotGetCapitalDistribution.Response.DefaultInstance.RetType, Is.EqualTo((int)Common.RetType.RetType_Unknown));
        }

        /// <summary>Writes files for protoc: the Makefile lets it decode the bytes, and compares its output.</summary>
        [Test]
        public void BytesForProtoc()
        {
            string folder = Environment.GetEnvironmentVariable("CAPDIST_OUT");
            QotGetCapitalDistribution.Response answer = QotGetCapitalDistribution.Response.CreateBuilder(Answer("频率'\\太高"))
                .MergeFrom(new byte[] { 0xd8, 0x06, 0x96, 0x01, 0xe2, 0x06, 0x01, 0x01, 0xed, 0x06, 1, 0, 0, 0 }).Build();
            File.WriteAllBytes(Path.Combine(folder, "response.pb"), answer.ToByteArray());
            File.WriteAllText(Path.Combine(folder, "response.txt"), answer.ToString());
        }

        [Test]
        public void BuildersAskForWhatIsRequired()
        {
            UninitializedMessageException thrown = Assert.Throws<UninitializedMessageException>(
                () => QotGetCapitalDistribution.C2S.CreateBuilder().Build());
            Assert.That(thrown.Message, Is.StringContaining("security"));
            Assert.That(QotCommon.Security.CreateBuilder().SetMarket(1).IsInitialized, Is.False);
            QotGetCapitalDistribution.Request partial = QotGetCapitalDistribution.Request.CreateBuilder()
                .SetC2S(QotGetCapitalDistribution.C2S.DefaultInstance).BuildPartial();
            Assert.That(partial.IsInitialized, Is.False);
            Assert.Throws<ArgumentNullException>(() => QotCommon.Security.CreateBuilder().SetCode(null));
            // A required field of an inner message is missing.
            Assert.Throws<InvalidProtocolBufferException>(
                () => QotGetCapitalDistribution.Request.ParseFrom(new byte[] { 0x0a, 0x02, 0x0a, 0x00 }));
        }

        [Test]
        public void BuildersAreNotTheMessages()
        {
            QotCommon.Security.Builder builder = QotCommon.Security.CreateBuilder().SetMarket(1).SetCode("00700");
            QotCommon.Security first = builder.Build();
            builder.Code = "00005";
            Assert.That(builder.Code, Is.EqualTo("00005"));
            Assert.That(first.Code, Is.EqualTo("00700"));
            Assert.That(first.ToBuilder().ClearCode().SetCode("1").Build().Code, Is.EqualTo("1"));
            Assert.That(builder.Clear().HasMarket, Is.False);
            QotGetCapitalDistribution.Request request = QotGetCapitalDistribution.Request.CreateBuilder()
                .SetC2S(QotGetCapitalDistribution.C2S.CreateBuilder().SetSecurity(first)).Build();
            // Inner messages are merged, and the original message does not change.
            QotGetCapitalDistribution.Request merged = request.ToBuilder()
                .MergeFrom(new byte[] { 0x0a, 0x04, 0x0a, 0x02, 0x08, 0x0b }).Build();
            Assert.That(merged.C2S.Security.Market, Is.EqualTo(11));
            Assert.That(merged.C2S.Security.Code, Is.EqualTo("00700"));
            Assert.That(request.C2S.Security.Market, Is.EqualTo(1));
        }

        [Test]
        public void UnknownFieldsAreKept()
        {
            byte[] known = Answer().ToByteArray();
            // 107 varint 150, 108 bytes 07, 109 fixed32 1, 110 group with 1: varint 5, 111 fixed64 2; and retMsg as a number.
            byte[] unknown =
            {
                0xd8, 0x06, 0x96, 0x01, 0xe2, 0x06, 0x01, 0x07, 0xed, 0x06, 1, 0, 0, 0,
                0xf3, 0x06, 0x08, 0x05, 0xf4, 0x06, 0xf9, 0x06, 2, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x09
            };
            QotGetCapitalDistribution.Response answer = QotGetCapitalDistribution.Response.ParseFrom(known.Concat(unknown).ToArray());
            Assert.That(answer.ToString(), Is.StringEnding(
                "}\n2: 9\n107: 150\n108: \"\\a\"\n109: 0x00000001\n110 {\n  1: 5\n}\n111: 0x0000000000000002\n"));
            Assert.That(QotGetCapitalDistribution.Response.ParseFrom(answer.ToByteArray()), Is.EqualTo(answer));
            Assert.That(answer, Is.Not.EqualTo(Answer()));
        }

        [Test]
        public void BytesCantHurt()
        {
            byte[] whole = Answer("x").ToByteArray();
            for (int length = 0; length < whole.Length; length++)
            {
                byte[] part = whole.Take(length).ToArray();
                Attempt(part);
                // From the length of s2c on, no shorter input is valid.
                if (length <= whole.Length - 70) continue;
                Assert.Throws<InvalidProtocolBufferException>(() => QotGetCapitalDistribution.Response.ParseFrom(part));
            }
            Random chance = new Random(1);
            for (int round = 0; round < 20000; round++)
            {
                byte[] bytes = (byte[])whole.Clone();
                for (int flips = chance.Next(1, 6); flips > 0; flips--) bytes[chance.Next(bytes.Length)] = (byte)chance.Next(256);
                Attempt(bytes);
                chance.NextBytes(bytes);
                Attempt(bytes);
            }
            // Deeply nested groups, a length of 2 GiB, a varint of eleven bytes, field number 0.
            Attempt(Enumerable.Repeat((byte)0x0b, 1000000).ToArray());
            Attempt(new byte[] { 0x12, 0xff, 0xff, 0xff, 0xff, 0x07 });
            Attempt(new byte[] { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 });
            Attempt(Enumerable.Repeat((byte)0xff, 11).ToArray());
            Attempt(new byte[] { 0x00, 0x00 });
        }

        private static void Attempt(byte[] bytes)
        {
            try
            {
                QotGetCapitalDistribution.Response.ParseFrom(bytes).ToString();
            }
            catch (InvalidProtocolBufferException)
            {
            }
        }
    }
}

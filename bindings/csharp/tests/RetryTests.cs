using System;
using System.IO;
using System.Runtime.InteropServices;
using NUnit.Framework;
using static Capdist.Tests.Support;

namespace Capdist.Tests
{
    /// <summary>Whether to repeat a request, and the texts for securities that people write.</summary>
    [TestFixture]
    public class RetryTests
    {
        [Test]
        public void AnErrorTellsWhetherToAskAgain()
        {
            using (Client client = new Client(Given()))
            {
                RequestException refused = Assert.Throws<RequestException>(() => client.FetchCapitalDistribution("HK.99999"));
                Assert.That(refused.Retry, Is.EqualTo(Retry.Never));
                Assert.That(refused.Reply.Retry, Is.EqualTo(Retry.Never));
            }
            using (Client client = new Client(Given("CAPDIST_PORT_SLOW")))
            {
                RequestOptions soon = new RequestOptions { ReplyTimeout = TimeSpan.FromMilliseconds(20) };
                RequestException late =
                    Assert.Throws<RequestException>(() => client.FetchCapitalDistribution("HK.00700", soon));
                Assert.That(late.Retry, Is.EqualTo(Retry.Later));
            }
        }

        /// <summary>The struct of an older library ends before the field.</summary>
        [Test]
        public unsafe void AnOlderLibrarysStructIsNotReadBeyondItsEnd()
        {
            byte* empty = stackalloc byte[1];
            empty[0] = 0;
            // The place of the field.
            byte* at = stackalloc byte[sizeof(Native.capdist_reply)];
            Native.capdist_reply* raw = (Native.capdist_reply*)at;
            *raw = new Native.capdist_reply { ret_msg = empty, desc = empty, status = (int)Status.Refused };
            int* retry = (int*)(at + (int)Marshal.OffsetOf(typeof(Native.capdist_reply), "retry_"));
            *retry = 1;
            Assert.That(new Reply(raw).Retry, Is.EqualTo(Retry.Unknown));
            raw->present = Native.CAPDIST_HAS_RETRY;
            Assert.That(new Reply(raw).Retry, Is.EqualTo(Retry.Never));
            *retry = 77;
            Assert.That(new Reply(raw).Retry, Is.EqualTo(Retry.Unknown));
            byte* protoAt = stackalloc byte[sizeof(Native.capdist_proto_reply)];
            Native.capdist_proto_reply* proto = (Native.capdist_proto_reply*)protoAt;
            *proto = new Native.capdist_proto_reply { desc = empty };
            *(int*)(protoAt + (int)Marshal.OffsetOf(typeof(Native.capdist_proto_reply), "retry_")) = 1;
            Assert.That(new ProtoReply(proto).Retry, Is.EqualTo(Retry.Unknown));
        }

        [Test]
        public void SecuritiesAreReadAsPeopleWriteThem()
        {
            int read = 0;
            foreach (string line in File.ReadAllLines(Environment.GetEnvironmentVariable("CAPDIST_SECURITIES")))
            {
                if (line.Length == 0 || line.StartsWith("# ", StringComparison.Ordinal)) continue;
                string[] row = line.Split('\t');
                string text = row[0].Replace("\\n", "\n").Replace("\\r", "\r").Replace("\\t", "\t");
                if (row[1] != "-")
                {
                    Assert.That(Security.Parse(text).ToString(), Is.EqualTo(row[1]), text);
                    read++;
                    continue;
                }
                ArgumentException refused = Assert.Throws<ArgumentException>(() => Security.Parse(text), text);
                if (row[2] == "-") Assert.That(refused.Message, Is.Not.StringContaining("meant"), text);
                else Assert.That(refused.Message, Is.StringContaining("was " + row[2] + " meant?"), text);
            }
            Assert.That(read, Is.GreaterThan(15));
            Assert.That(new Security((Market)0, "").ToString(), Is.EqualTo("#0."));
        }
    }
}

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Capdist.Tests
{
    /// <summary>The runtime's layouts of the generated structs match the record, whose path is in CAPDIST_RECORD.</summary>
    [TestFixture]
    public unsafe class AbiTests
    {
        private static readonly string[] Lines = File.ReadAllLines(Environment.GetEnvironmentVariable("CAPDIST_RECORD"));

        [Test]
        public void EveryStructIsTheRecords()
        {
            List<string> structs = new List<string>();
            Type type = null;
            int fields = 0;
            foreach (string line in Lines)
            {
                // The record has a line for each struct, followed by a line for each of its fields.
                Match found = Regex.Match(line, "^  \\{\"name\": \"(capdist_\\w+)\".*\"size\": (\\d+), \"alignment\"");
                if (found.Success)
                {
                    structs.Add(found.Groups[1].Value);
                    type = typeof(Native).GetNestedType(found.Groups[1].Value, BindingFlags.NonPublic);
                    Assert.That(Marshal.SizeOf(type), Is.EqualTo(int.Parse(found.Groups[2].Value)), found.Groups[1].Value);
                }
                found = Regex.Match(line, "^   \\{\"name\": \"(\\w+)\".*\"offset\": (\\d+), \"size\": \\d+");
                if (!found.Success) continue;
                string name = found.Groups[1].Value;
                BindingFlags any = BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance;
                // Fields that an older library lacks are private.
                string own = (type.GetField(name, any) ?? type.GetField(name + "_", any)).Name;
                Assert.That((int)Marshal.OffsetOf(type, own), Is.EqualTo(int.Parse(found.Groups[2].Value)), type.Name + "." + name);
                fields++;
            }
            Assert.That(structs, Is.EquivalentTo(typeof(Native).GetNestedTypes(BindingFlags.NonPublic)
                .Where(one => one.IsValueType && !one.Name.StartsWith("<")).Select(one => one.Name)));
            Assert.That(fields, Is.GreaterThan(80));
        }

        [Test]
        public void TheRuntimePassesStructsAsTheyAre()
        {
            // These structs are passed by pointer without marshalling, so sizeof must match, too.
            Assert.That(sizeof(Native.capdist_security), Is.EqualTo(Marshal.SizeOf(typeof(Native.capdist_security))));
            Assert.That(sizeof(Native.capdist_options), Is.EqualTo(Marshal.SizeOf(typeof(Native.capdist_options))));
            Assert.That(sizeof(Native.capdist_reply), Is.EqualTo(Marshal.SizeOf(typeof(Native.capdist_reply))));
        }

        [Test]
        public void StatusesHaveTheLibrarysNames()
        {
            foreach (Status status in Enum.GetValues(typeof(Status)))
            {
                string name = Native.Text(Native.capdist_status_name((int)status));
                Assert.That(name.Replace("_", ""), Is.EqualTo("CAPDIST" + status.ToString().ToUpperInvariant()));
                Assert.That(Native.Text(Native.capdist_status_text((int)status)), Is.Not.Empty);
            }
        }
    }
}

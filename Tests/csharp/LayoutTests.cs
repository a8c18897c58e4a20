using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Capdist.Tests
{
    /// <summary>C's view of the interface, which a C compiler wrote into the file that CAPDIST_LAYOUT names, and ours. A line
    /// is `struct NAME SIZE`, `field STRUCT NAME OFFSET SIZE`, `constant NAME VALUE`, `function NAME RETURNS SIZE...` or
    /// `callback NAME SIZE...`, the sizes being those of the result and the arguments.</summary>
    [TestFixture]
    public unsafe class LayoutTests
    {
        private static readonly string[][] Lines =
            File.ReadAllLines(Environment.GetEnvironmentVariable("CAPDIST_LAYOUT")).Select(line => line.Split(' ')).ToArray();

        private static IEnumerable<string[]> Of(string kind)
        {
            string[][] found = Lines.Where(line => line[0] == kind).ToArray();
            Assert.That(found, Is.Not.Empty, kind);
            return found;
        }

        private static int SizeOf(Type type)
        {
            return type == typeof(void) ? 0 : type.IsPointer ? IntPtr.Size : Marshal.SizeOf(type);
        }

        [Test]
        public void EveryStructIsAsC()
        {
            string[] ours = typeof(Native).GetNestedTypes(BindingFlags.NonPublic)
                .Where(type => type.IsValueType).Select(type => type.Name).ToArray();
            Assert.That(ours, Is.EquivalentTo(Of("struct").Select(line => line[1])));
            foreach (string[] line in Of("struct"))
            {
                Type type = typeof(Native).GetNestedType(line[1], BindingFlags.NonPublic);
                Assert.That(Marshal.SizeOf(type), Is.EqualTo(int.Parse(line[2])), line[1]);
                string[] fields = Of("field").Where(field => field[1] == line[1]).Select(field => field[2]).ToArray();
                Assert.That(type.GetFields().Select(field => field.Name), Is.EqualTo(fields), line[1]);
            }
            foreach (string[] line in Of("field"))
            {
                Type type = typeof(Native).GetNestedType(line[1], BindingFlags.NonPublic);
                string name = line[1] + "." + line[2];
                Assert.That((int)Marshal.OffsetOf(type, line[2]), Is.EqualTo(int.Parse(line[3])), name);
                Assert.That(SizeOf(type.GetField(line[2]).FieldType), Is.EqualTo(int.Parse(line[4])), name);
            }
        }

        [Test]
        public void TheRuntimePassesStructsAsTheyAre()
        {
            // By pointer, without marshalling: sizeof is what the library sees.
            Assert.That(sizeof(Native.capdist_security), Is.EqualTo(Marshal.SizeOf(typeof(Native.capdist_security))));
            Assert.That(sizeof(Native.capdist_options), Is.EqualTo(Marshal.SizeOf(typeof(Native.capdist_options))));
            Assert.That(sizeof(Native.capdist_reply), Is.EqualTo(Marshal.SizeOf(typeof(Native.capdist_reply))));
        }

        /// <summary>CAPDIST_QUEUE_TIMEOUT is QueueTimeout.</summary>
        private static string Pascal(string name)
        {
            return string.Concat(name.Split('_').Select(word => word.Substring(0, 1) + word.Substring(1).ToLowerInvariant()));
        }

        private static readonly Dictionary<string, Type> Enums = new Dictionary<string, Type>
        {
            { "CAPDIST_MARKET_", typeof(Market) }, { "CAPDIST_STATE_", typeof(ConnectionState) },
            { "CAPDIST_LOG_", typeof(LogLevel) }, { "CAPDIST_CIPHER_", typeof(Cipher) },
            { "CAPDIST_TRANSPORT_", typeof(Transport) }, { "CAPDIST_QUOTA_", typeof(QuotaMode) },
            { "CAPDIST_OUTAGE_", typeof(OutageMode) }, { "CAPDIST_RETRY_", typeof(Retry) }
        };

        [Test]
        public void EveryConstantIsAsC()
        {
            Dictionary<Type, HashSet<int>> seen = Enums.Values.Concat(new[] { typeof(Status) })
                .ToDictionary(type => type, type => new HashSet<int>());
            foreach (string[] line in Of("constant"))
            {
                string name = line[1];
                int value = int.Parse(line[2]);
                FieldInfo own = typeof(Native).GetField(name, BindingFlags.NonPublic | BindingFlags.Static);
                if (own != null)
                {
                    Assert.That(Convert.ToInt64(own.GetValue(null)), Is.EqualTo(value), name);
                    continue;
                }
                if (line[3] == "status")
                {
                    Assert.That(((Status)value).ToString(), Is.EqualTo(Pascal(name.Substring("CAPDIST_".Length))));
                    Assert.That(Native.Text(Native.capdist_status_name(value)), Is.EqualTo(name));
                    Assert.That(Native.Text(Native.capdist_status_text(value)), Is.Not.Empty);
                    seen[typeof(Status)].Add(value);
                    continue;
                }
                string prefix = Enums.Keys.FirstOrDefault(name.StartsWith);
                if (prefix == null) continue;
                string ours = Enum.GetName(Enums[prefix], value);
                Assert.That(ours, Is.Not.Null, name);
                Assert.That(ours.ToUpperInvariant(), Is.EqualTo(name.Substring(prefix.Length).Replace("_", "")), name);
                seen[Enums[prefix]].Add(value);
            }
            foreach (KeyValuePair<Type, HashSet<int>> type in seen)
            {
                Assert.That(type.Value, Is.EquivalentTo(Enum.GetValues(type.Key).Cast<object>().Select(Convert.ToInt32)),
                            type.Key.Name);
            }
        }

        [Test]
        public void EveryFunctionTakesWhatCTakes()
        {
            MethodInfo[] ours = typeof(Native).GetMethods(BindingFlags.NonPublic | BindingFlags.Static)
                .Where(method => method.Name.StartsWith("capdist_")).ToArray();
            Dictionary<string, string[]> declared = Of("function").ToDictionary(line => line[1]);
            Assert.That(ours.Length, Is.GreaterThan(15));
            foreach (MethodInfo method in ours)
            {
                Assert.That(declared.ContainsKey(method.Name), method.Name);
                string[] sizes = new[] { method.ReturnType }.Concat(method.GetParameters().Select(it => it.ParameterType))
                    .Select(type => SizeOf(type).ToString()).ToArray();
                Assert.That(sizes, Is.EqualTo(declared[method.Name].Skip(2)), method.Name);
            }
        }

        [Test]
        public void EveryCallbackTakesWhatCGives()
        {
            Type[] ours = typeof(Native).GetNestedTypes(BindingFlags.NonPublic)
                .Where(type => type.IsSubclassOf(typeof(Delegate))).ToArray();
            Dictionary<string, string[]> declared = Of("callback").ToDictionary(line => line[1]);
            Assert.That(ours.Select(type => type.Name), Is.EquivalentTo(declared.Keys));
            foreach (Type type in ours)
            {
                string[] sizes = type.GetMethod("Invoke").GetParameters()
                    .Select(parameter => SizeOf(parameter.ParameterType).ToString()).ToArray();
                Assert.That(sizes, Is.EqualTo(declared[type.Name].Skip(2)), type.Name);
                UnmanagedFunctionPointerAttribute convention = (UnmanagedFunctionPointerAttribute)Attribute.GetCustomAttribute(
                    type, typeof(UnmanagedFunctionPointerAttribute));
                Assert.That(convention.CallingConvention, Is.EqualTo(CallingConvention.Cdecl), type.Name);
            }
        }
    }
}

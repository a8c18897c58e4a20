using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Capdist.Messages
{
    internal enum WireType
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        StartGroup = 3,
        EndGroup = 4,
        Fixed32 = 5
    }

    /// <summary>Reads protobuf. Input is not trusted: every length is checked against the bytes that are left.</summary>
    internal sealed class Reader
    {
        private const int MaxDepth = 64;

        private readonly byte[] data;
        private int at;
        private readonly int end;

        internal Reader(byte[] data) : this(data, 0, data.Length)
        {
        }

        private Reader(byte[] data, int at, int end)
        {
            this.data = data;
            this.at = at;
            this.end = end;
        }

        internal void Read(Message into)
        {
            while (at < end)
            {
                int number;
                WireType type = Tag(out number);
                Field field = into.FieldOf(number);
                if (field == null || field.WireType != type) into.Unknown.Add(number, type, Unknown(number, type, 0));
                else into.Merge(number, Value(field));
            }
        }

        private object Value(Field field)
        {
            if (field.Default is int) return unchecked((int)Varint());
            if (field.Default is double) return BitConverter.Int64BitsToDouble(unchecked((long)Fixed(8)));
            int length = Length();
            Message standard = field.Default as Message;
            at += length;
            if (standard == null) return Encoding.UTF8.GetString(data, at - length, length);
            Message message = standard.New();
            new Reader(data, at - length, at).Read(message);
            return message;
        }

        private object Unknown(int number, WireType type, int depth)
        {
            switch (type)
            {
                case WireType.Varint: return Varint();
                case WireType.Fixed32: return Fixed(4);
                case WireType.Fixed64: return Fixed(8);
                case WireType.Bytes:
                    byte[] bytes = new byte[Length()];
                    Buffer.BlockCopy(data, at, bytes, 0, bytes.Length);
                    at += bytes.Length;
                    return bytes;
                case WireType.StartGroup: return Group(number, depth);
                default: throw new InvalidProtocolBufferException("a group ends that did not begin");
            }
        }

        private UnknownFields Group(int number, int depth)
        {
            if (depth == MaxDepth) throw new InvalidProtocolBufferException("groups are nested too deeply");
            UnknownFields group = new UnknownFields();
            while (true)
            {
                int inner;
                WireType type = Tag(out inner);
                if (type == WireType.EndGroup)
                {
                    if (inner != number) throw new InvalidProtocolBufferException("another group ends than began");
                    return group;
                }
                group.Add(inner, type, Unknown(inner, type, depth + 1));
            }
        }

        private WireType Tag(out int number)
        {
            ulong tag = Varint();
            number = (int)(tag >> 3 & 0x1fffffff);
            if (tag > uint.MaxValue || number == 0 || (tag & 7) > (ulong)WireType.Fixed32)
                throw new InvalidProtocolBufferException("a tag is none");
            return (WireType)(tag & 7);
        }

        private ulong Varint()
        {
            ulong value = 0;
            for (int shift = 0; shift < 70; shift += 7)
            {
                if (at == end) throw Truncated();
                byte next = data[at++];
                if (shift < 64) value |= (ulong)(next & 0x7f) << shift;
                if (next < 0x80) return value;
            }
            throw new InvalidProtocolBufferException("a number is too long");
        }

        private ulong Fixed(int size)
        {
            if (end - at < size) throw Truncated();
            ulong value = 0;
            for (int i = 0; i < size; i++) value |= (ulong)data[at + i] << 8 * i;
            at += size;
            return value;
        }

        private int Length()
        {
            ulong length = Varint();
            if (length > (ulong)(end - at)) throw Truncated();
            return (int)length;
        }

        private static InvalidProtocolBufferException Truncated() =>
            new InvalidProtocolBufferException("the message ends too early");
    }

    /// <summary>Writes protobuf.</summary>
    internal static class Writer
    {
        internal static byte[] Write(Message message)
        {
            MemoryStream stream = new MemoryStream();
            foreach (KeyValuePair<int, object> value in message.Values)
            {
                WireType type = message.FieldOf(value.Key).WireType;
                if (value.Value is int) Write(stream, value.Key, type, unchecked((ulong)(int)value.Value));
                else if (value.Value is double)
                    Write(stream, value.Key, type, unchecked((ulong)BitConverter.DoubleToInt64Bits((double)value.Value)));
                else if (value.Value is string) Write(stream, value.Key, type, Encoding.UTF8.GetBytes((string)value.Value));
                else Write(stream, value.Key, type, Write((Message)value.Value));
            }
            message.Unknown.Write(stream);
            return stream.ToArray();
        }

        internal static void Write(MemoryStream stream, int number, WireType type, object value)
        {
            Varint(stream, (ulong)number << 3 | (ulong)type);
            switch (type)
            {
                case WireType.Varint: Varint(stream, (ulong)value); break;
                case WireType.Fixed32: Fixed(stream, (ulong)value, 4); break;
                case WireType.Fixed64: Fixed(stream, (ulong)value, 8); break;
                case WireType.Bytes:
                    byte[] bytes = (byte[])value;
                    Varint(stream, (ulong)bytes.Length);
                    stream.Write(bytes, 0, bytes.Length);
                    break;
                default:
                    ((UnknownFields)value).Write(stream);
                    Varint(stream, (ulong)number << 3 | (ulong)WireType.EndGroup);
                    break;
            }
        }

        private static void Varint(MemoryStream stream, ulong value)
        {
            for (; value >= 0x80; value >>= 7) stream.WriteByte((byte)(value | 0x80));
            stream.WriteByte((byte)value);
        }

        private static void Fixed(MemoryStream stream, ulong value, int size)
        {
            for (int i = 0; i < size; i++) stream.WriteByte((byte)(value >> 8 * i));
        }
    }

    /// <summary>Fields that are not in a message's table, such as those of newer gateways.</summary>
    internal sealed class UnknownFields
    {
        /// <summary>The order of the wire types within one number, as in protobuf's text format.</summary>
        private static readonly WireType[] Order =
            { WireType.Varint, WireType.Fixed32, WireType.Fixed64, WireType.Bytes, WireType.StartGroup };

        private readonly SortedDictionary<int, List<KeyValuePair<WireType, object>>> fields =
            new SortedDictionary<int, List<KeyValuePair<WireType, object>>>();

        internal void Add(int number, WireType type, object value)
        {
            List<KeyValuePair<WireType, object>> values;
            if (!fields.TryGetValue(number, out values)) fields[number] = values = new List<KeyValuePair<WireType, object>>();
            values.Add(new KeyValuePair<WireType, object>(type, value));
        }

        internal void Add(UnknownFields other)
        {
            foreach (Entry entry in other.Entries()) Add(entry.Number, entry.Type, entry.Value);
        }

        internal void Write(MemoryStream stream)
        {
            foreach (Entry entry in Entries()) Writer.Write(stream, entry.Number, entry.Type, entry.Value);
        }

        internal void Print(StringBuilder text, string indentation)
        {
            foreach (Entry entry in Entries())
            {
                text.Append(indentation).Append(entry.Number);
                switch (entry.Type)
                {
                    case WireType.Varint: text.Append(": ").Append((ulong)entry.Value).Append('\n'); break;
                    case WireType.Fixed32: text.AppendFormat(": 0x{0:x8}\n", entry.Value); break;
                    case WireType.Fixed64: text.AppendFormat(": 0x{0:x16}\n", entry.Value); break;
                    case WireType.Bytes:
                        text.Append(": \"").Append(Message.Escape((byte[])entry.Value)).Append("\"\n");
                        break;
                    default:
                        text.Append(" {\n");
                        ((UnknownFields)entry.Value).Print(text, indentation + "  ");
                        text.Append(indentation).Append("}\n");
                        break;
                }
            }
        }

        /// <summary>The same text for the same fields.</summary>
        public override string ToString()
        {
            StringBuilder text = new StringBuilder();
            Print(text, "");
            return text.ToString();
        }

        private struct Entry
        {
            internal int Number;
            internal WireType Type;
            internal object Value;
        }

        private IEnumerable<Entry> Entries()
        {
            foreach (KeyValuePair<int, List<KeyValuePair<WireType, object>>> field in fields)
            {
                foreach (WireType type in Order)
                {
                    foreach (KeyValuePair<WireType, object> value in field.Value)
                    {
                        if (value.Key == type) yield return new Entry { Number = field.Key, Type = type, Value = value.Value };
                    }
                }
            }
        }
    }
}

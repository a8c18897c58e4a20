package capdist;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The C library, loaded, and C's values as Java's. {@link Abi} has the interface itself. */
final class CapdistLibrary {
    /** In and out, big, mid and small. */
    static final int HAS_REQUIRED_FIGURES = Abi.HAS_CAPITAL_IN_BIG | Abi.HAS_CAPITAL_IN_MID | Abi.HAS_CAPITAL_IN_SMALL
            | Abi.HAS_CAPITAL_OUT_BIG | Abi.HAS_CAPITAL_OUT_MID | Abi.HAS_CAPITAL_OUT_SMALL;

    private static final int RTLD_NOW = 2;
    private static final NativeLibrary LIBRARY = load();
    /** Of the library, which may be older than this. */
    private static final int MINOR = minor();

    private CapdistLibrary() {}

    private static NativeLibrary load() {
        if (Native.POINTER_SIZE != 8 || Native.SIZE_T_SIZE != 8) {
            throw new UnsatisfiedLinkError("libcapdist is for 64-bit systems");
        }
        String named = System.getenv("CAPDIST_LIBRARY");
        // By its ABI's name: without the compiler's link, and no other ABI's.
        String name = named != null && !named.isEmpty() ? named : "libcapdist.so." + Abi.VERSION_MAJOR;
        try {
            // Not JNA's default, which would make OpenSSL's symbols those of the whole process.
            return NativeLibrary.getInstance(name, Map.of(Library.OPTION_OPEN_FLAGS, RTLD_NOW));
        } catch (UnsatisfiedLinkError e) {
            UnsatisfiedLinkError explained = new UnsatisfiedLinkError("libcapdist cannot be loaded: install it where the"
                    + " system finds libraries, or name its file in the variable CAPDIST_LIBRARY (" + e.getMessage() + ")");
            explained.initCause(e);
            throw explained;
        }
    }

    private static int minor() {
        String version = LIBRARY.getFunction("capdist_version").invokeString(new Object[0], false);
        String[] numbers = version.split("\\.");
        if (!numbers[0].equals(Integer.toString(Abi.VERSION_MAJOR))) {
            throw new UnsatisfiedLinkError("libcapdist is version " + version + ", and " + Abi.VERSION_MAJOR + ".x is needed");
        }
        return Integer.parseInt(numbers[1]);
    }

    /** Makes a class's native methods the library's. False: it is older than that minor number, and has them not. */
    static boolean register(Class<?> methods, int since) {
        if (MINOR < since) return false;
        Native.register(methods, LIBRARY);
        return true;
    }

    /** C's options, which keep the texts they point to. */
    static final class RawOptions extends Abi.Options {
        private final List<Memory> texts = new ArrayList<>();

        /** The text as C's, which lives as long as this. */
        Memory keep(Memory text) {
            texts.add(text);
            return text;
        }

        /** Overwrites all texts: there may be a key among them. */
        void wipe() {
            texts.forEach(Memory::clear);
        }
    }

    /** As far as a status alone tells. */
    static Retry retry(Status status) {
        return Abi.Since1_1.IS_THERE ? Retry.of(Abi.Since1_1.capdist_status_retry(status.number())) : Retry.UNKNOWN;
    }

    /** Throws what a call was refused with. */
    static void check(int status) {
        if (status != 0) throw new CapdistException(Status.of(status), text(Abi.capdist_last_error()));
    }

    /** C's text as Java's; "" for NULL. */
    static String text(Pointer text) {
        return text == null ? "" : text.getString(0, "UTF-8");
    }

    /** The text in an array from this index on, up to its NUL. */
    static String text(byte[] array, int from) {
        int end = from;
        while (end < array.length && array[end] != 0) end++;
        return new String(array, from, end - from, StandardCharsets.UTF_8);
    }

    /** A copy of C's bytes. */
    static byte[] bytes(Pointer at, long length) {
        // At most max_body_bytes, which is 256 MiB.
        return at == null ? new byte[0] : at.getByteArray(0, Math.toIntExact(length));
    }

    /** The text as C's; null for null. Throws for what cannot be passed on as it is, rather than to change it. */
    static Memory utf8(String text, String name) {
        if (text == null) return null;
        byte[] bytes = utf8Bytes(text, name);
        Memory memory = new Memory(bytes.length + 1L);
        memory.write(0, bytes, 0, bytes.length);
        memory.setByte(bytes.length, (byte) 0);
        Arrays.fill(bytes, (byte) 0);
        return memory;
    }

    static byte[] utf8Bytes(String text, String name) {
        if (text == null) throw new CapdistException(Status.INVALID_ARGUMENT, name + " is null");
        if (text.indexOf('\0') >= 0) throw new CapdistException(Status.INVALID_ARGUMENT, name + " holds a NUL");
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            Arrays.fill(encoded.array(), (byte) 0);
            return bytes;
        } catch (CharacterCodingException e) {
            throw new CapdistException(Status.INVALID_ARGUMENT, name + " is no Unicode text: it holds half a surrogate pair");
        }
    }
}

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

/** Loads the C library, and converts between values of C and Java. {@link Abi} has the interface itself. */
final class CapdistLibrary {
    /** The figures that every answer must have: in and out, big, mid and small. */
    static final int HAS_REQUIRED_FIGURES = Abi.HAS_CAPITAL_IN_BIG | Abi.HAS_CAPITAL_IN_MID | Abi.HAS_CAPITAL_IN_SMALL
            | Abi.HAS_CAPITAL_OUT_BIG | Abi.HAS_CAPITAL_OUT_MID | Abi.HAS_CAPITAL_OUT_SMALL;

    private static final int RTLD_NOW = 2;
    private static final NativeLibrary LIBRARY = load();
    /** The minor version of the loaded library, which may be older than this binding. */
    private static final int MINOR = minor();

    private CapdistLibrary() {}

    private static NativeLibrary load() {
        if (Native.POINTER_SIZE != 8 || Native.SIZE_T_SIZE != 8) {
            throw new UnsatisfiedLinkError("libcapdist is for 64-bit systems");
        }
        String named = System.getenv("CAPDIST_LIBRARY");
        // The name with the ABI's number: it needs no development package, and never loads a library with another ABI.
        String name = named != null && !named.isEmpty() ? named : "libcapdist.so." + Abi.VERSION_MAJOR;
        try {
            // JNA's default is RTLD_GLOBAL, which would show OpenSSL's symbols to the whole process.
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

    /** Binds a class's native methods to the library. Returns false if the library is older than that minor version. */
    static boolean register(Class<?> methods, int since) {
        if (MINOR < since) return false;
        Native.register(methods, LIBRARY);
        return true;
    }

    /** The C struct of options. It keeps the texts alive that it points to. */
    static final class RawOptions extends Abi.Options {
        private final List<Memory> texts = new ArrayList<>();

        /** Keeps a text alive as long as this struct. */
        Memory keep(Memory text) {
            texts.add(text);
            return text;
        }

        /** Overwrites all texts: there may be a key among them. */
        void wipe() {
            texts.forEach(Memory::clear);
        }
    }

    /** What the status alone tells; unknown with a library that lacks the function. */
    static Retry retry(Status status) {
        return Abi.Since1_1.IS_THERE ? Retry.of(Abi.Since1_1.capdist_status_retry(status.number())) : Retry.UNKNOWN;
    }

    /** Throws if the status is not success. */
    static void check(int status) {
        if (status != 0) throw new CapdistException(Status.of(status), text(Abi.capdist_last_error()));
    }

    /** Converts a C string; "" for NULL. */
    static String text(Pointer text) {
        return text == null ? "" : text.getString(0, "UTF-8");
    }

    /** Reads a C string in an array, from this index to its NUL. */
    static String text(byte[] array, int from) {
        int end = from;
        while (end < array.length && array[end] != 0) end++;
        return new String(array, from, end - from, StandardCharsets.UTF_8);
    }

    /** Copies memory of C. */
    static byte[] bytes(Pointer at, long length) {
        // The length is at most max_body_bytes, which is at most 256 MiB.
        return at == null ? new byte[0] : at.getByteArray(0, Math.toIntExact(length));
    }

    /** Converts to a C string; null for null. Throws if the text contains a NUL or is not valid Unicode. */
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

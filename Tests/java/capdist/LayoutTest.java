package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The binding's view of the C interface against the header, as a C compiler reads it. */
class LayoutTest {
    private static final Map<String, Structure> STRUCTS = Map.of(
            "capdist_security", new CapdistLibrary.Security(),
            "capdist_capital_distribution", new CapdistLibrary.Distribution(),
            "capdist_flow", new CapdistLibrary.RawFlow(),
            "capdist_reply", new CapdistLibrary.Reply(),
            "capdist_proto_reply", new CapdistLibrary.ProtoReply(),
            "capdist_options", new CapdistLibrary.Options(),
            "capdist_request_options", new CapdistLibrary.RequestOptions(),
            "capdist_connection_info", new CapdistLibrary.ConnectionInfo(),
            "capdist_quota", new CapdistLibrary.Quota());
    private static final Map<String, Class<? extends Callback>> CALLBACKS = Map.of(
            "capdist_reply_fn", CapdistLibrary.ReplyFn.class,
            "capdist_proto_fn", CapdistLibrary.ProtoFn.class,
            "capdist_init_connect_fn", CapdistLibrary.InitConnectFn.class,
            "capdist_disconnect_fn", CapdistLibrary.DisconnectFn.class,
            "capdist_attempt_failed_fn", CapdistLibrary.AttemptFailedFn.class,
            "capdist_push_fn", CapdistLibrary.PushFn.class,
            "capdist_log_fn", CapdistLibrary.LogFn.class,
            "capdist_thread_start_fn", CapdistLibrary.ThreadStartFn.class,
            "capdist_resolve_fn", CapdistLibrary.ResolveFn.class,
            "capdist_closed_fn", CapdistLibrary.ClosedFn.class);
    private static final Map<String, Long> COMPILED = new HashMap<>();
    /** The header without its comments. */
    private static String header;

    @TempDir
    static Path folder;

    @BeforeAll
    static void compile() throws Exception {
        header = Files.readString(Path.of("include/capdist.h")).replaceAll("(?s)/\\*.*?\\*/", "");
        List<String> lines = new ArrayList<>();
        STRUCTS.forEach((name, struct) -> {
            lines.add("P(\"%1$s\", sizeof(%1$s));".formatted(name));
            for (String field : fields(struct)) {
                lines.add("P(\"%1$s.%2$s\", offsetof(%1$s, %2$s));".formatted(name, field));
                lines.add("P(\"sizeof %1$s.%2$s\", sizeof(((%1$s *)0)->%2$s));".formatted(name, field));
            }
        });
        for (String name : enumerators("CAPDIST_\\w+")) lines.add("P(\"%1$s\", %1$s);".formatted(name));
        lines.add("P(\"CAPDIST_CODE_SIZE\", CAPDIST_CODE_SIZE);");
        Path source = folder.resolve("layout.c");
        Files.writeString(source, """
                #include <stdio.h>
                #include "capdist.h"
                #define P(name, value) printf("%s\\t%lld\\n", name, (long long)(value))
                int main(void) {
                """ + String.join("\n", lines) + "\nreturn 0;\n}\n");
        Path program = folder.resolve("layout");
        run("cc", "-std=c11", "-Wall", "-Werror", "-Iinclude", source.toString(), "-o", program.toString());
        for (String line : run(program.toString())) {
            String[] words = line.split("\t");
            COMPILED.put(words[0], Long.parseLong(words[1]));
        }
    }

    private static List<String> run(String... command) throws Exception {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> lines = process.inputReader().lines().toList();
        assertEquals(0, process.waitFor(), String.join(" ", command));
        return lines;
    }

    private static List<String> fields(Structure struct) {
        return List.of(struct.getClass().getAnnotation(Structure.FieldOrder.class).value());
    }

    /** Enumerators of the header. */
    private static List<String> enumerators(String pattern) {
        return Pattern.compile("\\b(" + pattern + ") = ")
                .matcher(header)
                .results()
                .map(found -> found.group(1))
                .toList();
    }

    /** Their values, by the rest of their name. */
    private static Map<String, Integer> constants(String prefix) {
        Map<String, Integer> values = new TreeMap<>();
        for (String name : enumerators(prefix + "\\w+")) {
            values.put(name.substring(prefix.length()), Math.toIntExact(COMPILED.get(name)));
        }
        assertTrue(values.size() > 1, prefix);
        return values;
    }

    @Test
    void structsAreAsTheCompilerLaysThemOut() throws Exception {
        Method fieldOffset = Structure.class.getDeclaredMethod("fieldOffset", String.class);
        fieldOffset.setAccessible(true);
        for (Map.Entry<String, Structure> entry : STRUCTS.entrySet()) {
            String name = entry.getKey();
            Structure struct = entry.getValue();
            assertEquals(COMPILED.get(name), struct.size(), name);
            for (String field : fields(struct)) {
                String at = name + "." + field;
                assertEquals(COMPILED.get(at), ((Integer) fieldOffset.invoke(struct, field)).longValue(), at);
                Field declared = struct.getClass().getField(field);
                long size = declared.get(struct) instanceof byte[] array
                        ? array.length
                        : declared.get(struct) instanceof Structure inner ? inner.size() : width(declared.getType());
                assertEquals(COMPILED.get("sizeof " + at), size, at);
            }
        }
        assertEquals(COMPILED.get("capdist_security"), CapdistLibrary.SECURITY_SIZE);
        assertEquals(COMPILED.get("capdist_security.code"), Integer.BYTES);
        assertEquals(COMPILED.get("CAPDIST_CODE_SIZE"), CapdistLibrary.CODE_SIZE);
    }

    private static int width(Class<?> type) {
        if (type == int.class) return 4;
        boolean isPointer = type == Pointer.class
                || type == byte[].class
                || type == int[].class
                || Callback.class.isAssignableFrom(type)
                || Structure.class.isAssignableFrom(type)
                || com.sun.jna.PointerType.class.isAssignableFrom(type)
                || com.sun.jna.ptr.ByReference.class.isAssignableFrom(type);
        assertTrue(isPointer || type == long.class || type == double.class, type.toString());
        return 8;
    }

    @Test
    void offsetsThatAnswersAreReadBy() throws Exception {
        int checked = 0;
        for (String name : List.of("capdist_reply", "capdist_proto_reply", "capdist_capital_distribution")) {
            Structure struct = STRUCTS.get(name);
            for (String field : fields(struct)) {
                Field offset = struct.getClass().getDeclaredField(field.toUpperCase());
                assertEquals(COMPILED.get(name + "." + field), offset.getInt(null), name + "." + field);
                checked++;
            }
        }
        assertEquals(14 + 11 + 11, checked);
    }

    @Test
    void structsHaveTheFieldsOfTheHeader() {
        Map<String, List<String>> declared = new LinkedHashMap<>();
        Matcher struct = Pattern.compile("(?s)typedef struct (\\w+) \\{(.*?)\\}").matcher(header);
        while (struct.find()) {
            declared.put(
                    struct.group(1),
                    Pattern.compile("(\\w+)(?:\\[\\w+\\])?;")
                            .matcher(struct.group(2))
                            .results()
                            .map(field -> field.group(1))
                            .toList());
        }
        Map<String, List<String>> known = new HashMap<>();
        STRUCTS.forEach((name, one) -> known.put(name, fields(one)));
        assertEquals(declared, known);
    }

    @Test
    void functionsAndCallbacksTakeWhatTheHeaderSays() {
        Map<String, String[]> declared = new HashMap<>();
        Matcher function = Pattern.compile("(?s)CAPDIST_API\\b([^;(]*?)(\\w+)\\s*\\(([^)]*)\\);").matcher(header);
        while (function.find()) {
            declared.put(function.group(2), new String[] {function.group(1), function.group(3)});
        }
        int checked = 0;
        for (Method method : CapdistLibrary.class.getDeclaredMethods()) {
            if (!Modifier.isNative(method.getModifiers())) continue;
            String[] wanted = declared.get(method.getName());
            assertTrue(wanted != null, method.getName());
            assertEquals(width(wanted[0]), width(method.getReturnType()), method.getName());
            assertEquals(widths(wanted[1]), widths(method), method.getName());
            checked++;
        }
        assertTrue(checked > 14);
        Matcher callback = Pattern.compile("typedef void \\(\\*(\\w+)\\)\\(([^)]*)\\)").matcher(header);
        Map<String, List<Integer>> callbacks = new HashMap<>();
        while (callback.find()) callbacks.put(callback.group(1), widths(callback.group(2)));
        Map<String, List<Integer>> known = new HashMap<>();
        CALLBACKS.forEach((name, type) -> known.put(name, widths(type.getDeclaredMethods()[0])));
        assertEquals(callbacks, known);
    }

    private static List<Integer> widths(Method method) {
        return Stream.of(method.getParameterTypes()).map(LayoutTest::width).toList();
    }

    private static List<Integer> widths(String parameters) {
        if (parameters.strip().equals("void")) return List.of();
        return Arrays.stream(parameters.split(",")).map(LayoutTest::width).toList();
    }

    private static int width(String c) {
        boolean isNarrow = !c.contains("*") && Pattern.compile("\\b(u?int32_t|capdist_status)\\b").matcher(c).find();
        boolean isWide = c.contains("*") || Pattern.compile("\\b(u?int64_t|size_t|capdist_\\w+_fn)\\b").matcher(c).find();
        assertTrue(isNarrow != isWide, c);
        return isNarrow ? 4 : 8;
    }

    @Test
    void statuses() {
        Map<String, Integer> known = new TreeMap<>();
        for (Status status : Status.values()) {
            if (status != Status.UNKNOWN) known.put(status.name(), status.number());
            assertEquals(status, Status.of(status.number()));
        }
        Matcher body = Pattern.compile("(?s)enum \\{([^}]*\\bCAPDIST_OK\\b[^}]*)\\}").matcher(header);
        assertTrue(body.find());
        Map<String, Integer> declared = new TreeMap<>();
        Matcher one = Pattern.compile("CAPDIST_(\\w+) = (\\d+)").matcher(body.group(1));
        while (one.find()) declared.put(one.group(1), Integer.parseInt(one.group(2)));
        assertEquals(declared, known);
        assertEquals(Status.UNKNOWN, Status.of(63));
        assertEquals(Status.UNKNOWN, Status.of(1000));
    }

    @Test
    void constantsOfClasses() throws Exception {
        assertEquals(constants("CAPDIST_MARKET_"), staticInts(Security.class, "MARKET_"));
        assertEquals(constants("CAPDIST_ERR_KIND_"), staticInts(ErrCode.class, "KIND_"));
        assertEquals(constants("CAPDIST_INIT_CONNECT_"), staticInts(ErrCode.class, "INIT_CONNECT_"));
        for (String bit : List.of("UPDATE_TIME", "UPDATE_TIMESTAMP", "CAPITAL_IN_SUPER", "CAPITAL_OUT_SUPER", "RET_TYPE",
                "RET_MSG", "ERR_CODE")) {
            Field known = CapdistLibrary.class.getDeclaredField("HAS_" + bit);
            // As the compiler's, though the header writes them as shifts.
            assertEquals(COMPILED.get("CAPDIST_HAS_" + bit), known.getInt(null), bit);
        }
        long required = Stream.of("IN_BIG", "IN_MID", "IN_SMALL", "OUT_BIG", "OUT_MID", "OUT_SMALL")
                .mapToLong(bit -> COMPILED.get("CAPDIST_HAS_CAPITAL_" + bit))
                .sum();
        assertEquals(required, CapdistLibrary.HAS_REQUIRED_FIGURES);
    }

    private static Map<String, Integer> staticInts(Class<?> type, String prefix) throws IllegalAccessException {
        Map<String, Integer> values = new TreeMap<>();
        for (Field field : type.getFields()) {
            if (field.getName().startsWith(prefix)) values.put(field.getName().substring(prefix.length()), field.getInt(null));
        }
        return values;
    }

    @Test
    void enums() {
        Map<String, Integer> transports = new TreeMap<>();
        for (Options.Transport one : Options.Transport.values()) transports.put(one.name(), one.ordinal());
        assertEquals(constants("CAPDIST_TRANSPORT_"), transports);
        Map<String, Integer> ciphers = new TreeMap<>();
        for (Options.Cipher one : Options.Cipher.values()) ciphers.put(one.name(), one.number());
        assertEquals(constants("CAPDIST_CIPHER_"), ciphers);
        Map<String, Integer> modes = new TreeMap<>();
        for (QuotaMode one : QuotaMode.values()) modes.put(one.name(), one.ordinal());
        Map<String, Integer> declared = constants("CAPDIST_QUOTA_");
        declared.keySet().removeAll(List.of("EXHAUSTED", "CONFLICT")); // statuses
        assertEquals(declared, modes);
        Map<String, Integer> outages = new TreeMap<>();
        for (OutageMode one : OutageMode.values()) outages.put(one.name(), one.ordinal());
        assertEquals(constants("CAPDIST_OUTAGE_"), outages);
        constants("CAPDIST_STATE_").forEach((name, number) ->
                assertEquals(name, ConnectionInfo.State.of(number).name()));
        constants("CAPDIST_LOG_").forEach((name, number) ->
                assertEquals(name, Listener.LogLevel.of(number).name()));
    }
}

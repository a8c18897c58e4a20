package capdist;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.jna.Structure;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/** JNA's layouts of the generated structs match the record, and the public enums have every constant of the header. */
class AbiTest {
    /** A class's int constants with that prefix, by the rest of their name. */
    private static Map<String, Integer> constants(Class<?> type, String prefix) throws IllegalAccessException {
        Map<String, Integer> values = new TreeMap<>();
        for (Field field : type.getDeclaredFields()) {
            if (field.getName().startsWith(prefix)) values.put(field.getName().substring(prefix.length()), field.getInt(null));
        }
        assertTrue(values.size() > 1, prefix);
        return values;
    }

    @Test
    void structsAreTheRecords() throws Exception {
        JsonObject record = JsonParser.parseString(Files.readString(Path.of("bindings/abi/capdist.json"))).getAsJsonObject();
        var fieldOffset = Structure.class.getDeclaredMethod("fieldOffset", String.class);
        fieldOffset.setAccessible(true);
        int checked = 0;
        for (JsonElement one : record.getAsJsonArray("structs")) {
            String name = one.getAsJsonObject().get("name").getAsString();
            StringBuilder pascal = new StringBuilder();
            for (String word : name.substring("capdist_".length()).split("_")) {
                pascal.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
            }
            var constructor = Class.forName("capdist.Abi$" + pascal).getDeclaredConstructor();
            Structure struct = (Structure) constructor.newInstance();
            assertEquals(one.getAsJsonObject().get("size").getAsInt(), struct.size(), name);
            for (JsonElement field : one.getAsJsonObject().getAsJsonArray("fields")) {
                String of = field.getAsJsonObject().get("name").getAsString();
                assertEquals(field.getAsJsonObject().get("offset").getAsInt(), fieldOffset.invoke(struct, of), name + "." + of);
                checked++;
            }
        }
        assertTrue(checked > 80);
    }

    @Test
    void classesHaveEveryConstant() throws Exception {
        assertEquals(constants(Abi.class, "MARKET_"), constants(Security.class, "MARKET_"));
        assertEquals(constants(Abi.class, "ERR_KIND_"), constants(ErrCode.class, "KIND_"));
        assertEquals(constants(Abi.class, "INIT_CONNECT_"), constants(ErrCode.class, "INIT_CONNECT_"));
    }

    @Test
    void enumsHaveEveryConstant() throws Exception {
        assertEquals(constants(Abi.class, "TRANSPORT_").keySet(), names(Options.Transport.values()).keySet());
        assertEquals(constants(Abi.class, "CIPHER_").keySet(), names(Options.Cipher.values()).keySet());
        each("STATE_", ConnectionInfo.State::of, ConnectionInfo.State.values());
        each("LOG_", Listener.LogLevel::of, Listener.LogLevel.values());
        for (Status status : Status.values()) assertEquals(status, Status.of(status.number()));
        assertEquals(Status.UNKNOWN, Status.of(63));
        assertEquals(Status.UNKNOWN, Status.of(1000));
    }

    private static Map<String, Enum<?>> names(Enum<?>[] values) {
        Map<String, Enum<?>> names = new TreeMap<>();
        for (Enum<?> value : values) names.put(value.name(), value);
        return names;
    }

    private static void each(String prefix, IntFunction<Enum<?>> of, Enum<?>[] values) throws Exception {
        Map<String, Enum<?>> known = new TreeMap<>();
        constants(Abi.class, prefix).forEach((name, number) -> known.put(name, of.apply(number)));
        assertEquals(names(values), known);
    }
}

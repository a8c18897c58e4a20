-- libcapdist from LuaJIT, whose FFI reads the preprocessed header whole. `fetch.lua LIBRARY DECLARATIONS PORT`.
local ffi = require("ffi")
local library, declarations, port = ...
ffi.cdef(assert(io.open(declarations)):read("*a"))
ffi.cdef("struct pollfd { int fd; short events, revents; }; int poll(struct pollfd *fds, unsigned long count, int timeout);")
local capdist = ffi.load(library)

local function connected(mode)
  local options, conn = ffi.new("capdist_options"), ffi.new("capdist_conn *[1]")
  assert(capdist.capdist_options_init(options, ffi.sizeof(options)) == capdist.CAPDIST_OK)
  options.port, options.mode = tonumber(port), mode
  assert(capdist.capdist_init_connect(options, conn) == capdist.CAPDIST_OK, ffi.string(capdist.capdist_last_error()))
  return conn[0]
end

-- A Lua state belongs to one thread: without callbacks thread mode never enters it.
local conn, security = connected(capdist.CAPDIST_MODE_THREAD), ffi.new("capdist_security")
for _, name in ipairs({ "HK.00700", "HK.99999", "nonsense" }) do
  if capdist.capdist_security_parse(name, security) ~= capdist.CAPDIST_OK then
    print(name .. " " .. ffi.string(capdist.capdist_last_error()))
  else
    local reply = ffi.new("capdist_reply *[1]")
    local status = capdist.capdist_fetch_capital_distribution(conn, security, nil, reply)
    local ok = status == capdist.CAPDIST_OK
    print(name .. " " .. (ok and ("%.0f"):format(reply[0].distribution.capital_in_big) or ffi.string(reply[0].desc)))
    capdist.capdist_reply_free(reply[0])
  end
end
capdist.capdist_release(conn)

conn = connected(capdist.CAPDIST_MODE_HOST_DRIVEN)
local answer
local on_reply = ffi.cast("capdist_reply_fn", function(_, _, reply)
  answer = reply.distribution.capital_in_big
end)
capdist.capdist_security_parse("HK.00700", security)
assert(capdist.capdist_get_capital_distribution(conn, security, nil, on_reply, nil, nil) == capdist.CAPDIST_OK)

-- What makes callbacks must not be compiled: a trace that is entered from C ends the program.
local function drive(wait)
  while not answer and ffi.C.poll(wait, 1, 10000) > 0 do capdist.capdist_process(conn) end
end
jit.off(drive)
drive(ffi.new("struct pollfd", { capdist.capdist_get_fd(conn), 1 }))
print(("callback %.0f"):format(answer))
capdist.capdist_release(conn)
on_reply:free()

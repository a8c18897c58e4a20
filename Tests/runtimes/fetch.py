"""libcapdist with Python's cffi (CPython), which reads the whole preprocessed header. `fetch.py LIBRARY DECLARATIONS PORT`."""

import select
import sys

import cffi

library, declarations, port = sys.argv[1:]
ffi = cffi.FFI()
with open(declarations) as file:
    ffi.cdef(file.read())
capdist = ffi.dlopen(library)


def text(raw) -> str:
    return ffi.string(raw).decode()


def connected(mode: int):
    options, conn = ffi.new("capdist_options *"), ffi.new("capdist_conn **")
    assert capdist.capdist_options_init(options, ffi.sizeof("capdist_options")) == capdist.CAPDIST_OK
    options.port, options.mode = int(port), mode
    assert capdist.capdist_init_connect(options, conn) == capdist.CAPDIST_OK, text(capdist.capdist_last_error())
    return conn[0]


def parsed(name: str):
    security = ffi.new("capdist_security *")
    return security if capdist.capdist_security_parse(name.encode(), security) == capdist.CAPDIST_OK else None


conn = connected(capdist.CAPDIST_MODE_THREAD)
for name in ("HK.00700", "HK.99999", "nonsense"):
    security, reply = parsed(name), ffi.new("capdist_reply **")
    if security is None:
        print(name, text(capdist.capdist_last_error()))
        continue
    # cffi lets other Python threads run meanwhile.
    status = capdist.capdist_fetch_capital_distribution(conn, security, ffi.NULL, reply)
    figure = status == capdist.CAPDIST_OK
    print(name, int(reply[0].distribution.capital_in_big) if figure else text(reply[0].desc))
    capdist.capdist_reply_free(reply[0])
capdist.capdist_release(conn)

conn = connected(capdist.CAPDIST_MODE_HOST_DRIVEN)
answers = []


@ffi.callback("capdist_reply_fn")
def on_reply(_conn, _serial_no, reply, _user_data) -> None:
    answers.append(int(reply.distribution.capital_in_big))


asked = capdist.capdist_get_capital_distribution(conn, parsed("HK.00700"), ffi.NULL, on_reply, ffi.NULL, ffi.NULL)
assert asked == capdist.CAPDIST_OK
while not answers and select.select([capdist.capdist_get_fd(conn)], [], [], 10)[0]:
    capdist.capdist_process(conn)
print("callback", *answers)
capdist.capdist_release(conn)

/// libcapdist from D. `fetch PORT`. In application-driven mode: D's garbage collector stops each thread that runs D by a signal, and
/// in this mode all D code runs on threads of D.
import core.sys.posix.poll;
import std.conv : to;
import std.stdio : writefln;
import std.string : fromStringz, toStringz;

extern (C) nothrow
{
struct Security { int market; char[60] code; }
struct Distribution { double capitalInSuper, capitalInBig; }
/// The fields that are read; docs/foreign.md has the offsets.
struct Reply { ubyte[104] before; const(char)* desc; const(Distribution)* distribution; }
alias ReplyFn = void function(void*, uint, const(Reply)*, void*) nothrow;
int capdist_options_init(void* options, size_t size);
int capdist_init_connect(const(void)* options, void** conn);
int capdist_security_parse(const(char)* text, Security* security);
const(char)* capdist_last_error();
int capdist_fetch_capital_distribution(void* conn, const(Security)* security, const(void)* options, Reply** reply);
int capdist_get_capital_distribution(
    void* conn, const(Security)* security, const(void)* options, ReplyFn callback, void* userData, uint* serialNo);
void capdist_reply_free(Reply* reply);
int capdist_get_fd(void* conn);
int capdist_process(void* conn);
int capdist_release(void* conn);
}

extern (C) void onReply(void*, uint, const(Reply)* reply, void* userData) nothrow
{
    // Allocates, so that garbage is collected.
    auto copy = new double[](1000);
    copy[0] = reply.distribution.capitalInBig;
    *cast(double*) userData = copy[0];
}

void main(string[] words)
{
    ulong[25] options; // the size in 1.0 works with every later 1.x
    capdist_options_init(options.ptr, 200);
    (cast(int*) options.ptr)[4] = words[1].to!int;
    (cast(int*) options.ptr)[5] = 1;
    void* conn;
    assert(capdist_init_connect(options.ptr, &conn) == 0);
    Security security;
    foreach (name; ["HK.00700", "HK.99999", "nonsense"])
    {
        if (capdist_security_parse(name.toStringz, &security) != 0)
        {
            writefln("%s %s", name, capdist_last_error().fromStringz);
            continue;
        }
        Reply* reply;
        const status = capdist_fetch_capital_distribution(conn, &security, null, &reply);
        if (status == 0) writefln("%s %.0f", name, reply.distribution.capitalInBig);
        else writefln("%s %s", name, reply.desc.fromStringz);
        capdist_reply_free(reply);
    }
    double answer = 0;
    capdist_security_parse("HK.00700", &security);
    capdist_get_capital_distribution(conn, &security, null, &onReply, &answer, null);
    pollfd wait = {fd: capdist_get_fd(conn), events: POLLIN};
    while (answer == 0 && poll(&wait, 1, 10_000) > 0) capdist_process(conn);
    writefln("callback %.0f", answer);
    capdist_release(conn);
}

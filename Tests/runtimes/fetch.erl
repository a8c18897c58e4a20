%% libcapdist from Erlang, as a NIF (fetch_erl.c) on a dirty scheduler. `fetch EXTENSION PORT`.
-module(fetch).
-export([main/1, connect/1, fetch/2, release/1]).

main([Extension, Port]) ->
    ok = io:setopts([{encoding, unicode}]),
    ok = erlang:load_nif(filename:rootname(Extension), 0),
    Conn = connect(list_to_integer(Port)),
    [io:format("~s ~ts~n", [Name, fetch(Conn, list_to_binary(Name))]) || Name <- ["HK.00700", "HK.99999", "nonsense"]],
    release(Conn),
    init:stop().

connect(_Port) -> erlang:nif_error(not_loaded).
fetch(_Conn, _Name) -> erlang:nif_error(not_loaded).
release(_Conn) -> erlang:nif_error(not_loaded).

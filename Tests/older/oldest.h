/* Generated from include/capdist.h: do not edit. `make abi` writes it. */

/* The structs' sizes in version 1.0. */
enum {
    OLDEST_capdist_security = 64,
    OLDEST_capdist_capital_distribution = 88,
    OLDEST_capdist_reply = 136,
    OLDEST_capdist_proto_reply = 56,
    OLDEST_capdist_options = 200,
    OLDEST_capdist_request_options = 24,
    OLDEST_capdist_connection_info = 32,
    OLDEST_capdist_quota = 32,
};

/* Functions that 1.0 lacks: X(result, name, parameters, arguments). */
#define NEWER_FUNCTIONS(X) \
    X(int32_t, capdist_status_retry, (capdist_status status), (status)) \
    X(capdist_status, capdist_flow_of, (const capdist_capital_distribution * distribution, int32_t group, capdist_flow * flow), (distribution, group, flow)) \
    X(capdist_status, capdist_resolved, (capdist_conn * conn, const char * addresses, const char * why), (conn, addresses, why))

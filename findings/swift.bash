# Read by the scripts about the Swift toolchain, which is no package: the one on the PATH is used, and must be the one stated.
# shellcheck source=common.bash
source "$findings/common.bash"
version=$(swiftc --version 2>/dev/null | grep -oE 'Swift version [0-9.]+')
expect "$version" "Swift version 6.3.1"
runtime=$(dirname "$(readlink -f "$(command -v swiftc)")")/../lib/swift/linux

#!/bin/sh
# Installs the Debian packages that building (build), testing (test), make lint or make fuzz needs and
# this machine lacks.
# Debian 12 and 13; as root, or through sudo.
set -eu
build="gcc make pkg-config libmicrohttpd-dev libcurl4-openssl-dev libjansson-dev libsqlite3-dev
libsodium-dev zlib1g-dev uthash-dev"
test="libcmocka-dev nginx-light openssl curl python3 python3-venv npm nodejs"
lint="clang-format clang-tidy cppcheck"
case "${1:-build}" in
build) wanted=$build ;;
test) wanted="$build $test" ;;
lint) wanted="$build $lint" ;;
fuzz)
    # The sanitizers' runtimes are a package of the compiler's own version.
    clang=19
    grep -q '^VERSION_ID="12"' /etc/os-release && clang=14
    wanted="$build clang-$clang libclang-rt-$clang-dev nodejs"
    ;;
*) echo "usage: setup.sh build|test|lint|fuzz" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    case $package in
    # A Node, npm or Python that did not come from Debian is as good.
    nodejs) command -v node >/dev/null 2>&1 && continue ;;
    npm) command -v npm >/dev/null 2>&1 && continue ;;
    python3-venv) python3 -c 'import venv, ensurepip' 2>/dev/null && continue ;;
    nginx-light) command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "These packages are missing; install them as root:  apt-get install$missing" >&2
        exit 1
    }
    as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null

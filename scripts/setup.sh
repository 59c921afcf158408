#!/bin/sh
# Installs what the build and the demo need and this machine lacks: a C compiler, libclang, a Rust
# toolchain, PostgreSQL server programs; with the argument "tests" also npm, by which
# scripts/servers.sh fetches further PostgreSQL versions. Does nothing, at once, when nothing is
# missing. Never touches a PostgreSQL server that runs.
set -eu
cd "$(dirname "$0")/.."

for_tests=no
[ "${1:-}" != tests ] || for_tests=yes

say() { printf '%s\n' "setup: $*" >&2; }
fail() { printf '%s\n' "setup: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
# Whether any of the arguments, patterns already expanded by the shell, is there.
any() { for path in "$@"; do [ ! -e "$path" ] || return 0; done; return 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif has sudo; then sudo "$@"
    else fail "not root and no sudo; run as root: $*"
    fi
}

# What is there already?

has_compiler() { has cc || has gcc || has clang; }

has_libclang() {
    [ -z "${LIBCLANG_PATH:-}" ] || return 0
    case $(uname -s) in
        Darwin)
            any /Library/Developer/CommandLineTools/usr/lib/libclang.dylib \
                /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib/libclang.dylib \
                /opt/homebrew/opt/llvm/lib/libclang.dylib /usr/local/opt/llvm/lib/libclang.dylib ;;
        # The library alone does not do: the compiler's own headers have to be there as well.
        *)
            any /usr/lib/llvm-*/lib/libclang.so* /usr/lib/llvm-*/lib/libclang-[0-9]*.so* \
                /usr/lib/*-linux-gnu/libclang.so* /usr/lib/*-linux-gnu/libclang-[0-9]*.so* \
                /usr/lib64/libclang.so* /usr/lib64/llvm*/lib*/libclang.so* /usr/lib/libclang.so* &&
            any /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h \
                /usr/lib64/clang/*/include/stddef.h ;;
    esac
}

has_server() {
    old_ifs=$IFS
    IFS=:
    for dir in ${AIRLOCK_PG_BIN:-} $PATH; do
        if [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ]; then IFS=$old_ifs; return 0; fi
    done
    IFS=$old_ifs
    any /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres .servers/*/native/bin/postgres \
        /opt/homebrew/opt/postgresql*/bin/postgres /usr/local/opt/postgresql*/bin/postgres \
        /Applications/Postgres.app/Contents/Versions/*/bin/postgres
}

wanted_rust=$(sed -n 's/^rust-version = "\([0-9]*\.[0-9]*\).*/\1/p' Cargo.toml)
rust_path() {
    PATH=$HOME/.cargo/bin:$PATH:/opt/homebrew/opt/rustup/bin:/usr/local/opt/rustup/bin
    export PATH
}

has_rust() {
    has cargo && has rustc || return 1
    # rustc 1.95.0 (...)
    found=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*/\1/p')
    [ -n "$found" ] || return 1
    [ "${found%%.*}" -gt "${wanted_rust%%.*}" ] ||
        { [ "${found%%.*}" -eq "${wanted_rust%%.*}" ] && [ "${found#*.}" -ge "${wanted_rust#*.}" ]; }
}

# Install the rest.

updated=no
apt_install() {
    if [ "$updated" = no ]; then
        as_root apt-get update -q >&2
        updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

apt_install_server() {
    # Only the programs: Debian's package would also make a cluster and start it at every boot.
    drop_in=/etc/postgresql-common/createcluster.d/airlock-setup.conf
    as_root mkdir -p "${drop_in%/*}"
    as_root sh -c "echo 'create_main_cluster = false' > $drop_in"
    status=0
    apt_install postgresql || status=$?
    as_root rm -f "$drop_in"
    return "$status"
}

install() { # what: compiler, libclang, server, npm, rustup
    case $system:$1 in
        apt:compiler) apt_install build-essential ;;
        apt:libclang) apt_install libclang-dev ;;
        apt:server) apt_install_server ;;
        apt:npm) apt_install npm ;;
        apt:rustup) apt_install rustup ca-certificates ;;
        dnf:compiler) as_root dnf install -q -y gcc make >&2 ;;
        dnf:libclang) as_root dnf install -q -y clang-devel >&2 ;;
        dnf:server) as_root dnf install -q -y postgresql-server >&2 ;;
        dnf:npm) as_root dnf install -q -y nodejs-npm >&2 ;;
        dnf:rustup) as_root dnf install -q -y rustup >&2 ;;
        brew:compiler) fail "no C compiler: run xcode-select --install, then this again" ;;
        brew:libclang) brew install llvm >&2 ;;
        brew:server) brew install postgresql@17 >&2 ;;
        brew:npm) brew install node >&2 ;;
        brew:rustup) brew install rustup >&2 ;;
    esac
}

install_rust() {
    if ! has rustup && ! has rustup-init; then
        install rustup || fail "no Rust $wanted_rust or newer and no package \"rustup\" here: install \
Rust with rustup by hand, then run this again"
        rust_path
    fi
    has rustup || rustup-init -y --no-modify-path >&2
    rust_path
    rustup toolchain install stable --profile default >&2
    rustup default stable >&2
}

missing=
rust_path
has_compiler || missing="$missing compiler"
has_libclang || missing="$missing libclang"
has_server || missing="$missing server"
has_rust || missing="$missing rust"
if [ "$for_tests" = yes ] && ! { has npm && has node && has tar; }; then missing="$missing npm"; fi
[ -n "$missing" ] || exit 0

if has apt-get; then system=apt
elif has dnf; then system=dnf
elif has brew; then system=brew
else
    fail "this system has none of apt-get, dnf and brew. Missing:$missing. By hand: a C compiler, \
libclang with its headers, Rust $wanted_rust or newer, PostgreSQL's initdb and postgres (name their \
directory in AIRLOCK_PG_BIN)."
fi

for what in $missing; do
    say "installing what is missing: $what"
    case $what in
        rust) install_rust ;;
        npm) install npm || say "no npm: the tests run on the PostgreSQL versions that are here" ;;
        *) install "$what" ;;
    esac
done

has_rust || fail "Rust $wanted_rust or newer is still not there; rustc says: $(rustc --version 2>&1)"
